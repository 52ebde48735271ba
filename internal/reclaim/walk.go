package reclaim

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/storage"
)

// act is what a walk does to an entity, in as many steps as it asks for.
type act func(*entity.Step, entity.Entity) (more bool, err error)

// walk is one way through the entities of a namespace.
type walk struct {
	*Reclaimer
	namespace *namespace.Namespace
	says      string
	act       act
	keys      chan entity.Key

	mu    sync.Mutex
	found int // entities that there were
	left  int // of these, those that are to be visited again
	told  time.Time
}

// walk acts on all entities of the kinds in a namespace, some at once, at the rate there
// is. What it says goes to the log now and then.
func (r *Reclaimer) walk(ctx context.Context, ns *namespace.Namespace, says string, kinds []entity.Kind, act act) *walk {
	w := &walk{Reclaimer: r, namespace: ns, says: says, act: act, keys: make(chan entity.Key), told: time.Now()}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() { w.work(ctx) })
	}
	for _, kind := range kinds {
		for _, shard := range r.Runtime.Shards() {
			w.find(ctx, shard, kind)
		}
	}
	close(w.keys)
	all.Wait()
	return w
}

// find gives the workers the entities of a kind in a shard.
func (w *walk) find(ctx context.Context, shard storage.ShardID, kind entity.Kind) {
	var after entity.Key
	for {
		keys, more, err := w.Runtime.ReadKeys(ctx, shard, kind, w.namespace.ID, after, pageSize)
		if err != nil {
			w.count(0, 1)
			if ctx.Err() == nil {
				w.Logger.Error("What is in a namespace cannot be read; it is tried again.", "namespace", w.namespace.Name, "shard", shard, "error", err)
			}
			return
		}
		for _, key := range keys {
			select {
			case w.keys <- key:
				after = key
			case <-ctx.Done():
				w.count(0, 1)
				return
			}
		}
		if !more {
			return
		}
	}
}

// work takes entities as they are found.
func (w *walk) work(ctx context.Context) {
	for key := range w.keys {
		left := 0
		switch err := w.visit(ctx, key); {
		case err == nil:
		case errors.Is(err, entity.ErrPurgeLater):
			left = 1
		default:
			left = 1
			if ctx.Err() == nil {
				w.Logger.Error("Something in a namespace resists; it is tried again.", "namespace", w.namespace.Name, key.Attr(), "error", err)
			}
		}
		w.count(1, left)
		rest(ctx, time.Second/time.Duration(max(1, w.Rate())))
	}
}

// visit acts on an entity until there is no more to do.
func (w *walk) visit(ctx context.Context, key entity.Key) error {
	for {
		var more bool
		stepCtx, cancel := context.WithTimeout(ctx, stepTimeout)
		err := w.Runtime.Step(stepCtx, key, func(step *entity.Step, e entity.Entity) (err error) {
			more, err = w.act(step, e)
			return err
		})
		cancel()
		if err != nil || !more {
			return err
		}
	}
}

// count notes what has been found and what of it is left, and says so now and then.
func (w *walk) count(found, left int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found, w.left = w.found+found, w.left+left
	if now := time.Now(); now.Sub(w.told) >= progressEvery {
		w.told = now
		w.Logger.Info(w.says, "namespace", w.namespace.Name, "done", w.found-w.left, "left over", w.left)
	}
}

func rest(ctx context.Context, length time.Duration) {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
