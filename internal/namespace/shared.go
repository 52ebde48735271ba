package namespace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/entity"
)

// SharedRuntime is a Runtime that holds some of the shards, and can look at entities of
// others.
type SharedRuntime interface {
	Runtime
	Peek(ctx context.Context, key entity.Key, fn func(entity.Entity) error) error
	Holds(key entity.Key) bool
}

const (
	// followEvery is how often a node reads the namespaces that another one holds.
	followEvery = 2 * time.Second
	// againAfter is how soon it reads them again because it was asked for one that it does
	// not know: whoever asks for what does not exist costs no more than this.
	againAfter = 500 * time.Millisecond
	// readTimeout bounds one reading.
	readTimeout = 5 * time.Second
	// appearWait is how long a look-up for Default takes between two looks.
	appearWait = 100 * time.Millisecond
)

// shared follows the namespaces of a registry that another node changes.
type shared struct {
	registry *Registry
	runtime  SharedRuntime
	log      *slog.Logger
	cancel   context.CancelFunc
	done     sync.WaitGroup

	mu   sync.Mutex
	last time.Time // of the last reading
}

// OpenShared is Open on one of several nodes. The one that holds the namespaces registers
// Default; the others wait for it, until the context ends. From then on each follows what
// the others do, within a few seconds, and looks at once for a namespace that it is asked
// for and does not know. CloseShared ends that.
func (r *Registry) OpenShared(ctx context.Context, runtime SharedRuntime, retention time.Duration, log *slog.Logger) error {
	defer r.Close()
	r.runtime = runtime
	s := &shared{registry: r, runtime: runtime, log: log}
	for {
		err := s.read(ctx)
		if err == nil {
			if _, ok := r.snapshot.Load().byName[Default]; ok {
				break
			}
			if runtime.Holds(Key) {
				err = r.register(ctx, retention, nil)
			}
		}
		var passes *serviceerror.Unavailable
		if err != nil && !errors.As(err, &passes) {
			return fmt.Errorf("loading namespaces: %w", err)
		}
		select {
		case <-time.After(appearWait):
		case <-ctx.Done():
			return fmt.Errorf("waiting for the namespaces of the cluster: %w", errors.Join(err, context.Cause(ctx)))
		}
	}
	r.shared = s
	background, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.done.Go(func() { s.follow(background) })
	return nil
}

// CloseShared ends what OpenShared has begun, if it has.
func (r *Registry) CloseShared() {
	if r.shared != nil {
		r.shared.cancel()
		r.shared.done.Wait()
	}
}

// read fills the snapshot with what is in the store.
func (s *shared) read(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	err := s.runtime.Peek(ctx, Key, s.registry.load)
	s.last = time.Now()
	return err
}

// again reads what is in the store, unless that was done just now, or is done here. It
// reports whether it is worth while to look again.
func (s *shared) again() bool {
	s.mu.Lock()
	fresh := time.Since(s.last) < againAfter
	s.mu.Unlock()
	return !fresh && !s.runtime.Holds(Key) && s.read(context.Background()) == nil
}

func (s *shared) follow(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	held := false
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		// What changes here is published here; but once, when the shard has just come.
		was := held
		if held = s.runtime.Holds(Key); held && was {
			continue
		}
		if err := s.read(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("The namespaces could not be read; it is tried again.", "error", err)
		}
	}
}
