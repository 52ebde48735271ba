package pebble

import (
	"errors"
	"fmt"
	"strings"
	"time"

	cockroach "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A checkpoint is a second directory with the store as it is at one moment. Tables never
// change, so it has hard links to them, which cost no space; only what was written last, in the
// log, is copied. It is inside the data directory because links do not reach across file
// systems, and is there for a short time only: tables that compactions replace take
// space as long as it is.

// checkpointName is the directory inside the data directory.
const checkpointName = "checkpoint"

// ErrCheckpoint is returned by Store.Checkpoint while there is another checkpoint.
var ErrCheckpoint = errors.New("there is a checkpoint of the store already")

// Checkpoint is a store as it was at one moment, in files that nobody changes. Close removes
// it.
type Checkpoint struct {
	// Dir is where it is. OpenStopped opens it.
	Dir string
	// Time is of that moment: all that was reported as done before is in it.
	Time time.Time

	store *Store
}

// Checkpoint makes a checkpoint, one at a time. Commits wait while files are linked and the end of the
// log is copied, some milliseconds. An error harms nothing: the store goes on.
func (s *Store) Checkpoint() (*Checkpoint, error) {
	if !s.checkpoint.CompareAndSwap(false, true) {
		return nil, ErrCheckpoint
	}
	c := &Checkpoint{Dir: s.fs.FS.PathJoin(s.dir, checkpointName), store: s}
	if err := s.makeCheckpoint(c); err != nil {
		return nil, errors.Join(fmt.Errorf("checkpoint of %s: %w", s.dir, err), c.Close())
	}
	return c, nil
}

func (s *Store) makeCheckpoint(c *Checkpoint) error {
	if err := s.reads.enter(); err != nil {
		return err
	}
	defer s.reads.leave()
	return s.contain("checkpoint", func() error {
		if err := s.fs.FS.RemoveAll(c.Dir); err != nil {
			return err
		}
		// So that little is left in the log, which is copied while commits wait.
		if err := s.db.Flush(); err != nil {
			return err
		}
		// A log that is written to while it is copied could be copied with a hole, which
		// Pebble tells from the end of a log.
		s.applying.Lock()
		defer s.applying.Unlock()
		c.Time = time.Now()
		return s.db.Checkpoint(c.Dir, cockroach.WithFlushedWAL())
	})
}

// Close removes the checkpoint.
func (c *Checkpoint) Close() error {
	defer c.store.checkpoint.Store(false)
	if err := c.store.fs.FS.RemoveAll(c.Dir); err != nil {
		return fmt.Errorf("remove the checkpoint %s: %w", c.Dir, err)
	}
	return nil
}

// removeCheckpoint removes what a process has left that was killed while it had a
// checkpoint.
func removeCheckpoint(fs vfs.FS, dir string) error {
	if err := fs.RemoveAll(fs.PathJoin(dir, checkpointName)); err != nil {
		return fmt.Errorf("remove an old checkpoint: %w", unreadable(err))
	}
	return nil
}

// outside reports whether the file is one of a checkpoint. An error of writing one is
// returned to Pebble, and ends the checkpoint, not the store.
func (g *guardedFS) outside(name string) bool {
	return g.checkpoint != "" && strings.HasPrefix(name, g.checkpoint)
}
