package deployment

import (
	"context"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// Runtime is what a Drainer needs of package runtime.
type Runtime interface {
	Viewer
	Step(ctx context.Context, key entity.Key, fn func(*entity.Step, entity.Entity) error) error
}

// DrainerOptions are what a Drainer is made of.
type DrainerOptions struct {
	Registry *Registry
	Runtime  Runtime
	Logger   *slog.Logger
	// Times says how long after a version has begun to drain it is looked at first, and how
	// often after that; ok is false if there is no such namespace any more.
	Times func(namespaceID string) (grace, interval time.Duration, ok bool)
	// Pinned reports whether workflows that run are pinned to the version.
	Pinned func(ctx context.Context, namespaceID string, v Version) (bool, error)
}

// Drainer looks now and then whether workflows are still pinned to versions that drain.
type Drainer struct {
	options DrainerOptions
	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
}

// StartDrainer starts a Drainer. It has to be closed.
func StartDrainer(options DrainerOptions) *Drainer {
	d := &Drainer{options: options}
	d.ctx, d.stop = context.WithCancel(context.Background())
	d.running.Go(d.run)
	return d
}

// Close stops the Drainer and waits for it. It may be nil.
func (d *Drainer) Close() {
	if d != nil {
		d.stop()
		d.running.Wait()
	}
}

const (
	// drainRetry is when a look is tried again that has failed.
	drainRetry = 10 * time.Second
	// leastDrainRest is the least time between two looks.
	leastDrainRest = 100 * time.Millisecond
)

func (d *Drainer) run() {
	for {
		rest := time.Duration(math.MaxInt64)
		if next := d.look(); !next.IsZero() {
			rest = max(leastDrainRest, time.Until(next))
		}
		timer := time.NewTimer(rest)
		select {
		case <-timer.C:
		case <-d.options.Registry.drains:
		case <-d.ctx.Done():
		}
		timer.Stop()
		if d.ctx.Err() != nil {
			return
		}
	}
}

// look looks at all versions whose time has come, and returns when the next one's does; the
// zero time if none drains.
func (d *Drainer) look() (next time.Time) {
	for id, view := range *d.options.Registry.views.Load() {
		if len(view.draining) == 0 || d.ctx.Err() != nil {
			continue
		}
		at, err := d.lookAt(id)
		if err != nil && d.ctx.Err() == nil {
			d.options.Logger.Warn("It could not be found out whether workflows are pinned to versions that drain; it is tried again", "namespace", id, "error", err)
			at = time.Now().Add(drainRetry)
		}
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// lookAt is look for a namespace.
func (d *Drainer) lookAt(id string) (next time.Time, err error) {
	grace, interval, ok := d.options.Times(id)
	if !ok {
		return time.Time{}, nil
	}
	var due []Version
	when := func() error {
		return d.options.Runtime.View(d.ctx, Key(id), func(e entity.Entity, view entity.View) error {
			due, next = e.(*Deployments).DueDrainage(view.Now(), grace, interval)
			return nil
		})
	}
	if err := when(); err != nil || len(due) == 0 {
		return next, err
	}
	open := make(map[Version]bool, len(due))
	for _, v := range due {
		if open[v], err = d.options.Pinned(d.ctx, id, v); err != nil {
			return time.Time{}, err
		}
	}
	err = d.options.Runtime.Step(d.ctx, Key(id), func(step *entity.Step, e entity.Entity) error {
		for _, v := range slices.SortedFunc(maps.Keys(open), func(a, b Version) int { return strings.Compare(a.String(), b.String()) }) {
			e.(*Deployments).Drained(step, v, open[v])
		}
		return nil
	})
	if err != nil {
		return time.Time{}, err
	}
	return next, when()
}

// PinnedQuery finds the workflows that run and are pinned to a version.
func PinnedQuery(v Version) string {
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(v.String())
	return "TemporalWorkerDeploymentVersion = '" + quoted + "' AND TemporalWorkflowVersioningBehavior = 'Pinned' AND ExecutionStatus = 'Running'"
}
