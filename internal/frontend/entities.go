package frontend

import (
	"context"

	"github.com/perdure/perdure/internal/entity"
)

// What handlers do to entities, in the parts that an area may need.
type (
	stepper interface {
		// Step runs a step of the entity and returns when it is durable.
		Step(ctx context.Context, key entity.Key, fn func(*entity.Step, entity.Entity) error) error
	}
	viewer interface {
		// View reads an entity as of its last durable step.
		View(ctx context.Context, key entity.Key, fn func(entity.Entity, entity.View) error) error
	}
	awaiter interface {
		// Await calls ready at once and after every durable change of the entity until
		// it reports true or ctx ends.
		Await(ctx context.Context, key entity.Key, ready func(entity.Entity) bool) error
	}
)

// keyOf is the key of an entity in the request's namespace.
func keyOf(ctx context.Context, kind entity.Kind, id string) entity.Key {
	return entity.Key{Kind: kind, Namespace: callOf(ctx).namespace.ID, ID: id}
}

// workflowKey is the key of a workflow of the request's namespace.
func workflowKey(ctx context.Context, workflowID string) entity.Key {
	return keyOf(ctx, entity.KindWorkflow, workflowID)
}

// viewWorkflow looks at a workflow of the request's namespace. W is the part of
// the workflow's methods that the caller needs.
func viewWorkflow[W any](ctx context.Context, runtime viewer, workflowID string, fn func(W, entity.View) error) error {
	return runtime.View(ctx, workflowKey(ctx, workflowID), func(e entity.Entity, view entity.View) error {
		return fn(e.(W), view)
	})
}

// refuser is an entity that wants to know when what was asked of it was refused.
type refuser interface{ Refused(err error) }

// stepWorkflow runs one step of a workflow of the request's namespace. W is the
// part of the workflow's methods that the caller needs.
func stepWorkflow[W any](ctx context.Context, runtime stepper, workflowID string, fn func(*entity.Step, W) error) error {
	return runtime.Step(ctx, workflowKey(ctx, workflowID), func(step *entity.Step, e entity.Entity) error {
		err := fn(step, e.(W))
		if r, ok := e.(refuser); ok && err != nil {
			r.Refused(err)
		}
		return err
	})
}
