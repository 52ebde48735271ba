// Package backup makes backups of a store while a server writes to it, and makes data
// directories of them.
//
// # What a backup is
//
// Backups live in a directory of their own, each in a directory named after its time:
//
//	backups/
//	  LOCK                      held by whoever makes or removes backups
//	  20261129T200405.123Z/
//	    manifest.json           what is in it, with checksums; written last
//	    data/                   a data directory, as of that time
//	  20261129T210405.456Z.partial/    not finished: under way, or left by one who was killed
//
// A backup is whole from the moment its directory loses the ending ".partial", which is when
// everything in it, the manifest included, is on stable storage. Everything that
// the server had acknowledged before Manifest.Time is in it.
//
// # What a further backup costs
//
// A backup is taken of a checkpoint of the store, which is made in milliseconds and costs no
// space (pebble.Store.Checkpoint), so it is of one moment however long the copying takes. Tables of the store never
// change: one that the backup before has already is linked, not copied. Files are
// told apart by name, size and time of modification, and by how they end; a store that was restored writes
// its files anew, with other times, so that the first backup of it copies everything.
//
// The index of visibility is not in a backup. It is made of the records, and a server that finds none
// builds it.
//
// # What may go wrong
//
// A backup that fails, for a full disk or for anything else, removes what it has made,
// and the server goes on. What a killed process has left is removed by the next backup, and
// meanwhile is not taken for a backup by anybody.
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
	"strings"
	"time"

	"github.com/perdure/perdure/internal/storage/pebble"
)

// Source is a store that a backup can be made of while it is written to.
type Source interface {
	Checkpoint() (*pebble.Checkpoint, error)
	Shards() int
}

// Options are how a backup is made. Source and Dir are required.
type Options struct {
	Source Source
	// Dir is where the backups are. It is made if it is not there.
	Dir string
	// DataDir is the data directory of the server, which Dir must not be in.
	DataDir string
	// Version is that of the server, and Cluster the id of it.
	Version, Cluster string
	// BytesPerSecond bounds how fast files are read and copied; no bound if zero.
	BytesPerSecond int64
	// Progress is called now and then. Optional.
	Progress func(Progress)
	// Logger gets warnings; slog.Default if nil.
	Logger *slog.Logger

	// now and write replace time.Now and writing in tests.
	now   func() time.Time
	write func(w io.Writer, p []byte) (int, error)
}

// Progress is how far a backup is.
type Progress struct {
	// Name is that of the backup.
	Name string
	// Bytes of BytesTotal are in it; Copied of them had to be copied.
	Bytes, BytesTotal, Copied int64
}

// ErrDirectory is wrapped by errors about where the backups are to be.
var ErrDirectory = errors.New("backups cannot be kept there")

// Run makes a backup and returns what is in it.
func Run(ctx context.Context, options Options) (*Manifest, error) {
	if options.now == nil {
		options.now = time.Now
	}
	if options.Progress == nil {
		options.Progress = func(Progress) {}
	}
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	m, err := run(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("backup to %s: %w", options.Dir, err)
	}
	return m, nil
}

func run(ctx context.Context, options Options) (_ *Manifest, err error) {
	if err := checkPlace(options.Dir, options.DataDir); err != nil {
		return nil, err
	}
	if err := makeDir(options.Dir); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDirectory, err)
	}
	lock, err := lockDir(options.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := removePartial(options.Dir, options.Logger); err != nil {
		return nil, err
	}
	previous, err := newest(options.Dir)
	if err != nil {
		return nil, err
	}
	begun := options.now()
	checkpoint, err := options.Source.Checkpoint()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, checkpoint.Close()) }()

	name := checkpoint.Time.UTC().Format(nameLayout)
	if _, err := os.Stat(filepath.Join(options.Dir, name)); err == nil {
		return nil, fmt.Errorf("there is a backup named %s already", name)
	}
	w := &writer{
		ctx:      ctx,
		options:  options,
		source:   checkpoint.Dir,
		partial:  filepath.Join(options.Dir, name+partialSuffix),
		previous: previous,
		pace:     newPace(options.BytesPerSecond),
		progress: Progress{Name: name},
		manifest: &Manifest{
			Format:  manifestFormat,
			Name:    name,
			Version: options.Version,
			Cluster: options.Cluster,
			Shards:  options.Source.Shards(),
			Time:    checkpoint.Time.UTC(),
			Begun:   begun.UTC(),
		},
	}
	if err := w.write(); err != nil {
		return nil, errors.Join(explain(err), os.RemoveAll(w.partial))
	}
	if err := os.Rename(w.partial, filepath.Join(options.Dir, name)); err != nil {
		return nil, errors.Join(err, os.RemoveAll(w.partial))
	}
	return w.manifest, syncDir(options.Dir)
}

// explain says what to do about an error that has to do with the place of the backups.
func explain(err error) error {
	if isFull(err) {
		return fmt.Errorf("%w: free space there, for example with 'perdure admin backups prune', or choose another directory; the server is not affected", err)
	}
	return err
}

// checkPlace refuses directories that backups must not be in.
func checkPlace(dir, dataDir string) error {
	if !filepath.IsAbs(dir) {
		return fmt.Errorf("%w: the path must be absolute", ErrDirectory)
	}
	if dataDir == "" {
		return nil
	}
	data, err := filepath.Abs(dataDir)
	if err != nil {
		return err
	}
	if within(resolved(dir), resolved(data)) {
		return fmt.Errorf("%w: it is the data directory of the server, or inside of it", ErrDirectory)
	}
	return nil
}

// resolved is the path without symbolic links, as far as it exists.
func resolved(path string) string {
	path = filepath.Clean(path)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(resolved(parent), filepath.Base(path))
}

func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// makeDir makes the directory and those above it, each of them durable.
func makeDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return errors.New("it is a file")
	case err == nil || !errors.Is(err, fs.ErrNotExist):
		return err
	}
	parent := filepath.Dir(dir)
	if err := makeDir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(parent)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
