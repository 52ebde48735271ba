package pebble

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"slices"
	"strings"
	"syscall"

	cockroach "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Errors of a directory that cannot be opened. What wraps them says what to do.
// Nothing is written to such a directory.
var (
	// ErrInUse: another process, or this one, has the directory open.
	ErrInUse = errors.New("data directory is in use")
	// ErrFormat: the directory holds a store of a format that this release cannot
	// read, or something else altogether.
	ErrFormat = errors.New("data directory has an unknown format")
	// ErrDamaged: the directory holds a store of which a part is missing or makes
	// no sense.
	ErrDamaged = errors.New("data directory is damaged")
	// ErrResharding: a resharding of the store was begun and not ended.
	ErrResharding = errors.New("data directory is in the middle of a resharding")
	// ErrNoStore: there is no store where there has to be one.
	ErrNoStore = errors.New("there is no store")
)

const restore = "restore the directory from a backup"

// contents is what a directory holds, as far as the names of its files tell.
type contents uint8

const (
	nothing     contents = iota // but, maybe, what an interrupted creation has left
	absent                      // the directory does not exist
	pebbleFiles                 // a Pebble database
)

// inspect looks at the directory without touching it. A directory that is
// neither for a new store nor has a Pebble database is an error.
func inspect(fs vfs.FS, dir string) (contents, error) {
	info, err := fs.Stat(dir)
	switch {
	case errors.Is(err, iofs.ErrNotExist):
		return absent, nil
	case err != nil:
		return nothing, unreadable(err)
	case !info.IsDir():
		return nothing, fmt.Errorf("%w: it is a file, and Perdure keeps its data in a directory: choose another path", ErrFormat)
	}
	names, err := fs.List(dir)
	if err != nil {
		return nothing, unreadable(err)
	}
	// What a file system or its tools put into the root of a volume is no reason
	// to refuse it.
	names = slices.DeleteFunc(names, func(name string) bool { return name == lockName || name == "lost+found" })
	desc, err := cockroach.Peek(dir, fs)
	if err != nil {
		return nothing, misread(err)
	}
	if desc.Exists {
		return pebbleFiles, nil
	}
	var foreign, data []string
	for _, name := range names {
		switch isData, isPebble := pebbleFile(name); {
		case !isPebble:
			foreign = append(foreign, name)
		case isData && !empty(fs, fs.PathJoin(dir, name)):
			data = append(data, name)
		}
	}
	switch {
	case len(foreign) > 0:
		return nothing, fmt.Errorf("%w: it holds files of something else (%s): choose an empty directory, or one that does not exist",
			ErrFormat, some(foreign))
	case len(data) > 0:
		return nothing, fmt.Errorf("%w: it holds data (%s) and not the files marker.manifest.* and MANIFEST-* that belong to them: %s",
			ErrDamaged, some(data), restore)
	}
	return nothing, nil
}

// pebbleFile reports whether Pebble gives files such names, and whether they
// hold what commits have written.
func pebbleFile(name string) (data, ok bool) {
	for _, suffix := range []string{".sst", ".log", ".blob"} {
		if strings.HasSuffix(name, suffix) {
			return true, true
		}
	}
	for _, prefix := range []string{"MANIFEST-", "OPTIONS-", "marker.", "temporary."} {
		if strings.HasPrefix(name, prefix) {
			return false, true
		}
	}
	return false, strings.HasSuffix(name, ".dbtmp")
}

func empty(fs vfs.FS, name string) bool {
	info, err := fs.Stat(name)
	return err == nil && info.Size() == 0
}

// some lists a few of the names.
func some(names []string) string {
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + " and more"
	}
	return strings.Join(names, ", ")
}

// unreadable explains an error of the file system on the way to a store.
func unreadable(err error) error {
	switch {
	case errors.Is(err, iofs.ErrPermission):
		return fmt.Errorf("%w: give the user that runs this program access to it", err)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%w: a part of the path is a file: choose another path", err)
	}
	return err
}

// misread explains an error of Pebble on its way into a directory, or out of
// one of its tables.
func misread(err error) error {
	switch {
	case errors.Is(err, iofs.ErrPermission):
		return unreadable(err)
	case cockroach.IsCorruptionError(err), errors.Is(err, iofs.ErrNotExist), errors.Is(err, cockroach.ErrDBNotPristine):
		return fmt.Errorf("%w: %w: %s", ErrDamaged, err, restore)
	}
	return err
}

const lockName = "LOCK"

// claim inspects the directory and locks it. Only a directory that is fit for a
// store, or has one, is written to: it gets a lock file, and is made if create is
// set. contents are as of after the lock was taken.
func claim(fs vfs.FS, dir string, create bool) (lock io.Closer, found contents, err error) {
	name := fs.PathJoin(dir, lockName)
	if info, err := fs.Stat(name); err != nil || info.Size() > 0 {
		// No lock file, or not ours. If there is one, whoever has the lock may be in
		// the middle of something that would look wrong.
		found, err := inspect(fs, dir)
		if err != nil {
			return nil, found, err
		}
		if !create && found != pebbleFiles {
			return nil, found, ErrNoStore
		}
	}
	if create {
		if err := makeDirectory(fs, dir); err != nil {
			return nil, nothing, unreadable(err)
		}
	}
	lock, err = fs.Lock(name)
	if err != nil {
		if _, ok := errors.AsType[*iofs.PathError](err); ok {
			return nil, nothing, unreadable(err) // the lock file could not even be made
		}
		return nil, nothing, fmt.Errorf("%w: stop the process that uses it, or choose another directory (%w)", ErrInUse, err)
	}
	found, err = inspect(fs, dir)
	if err == nil && !create && found != pebbleFiles {
		err = ErrNoStore
	}
	if err != nil {
		return nil, found, errors.Join(err, lock.Close())
	}
	return lock, found, nil
}

// makeDirectory makes dir and the directories above it, each of them durable.
func makeDirectory(fs vfs.FS, dir string) error {
	if _, err := fs.Stat(dir); err == nil || !errors.Is(err, iofs.ErrNotExist) {
		return err
	}
	parent := fs.PathDir(dir)
	if parent != dir {
		if err := makeDirectory(fs, parent); err != nil {
			return err
		}
	}
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	d, err := fs.OpenDir(parent)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
