package namespace

import (
	"context"
	"errors"
	"fmt"
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
	// againAfter is how soon the namespaces are read again because one was asked for that is not
	// known: whoever asks for what does not exist costs no more than this.
	againAfter = 500 * time.Millisecond
	// readTimeout bounds one reading.
	readTimeout = 5 * time.Second
	// appearWait is how long a look-up for Default takes between two looks.
	appearWait = 100 * time.Millisecond
)

// shared reads the namespaces of a registry that another node changes.
type shared struct {
	registry *Registry
	runtime  SharedRuntime

	mu   sync.Mutex
	last time.Time // of the last reading
}

// OpenShared is Open on one of several nodes. The one that holds the namespaces registers
// Default; the others wait for it, until the context ends. From then on each looks at once for a namespace that it is
// asked for and does not know; of other changes it has to be told (Refresh).
func (r *Registry) OpenShared(ctx context.Context, runtime SharedRuntime, retention time.Duration) error {
	defer r.Close()
	r.runtime = runtime
	s := &shared{registry: r, runtime: runtime}
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
	return nil
}

// Refresh takes up what another node has changed. It does nothing if the namespaces are not shared.
func (r *Registry) Refresh(ctx context.Context) error {
	if r.shared == nil {
		return nil
	}
	return r.shared.read(ctx)
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
