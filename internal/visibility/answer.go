package visibility

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/visibility/query"
)

// CatchUp waits until the index has all that was durable when it was called.
func (x *Indexer) CatchUp(ctx context.Context) error {
	x.mu.Lock()
	x.asked++
	ticket := x.asked
	x.mu.Unlock()
	x.hurry()
	for {
		x.mu.Lock()
		passed, failure, over := x.passed, x.failure, x.over
		x.mu.Unlock()
		if passed >= ticket {
			return failure
		}
		select {
		case <-over:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// List returns a page; see Index.
func (x *Indexer) List(ctx context.Context, request ListRequest) (page *Page, err error) {
	err = x.read(ctx, isExact(request.Query.Where), func(index Index) error {
		page, err = index.List(ctx, request)
		return err
	})
	return page, err
}

// Count counts; see Index.
func (x *Indexer) Count(ctx context.Context, namespace string, q *query.Query) (groups []Group, err error) {
	err = x.read(ctx, isExact(q.Where) || countsRunning(q), func(index Index) error {
		groups, err = index.Count(ctx, namespace, q)
		return err
	})
	return groups, err
}

// read calls fn with an index that has all that was durable before; if it need not be exact,
// with what is known after a second.
func (x *Indexer) read(ctx context.Context, exact bool, fn func(Index) error) error {
	wait, cancel := ctx, context.CancelFunc(func() {})
	if !exact {
		wait, cancel = context.WithTimeout(ctx, maxLag)
	}
	others := x.catchUpOthers(ctx)
	err := x.CatchUp(wait)
	<-others
	cancel()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && exact:
		return serviceerror.NewUnavailablef("the visibility index is behind: %v", err)
	}
	x.indexMu.RLock()
	defer x.indexMu.RUnlock()
	if x.index == nil {
		return serviceerror.NewUnavailable("the visibility index is being built; try again in a moment")
	}
	err = fn(x.index)
	if errors.Is(err, ErrCorrupt) {
		x.mu.Lock()
		x.damaged, x.failure = true, err
		x.mu.Unlock()
		x.hurry()
	}
	if err != nil && ctx.Err() == nil {
		x.log.Error("The visibility index could not be read.", "error", err)
		return serviceerror.NewUnavailable("the visibility index cannot be read; see the log of the server")
	}
	return err
}

// catchUpOthers has the other indexers of a shared index catch up. The channel is closed when they have, or
// it has taken too long.
func (x *Indexer) catchUpOthers(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	if x.options.Others == nil {
		close(done)
		return done
	}
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(ctx, maxLag)
		defer cancel()
		x.options.Others(ctx)
	}()
	return done
}

// isExact reports whether a query is about one workflow id.
func isExact(where query.Expr) bool {
	switch e := where.(type) {
	case query.And:
		for _, part := range e {
			if isExact(part) {
				return true
			}
		}
	case *query.Condition:
		return e.Op == query.Equal && (e.Column.Name == "WorkflowId" || e.Column.Name == "RunId")
	}
	return false
}

// countsRunning reports whether a count is about what runs.
func countsRunning(q *query.Query) bool {
	c, ok := q.Where.(*query.Condition)
	return ok && c.Column.Name == "ExecutionStatus"
}
