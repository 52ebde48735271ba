package flow

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// View is the policies of a namespace as of a revision. It is never changed. A nil View has
// none.
type View struct {
	revision              int64
	workflows, activities []*policy // in the order of their names
	byName                map[string]*policy
}

// policy is a policy ready for use.
type policy struct {
	spec   *flowv1.Policy
	limits *records.FlowLimits
	// key returns the value of the key; nil: there is one for all.
	key keyFunc
}

func newView(revision int64, policies []*flowv1.Policy) *View {
	v := &View{revision: revision, byName: make(map[string]*policy, len(policies))}
	for _, spec := range policies {
		p := &policy{spec: spec, limits: limitsOf(spec), key: keyOf(spec.Key)}
		v.byName[spec.Name] = p
		if spec.Target == flowv1.Target_TARGET_ACTIVITIES {
			v.activities = append(v.activities, p)
		} else {
			v.workflows = append(v.workflows, p)
		}
	}
	return v
}

// limitsOf are the limits of a policy as gates keep them.
func limitsOf(p *flowv1.Policy) *records.FlowLimits {
	l := &records.FlowLimits{Revision: p.Revision, MaxRunning: p.MaxRunning, MaxWaiting: p.MaxWaiting}
	if p.Rate != nil {
		l.PerSecond, l.Burst = p.Rate.PerSecond, max(p.Rate.Burst, 1)
	}
	return l
}

// limits are those of the policy with the name; nil if the view is nil.
func (v *View) limits(name string) *records.FlowLimits {
	if v == nil {
		return nil
	}
	if p := v.byName[name]; p != nil {
		return p.limits
	}
	return &records.FlowLimits{Revision: v.revision, Deleted: true}
}

// Registry has the policies of all namespaces for those who look them up. It follows the entities
// that hold them, on this node as soon as a change is durable. A look-up waits until Open has returned,
// as the runtime may have begun to fire timers before.
//
// All methods may be called at once from many goroutines. A nil Registry knows nothing.
type Registry struct {
	opened chan struct{}
	once   sync.Once

	mu    sync.Mutex // serialises changes of views
	views atomic.Pointer[map[string]*View]

	// Changed, if not nil, is told of namespaces whose policies have changed. It is set before
	// the first step, and must not block.
	Changed func(namespaceID string)

	// crowded is how many wait at the gates of this node at which something does.
	crowded sync.Map // of *atomic.Int64, by entity.Key
}

// NewRegistry returns a registry that knows of no policies yet.
func NewRegistry() *Registry {
	r := &Registry{opened: make(chan struct{})}
	r.views.Store(new(map[string]*View))
	return r
}

// Viewer reads entities, wherever they are held.
type Viewer interface {
	View(ctx context.Context, key entity.Key, fn func(entity.Entity, entity.View) error) error
}

// Open loads the policies of the namespaces with the ids. Called again, it hears of what other nodes have
// changed.
func (r *Registry) Open(ctx context.Context, runtime Viewer, namespaces []string) error {
	defer r.Close()
	for _, id := range namespaces {
		err := runtime.View(ctx, PoliciesKey(id), func(e entity.Entity, _ entity.View) error {
			r.publish(id, e.(*Policies).view())
			return nil
		})
		if err != nil {
			return fmt.Errorf("loading the flow policies of namespace %s: %w", id, err)
		}
	}
	return nil
}

// Close lets look-ups go on that wait for Open.
func (r *Registry) Close() {
	if r != nil {
		r.once.Do(func() { close(r.opened) })
	}
}

// Of returns the policies of a namespace; nil if there have never been any.
func (r *Registry) Of(namespaceID string) *View {
	if r == nil {
		return nil
	}
	views := *r.views.Load()
	if len(views) == 0 {
		<-r.opened
		if views = *r.views.Load(); len(views) == 0 {
			return nil
		}
	}
	return views[namespaceID]
}

// Namespaces are the ids of those that have policies, or have had some.
func (r *Registry) Namespaces() (ids []string) {
	for id := range *r.views.Load() {
		ids = append(ids, id)
	}
	return ids
}

// publish makes a view that of its namespace, unless a later one is.
func (r *Registry) publish(namespaceID string, view *View) {
	if r == nil || view == nil {
		return
	}
	r.mu.Lock()
	old := *r.views.Load()
	if had := old[namespaceID]; had != nil && had.revision >= view.revision {
		r.mu.Unlock()
		return
	}
	next := maps.Clone(old)
	if next == nil {
		next = make(map[string]*View, 1)
	}
	next[namespaceID] = view
	r.views.Store(&next)
	r.mu.Unlock()
	if r.Changed != nil {
		r.Changed(namespaceID)
	}
}

// forget is for a namespace that is deleted.
func (r *Registry) forget(namespaceID string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	next := maps.Clone(*r.views.Load())
	delete(next, namespaceID)
	r.views.Store(&next)
}

// Crowded reports whether something waits already at a gate of the ticket, as far as this node knows: then
// what asks now will wait, too. It is a guess that saves messages.
func (r *Registry) Crowded(namespaceID string, pass *records.FlowPass) bool {
	if r == nil {
		return false
	}
	for _, t := range pass.GetTickets() {
		if _, ok := r.crowded.Load(gateKey(namespaceID, t.Policy, t.Key)); ok {
			return true
		}
	}
	return false
}

// setWaiting notes how many wait at a gate. counter is what the gate has of it, nil at first.
func (r *Registry) setWaiting(counter **atomic.Int64, gate entity.Key, n int64) {
	switch {
	case r == nil:
	case n == 0:
		*counter = nil
		r.crowded.Delete(gate)
	case *counter == nil:
		found, _ := r.crowded.LoadOrStore(gate, new(atomic.Int64))
		*counter = found.(*atomic.Int64)
		fallthrough
	default:
		(*counter).Store(n)
	}
}

// Waiting visits all policies with how many wait for them at the gates that are held here. A gate counts
// from its first step on, which it has soon after a start.
func (r *Registry) Waiting(held func(entity.Key) bool, visit func(namespaceID, policy string, n int64)) {
	type name struct{ namespace, policy string }
	counts := make(map[name]int64)
	for namespace, view := range *r.views.Load() {
		for policy := range view.byName {
			counts[name{namespace, policy}] = 0
		}
	}
	r.crowded.Range(func(k, n any) bool {
		gate := k.(entity.Key)
		if !held(gate) {
			r.crowded.Delete(gate) // it has moved to another node
			return true
		}
		policy, _, _ := strings.Cut(gate.ID, "/")
		counts[name{gate.Namespace, policy}] += n.(*atomic.Int64).Load()
		return true
	})
	for of, n := range counts {
		visit(of.namespace, of.policy, n)
	}
}
