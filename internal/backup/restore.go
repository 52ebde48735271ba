package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// RestoreOptions are what is restored, and where to. From and DataDir are required.
type RestoreOptions struct {
	// From is a backup, or a directory of backups, of which the last one is taken.
	From string
	// DataDir is to be the data directory. It is made if it is not there, and must be
	// empty, or have what a restoration has left that was interrupted.
	DataDir string
	// Progress is called now and then with the bytes that are copied. Optional.
	Progress func(done, total int64)
}

// ErrNotEmpty: the directory to restore to has something in it.
var ErrNotEmpty = errors.New("the directory is not empty")

// unfinishedName is a file that is in a data directory while it is being restored.
const unfinishedName = "restore-unfinished"

// Restore makes a data directory of a backup. Every file is compared with its checksum
// while it is copied. If one is damaged, or anything else is wrong, the directory is left as
// it was found.
//
// A server refuses the directory until the restoration has ended: the files by
// which a store is told from what is none are written last.
func Restore(ctx context.Context, options RestoreOptions) (m *Manifest, err error) {
	if options.Progress == nil {
		options.Progress = func(int64, int64) {}
	}
	dir, m, err := Find(options.From)
	if err != nil {
		return nil, err
	}
	made, err := prepare(options.DataDir)
	if err != nil {
		return nil, fmt.Errorf("restore to %s: %w", options.DataDir, err)
	}
	if err := restore(ctx, dir, m, options); err != nil {
		return nil, errors.Join(fmt.Errorf("restore %s to %s: %w", dir, options.DataDir, explainRestore(err)), undo(options.DataDir, made))
	}
	return m, nil
}

func explainRestore(err error) error {
	if isFull(err) {
		return fmt.Errorf("%w: free space there, or choose another directory", err)
	}
	return err
}

func restore(ctx context.Context, dir string, m *Manifest, options RestoreOptions) error {
	var done int64
	copyFile := func(f File) error {
		target, err := os.OpenFile(filepath.Join(options.DataDir, f.Name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		err = checkFile(ctx, filepath.Join(dir, dataName, f.Name), f, target, func(n int64) {
			done += n
			options.Progress(done, m.Bytes)
		})
		if err == nil {
			err = target.Sync()
		}
		return errors.Join(err, target.Close())
	}
	for _, markers := range []bool{false, true} {
		for _, f := range m.Files {
			if strings.HasPrefix(f.Name, "marker.") != markers {
				continue
			}
			err := copyFile(f)
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			if err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
		}
		// All else is on the disk before the first marker is.
		if err := syncDir(options.DataDir); err != nil {
			return err
		}
	}
	if err := os.Remove(filepath.Join(options.DataDir, unfinishedName)); err != nil {
		return err
	}
	return syncDir(options.DataDir)
}

// prepare makes the directory if it is not there, which it reports, and notes in it that
// it is being restored.
func prepare(dir string) (made bool, err error) {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		made = true
	case err != nil:
		return false, err
	}
	names := make(map[string]bool, len(entries))
	for _, entry := range entries {
		names[entry.Name()] = true
	}
	if names[unfinishedName] {
		if err := undo(dir, false); err != nil {
			return false, err
		}
	} else if delete(names, "lost+found"); len(names) > 0 {
		return false, fmt.Errorf("%w: choose one that is, or that does not exist", ErrNotEmpty)
	}
	if err := makeDir(dir); err != nil {
		return false, err
	}
	f, err := os.OpenFile(filepath.Join(dir, unfinishedName), os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return false, err
	}
	return made, errors.Join(f.Close(), syncDir(dir))
}

// undo removes what a restoration has made, and the directory as well if that made it.
func undo(dir string, made bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		// The note goes last, so that a clearing that is interrupted can be told.
		if name := entry.Name(); name != unfinishedName && name != "lost+found" {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	if err := os.Remove(filepath.Join(dir, unfinishedName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if made {
		return os.Remove(dir)
	}
	return nil
}
