package pebble

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// guardedFS stands between Pebble and the file system. It has two jobs.
//
// It reports the first error of a write, wherever in Pebble it happens. Pebble
// itself answers such errors in many ways: it retries a flush for ever, it
// panics when the log cannot be rotated, it calls Logger.Fatalf when the
// manifest cannot be written, and a failed write of unsynced log records is
// noticed only at the next sync. Here all of them are one event.
//
// And it bars every write after that, because a Pebble that goes on after an
// error it means to be fatal may make things worse: after a failed sync of the
// manifest, for example, a second attempt would record the same tables twice.
// What is on disk stays as the first error left it, to be recovered by the next
// Open.
type guardedFS struct {
	vfs.FS
	// onError is called with the first error of a write, and maybe more. It must
	// not block.
	onError func(error)
	// noSync turns syncs into nothing. Pebble still believes it syncs, and so
	// still hands every record to the operating system before a commit is done.
	noSync bool

	barred atomic.Bool
	// writes is held shared during each write.
	writes sync.RWMutex
}

var errBarred = errors.New("no writes after a failure")

// bar refuses writes from now on. Writes already under way may still end.
func (g *guardedFS) bar() { g.barred.Store(true) }

// settle waits for the writes that were under way when bar was called.
func (g *guardedFS) settle() {
	g.writes.Lock()
	defer g.writes.Unlock()
}

func (g *guardedFS) enter(what, name string) error {
	g.writes.RLock()
	if g.barred.Load() {
		g.writes.RUnlock()
		return fmt.Errorf("%s %s: %w", what, name, errBarred)
	}
	return nil
}

func (g *guardedFS) leave(what, name string, err error) {
	if err != nil {
		g.onError(fmt.Errorf("%s %s: %w", what, name, err))
	}
	g.writes.RUnlock()
}

func (g *guardedFS) file(f vfs.File, name string) vfs.File {
	return &guardedFile{File: f, fs: g, name: name}
}

func (g *guardedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := g.enter("create", name); err != nil {
		return nil, err
	}
	f, err := g.FS.Create(name, category)
	g.leave("create", name, err)
	if err != nil {
		return nil, err
	}
	return g.file(f, name), nil
}

func (g *guardedFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := g.enter("reuse", oldname); err != nil {
		return nil, err
	}
	f, err := g.FS.ReuseForWrite(oldname, newname, category)
	g.leave("reuse", oldname, err)
	if err != nil {
		return nil, err
	}
	return g.file(f, newname), nil
}

func (g *guardedFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := g.FS.OpenReadWrite(name, category, opts...)
	if err != nil {
		return nil, err
	}
	return g.file(f, name), nil
}

func (g *guardedFS) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return g.file(f, name), nil
}

func (g *guardedFS) Link(oldname, newname string) error {
	if err := g.enter("link", oldname); err != nil {
		return err
	}
	err := g.FS.Link(oldname, newname)
	g.leave("link", oldname, err)
	return err
}

func (g *guardedFS) Rename(oldname, newname string) error {
	if err := g.enter("rename", oldname); err != nil {
		return err
	}
	err := g.FS.Rename(oldname, newname)
	g.leave("rename", oldname, err)
	return err
}

func (g *guardedFS) MkdirAll(dir string, perm os.FileMode) error {
	if err := g.enter("make directory", dir); err != nil {
		return err
	}
	err := g.FS.MkdirAll(dir, perm)
	g.leave("make directory", dir, err)
	return err
}

// Remove does not report its error: a file that cannot be removed costs space,
// not data.
func (g *guardedFS) Remove(name string) error {
	if err := g.enter("remove", name); err != nil {
		return err
	}
	err := g.FS.Remove(name)
	g.leave("remove", name, nil)
	return err
}

// RemoveAll does not report its error, like Remove.
func (g *guardedFS) RemoveAll(name string) error {
	if err := g.enter("remove", name); err != nil {
		return err
	}
	err := g.FS.RemoveAll(name)
	g.leave("remove", name, nil)
	return err
}

// Lock does nothing: Store.open has locked the directory.
func (g *guardedFS) Lock(string) (io.Closer, error) { return unlocked{}, nil }

type unlocked struct{}

func (unlocked) Close() error { return nil }

// Unwrap implements vfs.FS.
func (g *guardedFS) Unwrap() vfs.FS { return g.FS }

// guardedFile is a file opened for writing, or a directory.
type guardedFile struct {
	vfs.File
	fs   *guardedFS
	name string
}

func (f *guardedFile) Write(p []byte) (int, error) {
	if err := f.fs.enter("write", f.name); err != nil {
		return 0, err
	}
	n, err := f.File.Write(p)
	f.fs.leave("write", f.name, err)
	return n, err
}

func (f *guardedFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.fs.enter("write", f.name); err != nil {
		return 0, err
	}
	n, err := f.File.WriteAt(p, off)
	f.fs.leave("write", f.name, err)
	return n, err
}

func (f *guardedFile) Sync() error { return f.sync(f.File.Sync) }

func (f *guardedFile) SyncData() error { return f.sync(f.File.SyncData) }

func (f *guardedFile) sync(sync func() error) error {
	if err := f.fs.enter("sync", f.name); err != nil {
		return err
	}
	var err error
	if !f.fs.noSync {
		err = sync()
	}
	f.fs.leave("sync", f.name, err)
	return err
}

func (f *guardedFile) SyncTo(length int64) (bool, error) {
	if err := f.fs.enter("sync", f.name); err != nil {
		return false, err
	}
	if f.fs.noSync {
		f.fs.leave("sync", f.name, nil)
		return false, nil
	}
	full, err := f.File.SyncTo(length)
	f.fs.leave("sync", f.name, err)
	return full, err
}

// Preallocate reports no error: Pebble does without what it cannot get.
func (f *guardedFile) Preallocate(offset, length int64) error {
	if err := f.fs.enter("preallocate", f.name); err != nil {
		return err
	}
	err := f.File.Preallocate(offset, length)
	f.fs.leave("preallocate", f.name, nil)
	return err
}

// Close closes the file even when writes are barred: it holds a descriptor.
func (f *guardedFile) Close() error {
	err := f.File.Close()
	if err != nil && !f.fs.barred.Load() {
		f.fs.onError(fmt.Errorf("close %s: %w", f.name, err))
	}
	return err
}
