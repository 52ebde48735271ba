package runtime

import (
	"context"

	"github.com/perdure/perdure/internal/entity"
)

// Step runs one step of an entity and returns when all it did is durable and
// published; a lazy step returns as soon as it is submitted and what it may have
// seen is durable. fn runs with the entity's lock held; it must not use the step
// or the entity after it has returned. Entity.EndStep is called after it.
//
// Errors of fn are returned as they are, when what it may have seen is durable.
// When the context ends while the step is on its way to the disk, its error is
// returned and the step takes effect all the same. Unavailable means that the
// server is going down, that its store has failed, or that the shard of the entity is
// not held here; the step may have taken effect unless the error says otherwise. An
// entity whose records cannot be decoded is a DataLoss error that names it.
func (r *Runtime) Step(ctx context.Context, key entity.Key, fn func(*entity.Step, entity.Entity) error) error {
	if r.tracer != nil {
		return r.traced(ctx, key, fn)
	}
	return r.step(ctx, key, fn)
}

func (r *Runtime) step(ctx context.Context, key entity.Key, fn func(*entity.Step, entity.Entity) error) error {
	c, err := r.begin(ctx, key)
	if err != nil {
		return err
	}
	c.stepFn = fn
	return c.run()
}

// View looks at an entity: fn runs with its lock held, and the view reads its
// records and tells the time. What fn has seen is durable when View returns. fn must
// not change the entity, nor use it or the view after it has returned; what it makes the
// entity keep in memory, such as a run that it has read, is accounted for in the cache.
// Errors are as those of Step.
func (r *Runtime) View(ctx context.Context, key entity.Key, fn func(entity.Entity, entity.View) error) error {
	c, err := r.begin(ctx, key)
	if err != nil {
		return err
	}
	c.viewFn = fn
	return c.run()
}
