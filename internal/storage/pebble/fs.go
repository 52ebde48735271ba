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

// guardedFS stands between Pebble and the file system and makes one event of
// the first error of a write, wherever in Pebble it happens: it reports it and
// lets nothing be written any more. What is on disk stays as the error left it,
// to be recovered by the next Open.
//
// Pebble never gets to see the error: the write does not return. Pebble means
// such errors to end the process, and has many ways to go about it. It retries a
// flush for ever; it calls Logger.Fatalf when the manifest cannot be written,
// and would record the same tables twice if that returned and it tried again; it
// panics when the log cannot be rotated, with a mutex in such a state that not
// even recovering from the panic saves the process. A goroutine that stops where
// it is does no harm, and it costs nothing but its memory in a process that is
// about to be restarted.
type guardedFS struct {
	vfs.FS
	// onError is called with the first error of a write, and maybe more. It must
	// not block.
	onError func(error)
	// noSync turns syncs into nothing. Pebble still believes it syncs, and so
	// still hands every record to the operating system before a commit is done.
	noSync bool
	// direct makes logs that bypass the page cache, where the file system is that of the
	// operating system.
	direct directPool
	// checkpoint begins the names of the files of checkpoints, which are not guarded.
	checkpoint string

	barred atomic.Bool
	// writes is held shared during each write.
	writes sync.RWMutex
}

// bar stops every goroutine that begins a write from now on. Writes already
// under way may still end.
func (g *guardedFS) bar() { g.barred.Store(true) }

// settle waits for the writes that were under way when bar was called.
func (g *guardedFS) settle() {
	g.writes.Lock()
	defer g.writes.Unlock()
}

func (g *guardedFS) begin() {
	g.writes.RLock()
	if g.barred.Load() {
		g.writes.RUnlock()
		select {} // see the comment of guardedFS
	}
}

// end ends a write. It does not return if there was an error.
func (g *guardedFS) end(what, name string, err error) {
	if err == nil {
		g.writes.RUnlock()
		return
	}
	g.onError(fmt.Errorf("%s %s: %w", what, name, err))
	g.writes.RUnlock()
	select {} // see the comment of guardedFS
}

func (g *guardedFS) file(f vfs.File, name string) vfs.File {
	return &guardedFile{File: f, fs: g, name: name}
}

func (g *guardedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if g.outside(name) {
		return g.FS.Create(name, category)
	}
	g.begin()
	f, err := g.FS.Create(name, category)
	g.end("create", name, err)
	return g.logFile(f, name, category, 0), nil
}

func (g *guardedFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	g.begin()
	f, err := g.FS.ReuseForWrite(oldname, newname, category)
	g.end("reuse", oldname, err)
	size := int64(0)
	if info, err := f.Stat(); err == nil {
		size = info.Size()
	}
	return g.logFile(f, newname, category, size), nil
}

func (g *guardedFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := g.FS.OpenReadWrite(name, category, opts...)
	if err != nil {
		return nil, err
	}
	return g.file(f, name), nil
}

func (g *guardedFS) OpenDir(name string) (vfs.File, error) {
	if g.outside(name) {
		return g.FS.OpenDir(name)
	}
	f, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return g.file(f, name), nil
}

func (g *guardedFS) Link(oldname, newname string) error {
	if g.outside(newname) {
		return g.FS.Link(oldname, newname)
	}
	g.begin()
	err := g.FS.Link(oldname, newname)
	g.end("link", oldname, err)
	return err
}

func (g *guardedFS) Rename(oldname, newname string) error {
	if g.outside(newname) {
		return g.FS.Rename(oldname, newname)
	}
	g.begin()
	err := g.FS.Rename(oldname, newname)
	g.end("rename", oldname, err)
	return err
}

func (g *guardedFS) MkdirAll(dir string, perm os.FileMode) error {
	if g.outside(dir) {
		return g.FS.MkdirAll(dir, perm)
	}
	g.begin()
	err := g.FS.MkdirAll(dir, perm)
	g.end("make directory", dir, err)
	return err
}

// Remove does not report its error: a file that cannot be removed costs space,
// not data.
func (g *guardedFS) Remove(name string) error {
	if g.outside(name) {
		return g.FS.Remove(name)
	}
	g.begin()
	err := g.FS.Remove(name)
	g.end("remove", name, nil)
	return err
}

// RemoveAll does not report its error, like Remove.
func (g *guardedFS) RemoveAll(name string) error {
	if g.outside(name) {
		return g.FS.RemoveAll(name)
	}
	g.begin()
	err := g.FS.RemoveAll(name)
	g.end("remove", name, nil)
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
	fill *filling // nil: is not filled ahead
	// direct has the writes instead of File, if it is not nil.
	direct *directLog
}

func (f *guardedFile) Write(p []byte) (int, error) {
	f.fs.begin()
	var n int
	var err error
	if f.direct != nil {
		n, err = f.direct.Write(p)
	} else {
		if f.fill != nil {
			f.fill.before(f.File, len(p))
		}
		n, err = f.File.Write(p)
	}
	f.fs.end("write", f.name, err)
	return n, err
}

func (f *guardedFile) WriteAt(p []byte, off int64) (int, error) {
	f.fs.begin()
	n, err := f.File.WriteAt(p, off)
	f.fs.end("write", f.name, err)
	return n, err
}

func (f *guardedFile) Sync() error { return f.sync(f.File.Sync) }

func (f *guardedFile) SyncData() error { return f.sync(f.File.SyncData) }

func (f *guardedFile) sync(sync func() error) error {
	f.fs.begin()
	var err error
	switch {
	case f.direct != nil:
		err = f.direct.sync()
	case !f.fs.noSync:
		err = sync()
	}
	f.fs.end("sync", f.name, err)
	return err
}

func (f *guardedFile) SyncTo(length int64) (bool, error) {
	f.fs.begin()
	if f.fs.noSync {
		f.fs.end("sync", f.name, nil)
		return false, nil
	}
	full, err := f.File.SyncTo(length)
	f.fs.end("sync", f.name, err)
	return full, err
}

// Preallocate reports no error: Pebble does without what it cannot get.
func (f *guardedFile) Preallocate(offset, length int64) error {
	f.fs.begin()
	err := f.File.Preallocate(offset, length)
	f.fs.end("preallocate", f.name, nil)
	return err
}

// Close closes the file even when writes are barred: it holds a descriptor.
func (f *guardedFile) Close() error {
	f.fs.writes.RLock()
	err := f.close()
	if f.fs.barred.Load() {
		f.fs.writes.RUnlock()
		return err
	}
	f.fs.end("close", f.name, err)
	return nil
}

func (f *guardedFile) close() error {
	if f.direct == nil {
		return f.File.Close()
	}
	var err error
	if !f.fs.barred.Load() {
		err = f.direct.sync()
	}
	return errors.Join(err, f.direct.device.close(), f.File.Close())
}
