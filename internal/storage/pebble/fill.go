package pebble

import (
	"math"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Pebble's log grows with each commit, so each sync of it has the file system write
// its new size as well, and that space which was only reserved before is in use now:
// another write, in another place, that the sync waits for. Hence the log is filled
// with zeros ahead of what is written to it, in steps: most syncs then find nothing
// changed but data. Pebble uses old logs again, and those are filled to their end, so this
// is about the first few logs of a process.
//
// To whoever recovers the log, zeros are its end, as if the file ended there.

// fillStep is how many bytes are filled at a time. The sync that follows takes longer.
const fillStep = 512 << 10

// walCategory is what Pebble calls the writes to its log.
const walCategory = vfs.DiskWriteCategory("pebble-wal")

// filling is how far a file is filled. Not for use by many goroutines at once, as the
// writing of the file is not either.
type filling struct {
	written int64 // where the next write goes
	filled  int64 // not less than the size of the file
}

var zeros [fillStep]byte

// logFile is a file of which size bytes are there already.
func (g *guardedFS) logFile(f vfs.File, name string, category vfs.DiskWriteCategory, size int64) vfs.File {
	file := &guardedFile{File: f, fs: g, name: name}
	if category != walCategory || g.noSync {
		return file
	}
	if g.FS == vfs.Default {
		file.direct = g.direct.open(name, size)
	}
	if file.direct == nil {
		file.fill = &filling{filled: size}
	}
	return file
}

// before makes room for a write of n bytes. Without it the write is only slower.
func (l *filling) before(f vfs.File, n int) {
	l.written += int64(n)
	if l.written <= l.filled {
		return
	}
	end := l.written + fillStep
	end -= end % fillStep
	if _, err := f.WriteAt(zeros[:end-l.written], l.written); err != nil {
		l.filled = math.MaxInt64 // most likely the disk is full: not tried again
		return
	}
	l.filled = end
}
