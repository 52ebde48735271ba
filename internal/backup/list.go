package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrBusy: somebody else makes or removes backups in the directory.
var ErrBusy = errors.New("another backup, or a prune, is under way in this directory")

// ErrNone: there is no backup where one has to be.
var ErrNone = errors.New("there is no backup")

// Entry is a backup in a directory of backups.
type Entry struct {
	// Name is that of its directory. Names sort as the times of the backups do.
	Name string
	// Manifest is what is in it; nil if it is not finished or cannot be read.
	Manifest *Manifest
	// Partial: it is not finished.
	Partial bool
	// Err is why its manifest cannot be read.
	Err error
}

// List lists the backups of the directory, the oldest first.
func List(dir string) ([]Entry, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []Entry
	for _, entry := range entries {
		name, partial := strings.CutSuffix(entry.Name(), partialSuffix)
		if !entry.IsDir() || !isName(name) {
			continue
		}
		e := Entry{Name: entry.Name(), Partial: partial}
		if !partial {
			e.Manifest, e.Err = readManifest(filepath.Join(dir, entry.Name()))
		}
		list = append(list, e)
	}
	return list, nil
}

func isName(name string) bool {
	_, err := time.Parse(nameLayout, name)
	return err == nil
}

// newest is the last backup of the directory that is whole; nil if there is none.
func newest(dir string) (*Manifest, error) {
	list, err := List(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range slices.Backward(list) {
		if e.Manifest != nil {
			return e.Manifest, nil
		}
	}
	return nil, nil
}

// Find returns the directory and the manifest of a backup: the one that path is, or the
// last one of those in path.
func Find(path string) (dir string, m *Manifest, err error) {
	if _, err := os.Stat(path); err != nil {
		return "", nil, err
	}
	base := filepath.Base(filepath.Clean(path))
	if isName(strings.TrimSuffix(base, partialSuffix)) || exists(filepath.Join(path, manifestName)) {
		if strings.HasSuffix(base, partialSuffix) {
			return "", nil, fmt.Errorf("%w: the backup %s was not finished", ErrNone, path)
		}
		m, err := readManifest(path)
		return path, m, err
	}
	list, err := List(path)
	if err != nil {
		return "", nil, err
	}
	for _, e := range slices.Backward(list) {
		switch {
		case e.Partial:
		case e.Err != nil:
			// Not the one before instead: that would be older than one expects.
			return "", nil, fmt.Errorf("the last backup: %w; name an older one, if that will do", e.Err)
		default:
			return filepath.Join(path, e.Name), e.Manifest, nil
		}
	}
	return "", nil, fmt.Errorf("%w in %s", ErrNone, path)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// DataDir is the data directory inside the backup.
func DataDir(dir string) string { return filepath.Join(dir, dataName) }

// Problem is what is wrong with a file of a backup.
type Problem struct {
	File string
	Err  error
}

func (p Problem) Error() string { return fmt.Sprintf("%s: %v", p.File, p.Err) }

// Check reads all files of the backup, and returns those that are not as they were made. Progress is
// called now and then with the bytes that have been read.
func Check(ctx context.Context, dir string, m *Manifest, progress func(bytes int64)) ([]Problem, error) {
	var problems []Problem
	var done int64
	for _, f := range m.Files {
		err := checkFile(ctx, filepath.Join(dir, dataName, f.Name), f, io.Discard, func(n int64) {
			done += n
			progress(done)
		})
		if cause := context.Cause(ctx); cause != nil {
			return problems, cause
		}
		if err != nil {
			problems = append(problems, Problem{f.Name, err})
		}
	}
	return problems, nil
}

// checkFile reads a file of a backup, compares it with the manifest, and writes it to the
// target.
func checkFile(ctx context.Context, path string, f File, target io.Writer, done func(n int64)) error {
	source, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: it is missing", ErrDamaged)
	}
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	if info.Size() != f.Size {
		return fmt.Errorf("%w: it has %d bytes, and had %d", ErrDamaged, info.Size(), f.Size)
	}
	sum, err := transfer(ctx, source, target, newPace(0), done)
	if err != nil {
		return err
	}
	if sum != f.SHA256 {
		return fmt.Errorf("%w: its checksum is not the one it was made with", ErrDamaged)
	}
	return nil
}

// Prune removes the oldest backups but for keep of them, which must be at least 1, and what
// is left of those that were not finished. It returns what it has removed. Those that are kept stay whole: what they
// share with others is not removed.
func Prune(dir string, keep int) (removed []string, err error) {
	if keep < 1 {
		return nil, errors.New("at least one backup has to be kept")
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	list, err := List(dir)
	if err != nil {
		return nil, err
	}
	// One that cannot be read is no reason to remove one that can.
	whole := 0
	for _, e := range slices.Backward(list) {
		if e.Manifest != nil {
			whole++
		}
		if !e.Partial && (whole <= keep) {
			continue
		}
		if err := removeBackup(dir, e.Name); err != nil {
			return removed, err
		}
		removed = append(removed, e.Name)
	}
	slices.Reverse(removed)
	return removed, nil
}

// removeBackup removes a backup, which is none from the first moment on.
func removeBackup(dir, name string) error {
	path := filepath.Join(dir, name)
	if !strings.HasSuffix(name, partialSuffix) {
		if err := os.Rename(path, path+partialSuffix); err != nil {
			return err
		}
		path += partialSuffix
	}
	return os.RemoveAll(path)
}

// removePartial removes what is left of backups that were not finished. The directory is
// locked, so nobody is at work on them.
func removePartial(dir string, logger *slog.Logger) error {
	list, err := List(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if !e.Partial {
			continue
		}
		logger.Warn("A backup that was not finished is removed.", "dir", dir, "backup", e.Name)
		if err := removeBackup(dir, e.Name); err != nil {
			return fmt.Errorf("remove a backup that was not finished: %w", err)
		}
	}
	return nil
}

// lockDir locks the directory of backups.
func lockDir(dir string) (io.Closer, error) {
	lock, err := vfs.Default.Lock(filepath.Join(dir, lockName))
	if err == nil {
		return lock, nil
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, err
	}
	return nil, fmt.Errorf("%w (%w)", ErrBusy, err)
}
