package flow

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// Runtime is what a Refresher needs of package runtime.
type Runtime interface {
	Stepper
	Shards() []storage.ShardID
	ReadKeys(ctx context.Context, id storage.ShardID, kind entity.Kind, namespace string, after entity.Key, limit int) (keys []entity.Key, more bool, err error)
}

// Refresher has the gates that are held here go by new policies. Gates hear of them by themselves when
// somebody asks or is done; a gate that nobody comes to has to be told, as what waits there may go on now. It
// is at work from StartRefresher to Close.
//
// That a change has not reached all gates is in no record: after a start, the gates of all namespaces that
// have or had policies are looked at once.
type Refresher struct {
	runtime Runtime
	logger  *slog.Logger

	mu      sync.Mutex
	changed map[string]struct{} // ids of namespaces
	wake    chan struct{}       // of capacity 1

	cancel context.CancelFunc
	done   sync.WaitGroup
}

const (
	refreshPage    = 256
	refreshTimeout = 30 * time.Second
	refreshRetry   = time.Second
)

// NewRefresher returns one that may be told of changes, and is at work from Start on.
func NewRefresher() *Refresher {
	return &Refresher{changed: make(map[string]struct{}), wake: make(chan struct{}, 1)}
}

// Changed has the gates of a namespace looked at. It does not block.
func (r *Refresher) Changed(namespaceID string) {
	r.mu.Lock()
	r.changed[namespaceID] = struct{}{}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Start has it be at work.
func (r *Refresher) Start(runtime Runtime, logger *slog.Logger) {
	r.runtime, r.logger = runtime, logger
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.done.Go(func() { r.run(ctx) })
}

// Close breaks off what is under way and waits until it has ended.
func (r *Refresher) Close() {
	if r == nil || r.cancel == nil {
		return
	}
	r.cancel()
	r.done.Wait()
}

func (r *Refresher) run(ctx context.Context) {
	for {
		select {
		case <-r.wake:
		case <-ctx.Done():
			return
		}
		r.mu.Lock()
		changed := r.changed
		r.changed = make(map[string]struct{})
		r.mu.Unlock()
		for id := range changed {
			err := r.refresh(ctx, id)
			if err == nil || ctx.Err() != nil {
				continue
			}
			r.logger.Warn("Not all gates could be told of a change of flow policies; it is tried again.", "namespace", id, "error", err)
			select {
			case <-time.After(refreshRetry):
			case <-ctx.Done():
				return
			}
			r.Changed(id)
		}
	}
}

// refresh gives each gate of the namespace a step.
func (r *Refresher) refresh(ctx context.Context, namespaceID string) error {
	for _, shard := range r.runtime.Shards() {
		for after := (entity.Key{}); ; {
			keys, more, err := r.runtime.ReadKeys(ctx, shard, entity.KindFlowGate, namespaceID, after, refreshPage)
			if err != nil {
				return err
			}
			for _, key := range keys {
				after = key
				stepCtx, cancel := context.WithTimeout(ctx, refreshTimeout)
				err := r.runtime.Step(stepCtx, key, func(step *entity.Step, e entity.Entity) error {
					e.(*Gate).Refresh(step)
					return nil
				})
				cancel()
				if err != nil {
					return err
				}
			}
			if !more {
				break
			}
		}
	}
	return nil
}
