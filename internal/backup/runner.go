package backup

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
)

// ErrUnderWay: a server makes one backup at a time.
var ErrUnderWay = errors.New("a backup is under way already")

// ErrNotUnderWay: there is no backup to be cancelled.
var ErrNotUnderWay = errors.New("no backup is under way")

// ErrCancelled is how a backup ends that was cancelled.
var ErrCancelled = errors.New("the backup was cancelled")

// errStopping is how a backup ends whose server stops.
var errStopping = errors.New("the server stops")

// DefaultBytesPerSecond is how fast a server copies unless it is told otherwise: about what one disk
// spares beside a busy server: a fifth of two cores and of a slow disk is the most that workflows are to feel.
const DefaultBytesPerSecond = 32 << 20

// Runner makes the backups of a server, one at a time, on a goroutine of its own.
type Runner struct {
	options Options // but for Dir, BytesPerSecond and Progress

	mu      sync.Mutex
	state   State
	cancel  context.CancelCauseFunc // of the backup under way; nil if there is none
	stopped bool
	running sync.WaitGroup
}

// State is what a runner does, or has done last.
type State struct {
	// Number counts the backups since the server was started; 0: there was none.
	Number int64
	// Running: the one with the number is under way.
	Running  bool
	Progress Progress
	// Manifest is what is in it, and Err why it has failed, once it is not under way.
	Manifest *Manifest
	Err      error
}

// NewRunner returns a runner for the source of the options. Stop stops it.
func NewRunner(options Options) *Runner {
	options.Logger = cmp.Or(options.Logger, slog.Default())
	return &Runner{options: options}
}

// Start begins a backup and returns its number. It fails with ErrUnderWay while there is
// another, with ErrDirectory for a directory that cannot be meant.
func (r *Runner) Start(dir string, bytesPerSecond int64) (int64, error) {
	options := r.options
	options.Dir, options.BytesPerSecond, options.Progress = dir, bytesPerSecond, r.progress
	if err := checkPlace(dir, options.DataDir); err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.stopped:
		return 0, errStopping
	case r.state.Running:
		return 0, ErrUnderWay
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	r.cancel = cancel
	r.state = State{Number: r.state.Number + 1, Running: true}
	r.running.Go(func() {
		defer cancel(nil)
		m, err := Run(ctx, options)
		r.end(dir, m, err)
	})
	return r.state.Number, nil
}

func (r *Runner) progress(p Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.Progress = p
}

func (r *Runner) end(dir string, m *Manifest, err error) {
	if err != nil {
		r.options.Logger.Error("A backup has failed.", "dir", dir, "error", err)
	} else {
		r.options.Logger.Info("A backup is finished.", "dir", dir, "backup", m.Name, "bytes", m.Bytes, "copied", m.Copied)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.Running, r.state.Manifest, r.state.Err, r.cancel = false, m, err, nil
}

// State returns what the runner does.
func (r *Runner) State() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state
}

// Cancel ends the backup under way. It fails with ErrNotUnderWay.
func (r *Runner) Cancel() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel == nil {
		return ErrNotUnderWay
	}
	r.cancel(ErrCancelled)
	return nil
}

// Stop ends the backup under way, and waits until it has removed what it has made.
func (r *Runner) Stop() {
	r.mu.Lock()
	r.stopped = true
	if r.cancel != nil {
		r.cancel(errStopping)
	}
	r.mu.Unlock()
	r.running.Wait()
}
