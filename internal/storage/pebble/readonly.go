package pebble

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"

	cockroach "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Opening a Pebble database writes to it, so an error half-way would leave a
// directory that is not what it was. Every database is therefore first opened for
// reading, on a file system that cannot write: whether all files are there, the
// log can be replayed, and the header is one that this release understands is
// known before the first byte is written. It costs a second replay of the log.

// readOnlyFS is a file system that refuses to write.
type readOnlyFS struct{ vfs.FS }

var errReadOnly = errors.New("the directory has been opened for reading only")

func (readOnlyFS) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, refuse("create", name)
}

func (readOnlyFS) ReuseForWrite(oldname, _ string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, refuse("reuse", oldname)
}

func (readOnlyFS) OpenReadWrite(name string, _ vfs.DiskWriteCategory, _ ...vfs.OpenOption) (vfs.File, error) {
	return nil, refuse("open", name)
}

func (readOnlyFS) Link(oldname, _ string) error              { return refuse("link", oldname) }
func (readOnlyFS) Rename(oldname, _ string) error            { return refuse("rename", oldname) }
func (readOnlyFS) Remove(name string) error                  { return refuse("remove", name) }
func (readOnlyFS) RemoveAll(name string) error               { return refuse("remove", name) }
func (readOnlyFS) MkdirAll(name string, _ os.FileMode) error { return refuse("make", name) }

// Lock does nothing: claim has locked the directory.
func (readOnlyFS) Lock(string) (io.Closer, error) { return unlocked{}, nil }

// Unwrap implements vfs.FS.
func (fs readOnlyFS) Unwrap() vfs.FS { return fs.FS }

func refuse(what, name string) error {
	return &iofs.PathError{Op: what, Path: name, Err: errReadOnly}
}

// openForReading opens the database of a directory that claim has found to have
// one.
func openForReading(fs vfs.FS, dir string, opts Options) (*cockroach.DB, error) {
	log := readerLog{opts.Logger}
	po := &cockroach.Options{
		FS:       readOnlyFS{fs},
		ReadOnly: true,
		Logger:   log,
		EventListener: &cockroach.EventListener{
			// The default is Fatalf. Whoever reads gets an error as well.
			DataCorruption: func(info cockroach.DataCorruptionInfo) {
				log.Errorf("%s is damaged: %v", info.Path, info.Details)
			},
		},
	}
	tune(po, opts)
	var db *cockroach.DB
	err := <-shield("open for reading", func() (err error) {
		db, err = cockroach.Open(dir, po)
		return err
	})
	switch {
	case err == nil:
		return db, nil
	case strings.Contains(err.Error(), "omparer name"), strings.Contains(err.Error(), "erger name"):
		return nil, fmt.Errorf("%w: it holds a Pebble database of something else: choose another directory", ErrFormat)
	case strings.Contains(err.Error(), "written in unknown format"):
		return nil, fmt.Errorf("%w: %w: use the release that wrote it, or a newer one", ErrFormat, err)
	}
	if strings.Contains(err.Error(), "replaying WAL") {
		err = fmt.Errorf("%w (in %s)", err, some(logs(fs, dir)))
	}
	if _, system := errors.AsType[syscall.Errno](err); !system {
		return nil, fmt.Errorf("%w: %w: %s", ErrDamaged, err, restore)
	}
	return nil, misread(err)
}

// logs are the names of the log files: Pebble does not say which one is damaged.
func logs(fs vfs.FS, dir string) []string {
	names, _ := fs.List(dir)
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, ".log") })
}

// readerLog is where Pebble logs to while it reads.
type readerLog struct{ logger *slog.Logger }

func (readerLog) Infof(string, ...any) {}

func (l readerLog) Errorf(format string, args ...any) {
	l.logger.Error("storage: " + fmt.Sprintf(format, args...))
}

// Fatalf ends the goroutine, which is one that shield has started or one of
// Pebble's own.
func (l readerLog) Fatalf(format string, args ...any) {
	l.Errorf(format, args...)
	runtime.Goexit()
}
