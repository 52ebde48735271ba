package pebble

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"

	cockroach "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/wal"

	"github.com/perdure/perdure/internal/storage"
)

// fail makes cause the end of the store, unless it has ended already: every
// commit in flight and every later one is done with an error that wraps
// storage.ErrFailed, reads are refused, and nothing more is written to disk.
//
// It may be called from anywhere, also deep inside Pebble with its locks held,
// so it blocks on nothing but the mutex of the queue. The committer may be stuck
// inside Pebble at that moment, and stay so, for example waiting for the flush
// of a full memtable; that is why its group is taken from it here.
func (s *Store) fail(cause error) {
	s.fs.bar()
	s.failOnce.Do(func() {
		s.failure = failure(cause)
		s.end(s.failure)
		close(s.failed)
		s.logger.Error("storage has failed and accepts no more writes", "error", s.failure)
	})
}

func failure(cause error) error {
	advice := "check the disk and the system log, then restart the server; everything that was acknowledged is kept"
	if errors.Is(cause, syscall.ENOSPC) || errors.Is(cause, syscall.EDQUOT) {
		advice = "free space on the disk, then restart the server; everything that was acknowledged is kept"
	}
	return fmt.Errorf("%w: %w (%s)", storage.ErrFailed, cause, advice)
}

// end makes err the answer to everything from now on, unless another already is.
// What was submitted and not yet done is done with err.
func (s *Store) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return
	}
	s.ended = err
	s.reads.shut(err)
	// The committer may be calling the dones of a group it has finished: they
	// come first.
	s.after.Push(func(error) {
		s.delivering.Lock()
		defer s.delivering.Unlock()
	}, nil)
	for _, g := range []*group{s.inflight, s.gathering} {
		if g == nil {
			continue
		}
		for _, sub := range g.submissions {
			if sub.err == nil {
				sub.err = err
			}
			s.after.Push(sub.done, sub.err)
		}
		g.submissions = nil
	}
	s.inflight = nil
	s.space.Broadcast()
	s.wakeLocked()
}

// contain runs fn, which calls into Pebble, so that neither a panic nor the end
// of its goroutine (see pebbleLog.Fatalf) reaches the caller. It returns early
// when the store fails, leaving fn to itself: it may never return.
func (s *Store) contain(what string, fn func() error) error {
	select {
	case <-s.failed:
		return s.failure
	default:
	}
	select {
	case err := <-shield(what, fn):
		return err
	case <-s.failed:
		return s.failure
	}
}

// shield runs fn on a goroutine of its own, and reports its error, its panic, or
// that it was ended by Fatalf of a logger.
func shield(what string, fn func() error) <-chan error {
	result := make(chan error, 1)
	go func() {
		err := errors.New(what + ": given up after a fatal error")
		defer func() {
			if r := recover(); r != nil {
				err = panicError(what, r)
			}
			result <- err
		}()
		err = fn()
	}()
	return result
}

func panicError(what string, r any) error {
	if err, ok := r.(error); ok {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%s: %v", what, r)
}

// listener turns Pebble's background errors into failures of the store. Pebble
// would retry at once and for ever.
func (s *Store) listener() *cockroach.EventListener {
	return &cockroach.EventListener{
		BackgroundError: func(err error) {
			s.fail(err)
			// The goroutine that flushes or compacts would only try again. It holds
			// its locks by defer, so it can be ended here.
			runtime.Goexit()
		},
		// The default is Fatalf, and readers get here as well. They get an error
		// from Pebble; a compaction that meets the damage is a background error.
		DataCorruption: func(info cockroach.DataCorruptionInfo) {
			s.logger.Error("storage: a file is damaged", "path", info.Path, "error", info.Details)
		},
		WriteStallBegin: func(info cockroach.WriteStallBeginInfo) {
			s.logger.Warn("storage: writes wait for the disk to catch up", "reason", info.Reason)
		},
	}
}

// pebbleLog is where Pebble logs to. Its information is of no interest to
// whoever runs a server.
type pebbleLog struct{ store *Store }

// Infof is told, among much else, how far each log was read that had to be.
func (l pebbleLog) Infof(_ string, args ...any) {
	for _, arg := range args {
		if end, ok := arg.(wal.Offset); ok {
			l.store.recovery.LogBytes += end.PreviousFilesBytes + end.Physical
		}
	}
}

func (l pebbleLog) Errorf(format string, args ...any) {
	l.store.logger.Error("storage: " + fmt.Sprintf(format, args...))
}

// Fatalf must not return, and must not end the process: the server has to go on
// to say that it does not work. It ends the goroutine, which is the committer,
// one of Pebble's own, or one started by contain. (In builds without Pebble's
// invariant checks no reader gets here.)
func (l pebbleLog) Fatalf(format string, args ...any) {
	l.store.fail(fmt.Errorf(format, args...))
	runtime.Goexit()
}

var _ cockroach.Logger = pebbleLog{}
