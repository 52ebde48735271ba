// Package reclaim does in the background what a change of a namespace means for what is
// in it, entity by entity:
//
//   - when a namespace is deleted, everything in it is removed (entity.Purger), and at
//     last the namespace;
//   - when its retention gets shorter, closed workflows that are kept for longer are
//     looked at (entity.Retainer).
//
// That there is something to do is in the record of the namespace until it is done, so
// it is gone on with after a restart. How far it has come needs no record: what has been
// removed is not found again, and looking twice at the same costs a read.
//
// A namespace is empty when a walk through all of it has found nothing. What is on its
// way while a walk goes on, such as a message, is found by the next one.
//
// When there is nothing to do, it waits to be told, and looks at nothing.
package reclaim

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/storage"
)

// Runtime is what a Reclaimer needs of package runtime.
type Runtime interface {
	Step(ctx context.Context, key entity.Key, fn func(*entity.Step, entity.Entity) error) error
	Shards() []storage.ShardID
	ReadKeys(ctx context.Context, id storage.ShardID, kind entity.Kind, namespace string, after entity.Key, limit int) (keys []entity.Key, more bool, err error)
}

// Namespaces is where it learns what is to be done. See namespace.Registry.
type Namespaces interface {
	Unfinished() []*namespace.Namespace
	UnfinishedChanged() <-chan struct{}
	Emptied(ctx context.Context, id string) error
	RetentionApplied(ctx context.Context, id string, retention time.Duration) error
}

// ErrOthers is wrapped by the errors of Namespaces.Emptied and RetentionApplied if nothing is wrong, but
// other nodes are not done with what they hold.
var ErrOthers = errors.New("other nodes are not done")

// Options are what a Reclaimer is made of. All are required.
type Options struct {
	Runtime    Runtime
	Namespaces Namespaces
	// Kinds are those that entities of namespaces are of, in the order in which they are
	// removed. Retained are those among them that are kept for the retention.
	Kinds, Retained []entity.Kind
	// Rate is how many entities a second each of its workers may take.
	Rate   func() int
	Logger *slog.Logger
}

const (
	// workers is how many entities are worked on at once.
	workers = 4
	// pageSize is how many keys are read at once.
	pageSize = 256
	// stepTimeout bounds one step.
	stepTimeout = 30 * time.Second
	// shortRest and longRest bound how long it rests when something could not be done.
	shortRest, longRest = time.Second, 5 * time.Minute
	// othersRest is how long it rests at most if other nodes are not done.
	othersRest = 5 * time.Second
	// progressEvery is how often it says in the log how far it is.
	progressEvery = time.Minute
)

// Reclaimer is at work from Start to Close.
type Reclaimer struct {
	Options
	// others: in the last turn, something waited for other nodes.
	others bool
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// Start returns a Reclaimer at work.
func Start(options Options) *Reclaimer {
	ctx, cancel := context.WithCancel(context.Background())
	r := &Reclaimer{Options: options, cancel: cancel}
	r.done.Go(func() { r.run(ctx) })
	return r
}

// Close breaks off what is under way, and waits until it has ended.
func (r *Reclaimer) Close() {
	r.cancel()
	r.done.Wait()
}

func (r *Reclaimer) run(ctx context.Context) {
	rest := shortRest
	for ctx.Err() == nil {
		finished := true
		r.others = false
		for _, ns := range r.Namespaces.Unfinished() {
			if !r.attend(ctx, ns) {
				finished = false
			}
		}
		if finished {
			rest = shortRest
			select {
			case <-r.Namespaces.UnfinishedChanged():
			case <-ctx.Done():
			}
			continue
		}
		if r.others {
			rest = min(rest, othersRest)
		}
		select {
		case <-r.Namespaces.UnfinishedChanged():
		case <-time.After(rest):
		case <-ctx.Done():
		}
		rest = min(2*rest, longRest)
	}
}

// attend does what is to be done for a namespace, and reports whether that was all.
func (r *Reclaimer) attend(ctx context.Context, ns *namespace.Namespace) bool {
	if ns.Deleting {
		return r.empty(ctx, ns)
	}
	w := r.walk(ctx, ns, "A shorter retention is being applied.", r.Retained, retain)
	if w.left > 0 || ctx.Err() != nil {
		return false
	}
	return r.tell(ctx, ns, func(ctx context.Context) error { return r.Namespaces.RetentionApplied(ctx, ns.ID, ns.Retention) })
}

// empty walks through a deleted namespace until a walk has found nothing.
func (r *Reclaimer) empty(ctx context.Context, ns *namespace.Namespace) bool {
	for {
		w := r.walk(ctx, ns, "A deleted namespace is being emptied.", r.Kinds, purge)
		switch {
		case w.left > 0 || ctx.Err() != nil:
			return false
		case w.found == 0:
			told := r.tell(ctx, ns, func(ctx context.Context) error { return r.Namespaces.Emptied(ctx, ns.ID) })
			if told {
				r.Logger.Info("A deleted namespace is empty.", "namespace", ns.Name, "id", ns.ID)
			}
			return told
		}
	}
}

// tell records that something has been finished.
func (r *Reclaimer) tell(ctx context.Context, ns *namespace.Namespace, tell func(context.Context) error) bool {
	stepCtx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	err := tell(stepCtx)
	if errors.Is(err, ErrOthers) {
		r.others = true
	} else if err != nil && ctx.Err() == nil {
		r.Logger.Error("What has been done for a namespace cannot be recorded; it is tried again.", "namespace", ns.Name, "error", err)
	}
	return err == nil
}

// retain has an entity look at its retention.
func retain(step *entity.Step, e entity.Entity) (more bool, err error) {
	retainer, ok := e.(entity.Retainer)
	if !ok {
		return false, nil
	}
	return false, retainer.Retain(step)
}

var errNoPurger = errors.New("entities of this kind cannot be removed")

// purge removes an entity, or a part of it.
func purge(step *entity.Step, e entity.Entity) (more bool, err error) {
	purger, ok := e.(entity.Purger)
	if !ok {
		return false, errNoPurger
	}
	return purger.Purge(step)
}
