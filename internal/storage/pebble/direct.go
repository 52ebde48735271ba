package pebble

import "math"

// What costs most about a commit is the sync, and most of the CPU that a sync costs is not the disk's: a
// goroutine that waits for it in a system call keeps its processor until the runtime takes that away, and a write to the page
// cache is copied, marked, looked up again and has its inode written. So the log bypasses both
// where it can, on Linux: it is written with direct I/O, whole pages from a buffer of its own, by an
// asynchronous request that completes when the data are on stable storage (RWF_DSYNC). The goroutine
// waits for it as it would for the network.
//
// Each sync is one request. It begins with the page in which the last one has ended, of which the bytes
// that are there already are written again as they are: a sector that is torn by a power cut holds the same, whichever
// half of it is new. What follows the end in the last page is zeros, as in a log that is
// filled ahead (fill.go): pages beyond the fill would make the file system write more
// than data, and wait for it in the request.
//
// Where any of this is refused (by the file system, a sandbox, an old kernel) the log is an ordinary file.

const (
	// pageSize is what direct I/O is aligned to: a multiple of the sectors of all disks there are.
	pageSize = 4096
	// directBuffer is how much is gathered between two syncs before it is written. It is not less
	// than what the groups of a busy server have.
	directBuffer = 1 << 20
)

// directLog is a log that is written with direct I/O. Not for use by many goroutines at
// once.
type directLog struct {
	device directDevice
	// buf has what is in the file from base on, a multiple of pageSize: n bytes, of which the first
	// synced are on stable storage. Its own address is such a multiple as well.
	buf       []byte
	base      int64
	n, synced int
	filled    int64 // multiple of pageSize: how far the file is filled ahead
}

// directDevice is what a directLog writes to.
type directDevice interface {
	// write writes whole pages, and returns when they are on stable storage.
	write(pages []byte, at int64) error
	// fill makes the file have zeros, on stable storage, from the one offset to the other.
	fill(from, to int64) error
	close() error
}

// Write takes up what comes next in the log. It is not written before sync, unless there is
// too much of it.
func (d *directLog) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		copied := copy(d.buf[d.n:], rest)
		d.n += copied
		rest = rest[copied:]
		if d.n == len(d.buf) {
			if err := d.sync(); err != nil {
				return len(p) - len(rest), err
			}
		}
	}
	return len(p), nil
}

// sync returns when all that was taken up is on stable storage.
func (d *directLog) sync() error {
	if d.n == d.synced {
		return nil
	}
	end := (d.n + pageSize - 1) &^ (pageSize - 1)
	clear(d.buf[d.n:end])
	d.fillTo(d.base + int64(end))
	if err := d.device.write(d.buf[:end], d.base); err != nil {
		return err
	}
	// The page that is not full is written again with what comes next.
	whole := d.n &^ (pageSize - 1)
	d.n = copy(d.buf, d.buf[whole:d.n])
	d.base += int64(whole)
	d.synced = d.n
	return nil
}

// fillTo fills the file ahead if it does not reach to the offset. Without it the next write
// is only slower.
func (d *directLog) fillTo(offset int64) {
	if offset <= d.filled {
		return
	}
	end := offset + fillStep
	end -= end % fillStep
	if err := d.device.fill(d.filled, end); err != nil {
		d.filled = math.MaxInt64 // most likely the disk is full: not tried again
		return
	}
	d.filled = end
}
