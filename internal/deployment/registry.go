package deployment

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/perdure/perdure/internal/entity"
)

// Registry has what task queues and workflows have to know of the deployments of all
// namespaces. It is also the state machine that package runtime needs for
// entity.KindDeployments; hence its two-step life: made by NewRegistry, handed to the
// runtime, opened on it.
//
// All methods may be called at once from many goroutines. A nil Registry knows nothing.
type Registry struct {
	// opened is closed when what there is has been loaded, or never will be. A look-up waits
	// for it, as the runtime may have begun to fire timers before.
	opened chan struct{}
	once   sync.Once

	mu    sync.Mutex // serialises changes of views
	views atomic.Pointer[map[string]*View]

	// Changed, if not nil, is told of task queues whose routes have changed. It is set before
	// the first step.
	Changed func(queues []entity.Queue)
	// peek and told are set by Share.
	peek Viewer
	told func(namespaceID string)
	// drains is sent to when a version has begun to drain.
	drains chan struct{}
}

// View is what is known of the deployments of a namespace as of some change. It is never
// modified.
type View struct {
	number uint64
	queues map[queueName]*Routes
	// draining are the versions that drain.
	draining map[Version]struct{}
}

// queueName names a task queue in a namespace.
type queueName struct {
	taskType entity.TaskType
	name     string
}

// NewRegistry returns a registry that knows of no deployments yet. Look-ups wait until Open
// has returned.
func NewRegistry() *Registry {
	r := &Registry{opened: make(chan struct{}), drains: make(chan struct{}, 1)}
	r.views.Store(new(map[string]*View))
	return r
}

// Viewer reads entities; *runtime.Runtime is one.
type Viewer interface {
	View(ctx context.Context, key entity.Key, fn func(entity.Entity, entity.View) error) error
}

// Open loads the deployments of the namespaces with the ids.
func (r *Registry) Open(ctx context.Context, runtime Viewer, namespaces []string) error {
	defer r.Close()
	for _, id := range namespaces {
		err := runtime.View(ctx, Key(id), func(e entity.Entity, _ entity.View) error {
			d := e.(*Deployments)
			if len(d.deployments) > 0 {
				r.publish(id, d.view(nil), nil)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("loading the worker deployments of namespace %s: %w", id, err)
		}
	}
	return nil
}

// Close lets look-ups go on that wait for Open.
func (r *Registry) Close() { r.once.Do(func() { close(r.opened) }) }

// of is the view of a namespace; nil if nothing is known.
func (r *Registry) of(namespace string) *View {
	if r == nil {
		return nil
	}
	views := *r.views.Load()
	if len(views) == 0 {
		select {
		case <-r.opened:
		default:
			<-r.opened
		}
		views = *r.views.Load()
	}
	return views[namespace]
}

// Routes is what is known of a task queue; nil if no version of workers polls it. The part
// of the queue is not looked at.
func (r *Registry) Routes(queue entity.Queue) *Routes {
	view := r.of(queue.Namespace)
	if view == nil {
		return nil
	}
	return view.queues[queueName{queue.Type, queue.Name}]
}

// publish makes a view that of its namespace, unless a later one is.
func (r *Registry) publish(namespace string, view *View, changed []queueName) {
	r.mu.Lock()
	old := *r.views.Load()
	if had := old[namespace]; had != nil && had.number >= view.number {
		r.mu.Unlock()
		return
	}
	next := maps.Clone(old)
	if next == nil {
		next = make(map[string]*View)
	}
	next[namespace] = view
	r.views.Store(&next)
	r.mu.Unlock()
	if len(view.draining) > 0 {
		select {
		case r.drains <- struct{}{}:
		default:
		}
	}
	if r.Changed != nil && len(changed) > 0 {
		queues := make([]entity.Queue, len(changed))
		for i, q := range changed {
			queues[i] = entity.Queue{Namespace: namespace, Type: q.taskType, Name: q.name}
		}
		r.Changed(queues)
	}
}
