package namespace

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
)

// Runtime is what the registry needs of package runtime.
type Runtime interface {
	Step(ctx context.Context, key entity.Key, fn func(*entity.Step, entity.Entity) error) error
	View(ctx context.Context, key entity.Key, fn func(entity.Entity, entity.View) error) error
}

// Registry looks namespaces up and changes them. It is also the state machine
// that package runtime needs for entity.KindNamespaces; hence its two-step life:
// made by New, handed to the runtime, opened on it.
//
// All methods may be called at once from many goroutines.
type Registry struct {
	runtime Runtime
	config  *dynamicconfig.Config

	// opened is closed when the snapshot has been filled, or never will be. A
	// look-up waits for it: the runtime may have begun to fire the timers of
	// workflows, and those must not take a namespace for missing.
	opened chan struct{}
	once   sync.Once

	mu       sync.Mutex // serialises changes of snapshot
	snapshot atomic.Pointer[snapshot]

	// unfinished is UnfinishedChanged.
	unfinished chan struct{}
	// shared follows the changes that other nodes make; nil if there are none.
	shared *shared
}

type snapshot struct {
	byID, byName map[string]*Namespace
}

// New returns a registry that has no namespaces yet. Look-ups wait until Open
// has returned. A nil config has the defaults of its settings.
func New(config *dynamicconfig.Config) *Registry {
	r := &Registry{config: config, opened: make(chan struct{}), unfinished: make(chan struct{}, 1)}
	r.snapshot.Store(&snapshot{})
	return r
}

// Open loads the namespaces and registers those named that do not exist yet,
// Default always among them. Retention is that of the ones registered now; zero
// means three days.
func (r *Registry) Open(ctx context.Context, runtime Runtime, retention time.Duration, names ...string) error {
	defer r.Close()
	r.runtime = runtime
	err := runtime.View(ctx, Key, func(e entity.Entity, _ entity.View) error { return r.load(e) })
	if err != nil {
		return fmt.Errorf("loading namespaces: %w", err)
	}
	return r.register(ctx, retention, names)
}

// load fills the snapshot with what the entity has.
func (r *Registry) load(e entity.Entity) error {
	loaded := &snapshot{byID: make(map[string]*Namespace), byName: make(map[string]*Namespace)}
	for _, record := range e.(*directory).byID {
		ns := fromRecord(record)
		loaded.byID[ns.ID], loaded.byName[ns.Name] = ns, ns
	}
	r.snapshot.Store(loaded)
	r.tellUnfinished()
	return nil
}

// register registers Default and the names, if they do not exist.
func (r *Registry) register(ctx context.Context, retention time.Duration, names []string) error {
	if retention == 0 {
		retention = max(72*time.Hour, dynamicconfig.MinRetention.Get(r.config))
	}
	for _, name := range append([]string{Default}, names...) {
		if _, ok := r.snapshot.Load().byName[name]; ok {
			continue
		}
		err := r.Register(ctx, &workflowservice.RegisterNamespaceRequest{
			Namespace:                        name,
			WorkflowExecutionRetentionPeriod: durationpb.New(retention),
		})
		var exists *serviceerror.NamespaceAlreadyExists
		if err != nil && (!errors.As(err, &exists) || name == System) {
			return fmt.Errorf("registering namespace %q: %w", name, err)
		}
	}
	return nil
}

// Close lets look-ups that wait for Open go on, which find nothing if it has not
// succeeded. For a server that fails to start; Open calls it itself.
func (r *Registry) Close() {
	r.once.Do(func() { close(r.opened) })
}

func (r *Registry) current() *snapshot {
	select {
	case <-r.opened:
	default:
		<-r.opened
	}
	return r.snapshot.Load()
}

// NameOf is the name of the namespace with the id; "" if there is none, or if the registry is not
// open yet. It never waits.
func (r *Registry) NameOf(id string) string {
	if ns := r.snapshot.Load().byID[id]; ns != nil {
		return ns.Name
	}
	return ""
}

// Count is how many namespaces there are, those that are being deleted included. It never waits.
func (r *Registry) Count() int { return len(r.snapshot.Load().byID) }

// ByName returns the namespace, or a serviceerror.NamespaceNotFound.
func (r *Registry) ByName(name string) (*Namespace, error) {
	if ns, ok := r.current().byName[name]; ok {
		return ns, nil
	}
	if r.shared != nil && r.shared.again() {
		if ns, ok := r.current().byName[name]; ok {
			return ns, nil
		}
	}
	return nil, serviceerror.NewNamespaceNotFound(name)
}

// ByID returns the namespace, or a serviceerror.NamespaceNotFound.
func (r *Registry) ByID(id string) (*Namespace, error) {
	if ns, ok := r.current().byID[id]; ok {
		return ns, nil
	}
	if r.shared != nil && r.shared.again() {
		if ns, ok := r.current().byID[id]; ok {
			return ns, nil
		}
	}
	return nil, serviceerror.NewNamespaceNotFound(id)
}

// List returns up to limit namespaces in the order of their names, beginning
// with the first whose name is greater than after. Deleted ones are left out
// unless asked for.
func (r *Registry) List(after string, limit int, deleted bool) []*Namespace {
	var found []*Namespace
	for name, ns := range r.current().byName {
		if name > after && (deleted || ns.State != enumspb.NAMESPACE_STATE_DELETED) {
			found = append(found, ns)
		}
	}
	slices.SortFunc(found, func(a, b *Namespace) int { return strings.Compare(a.Name, b.Name) })
	return found[:min(limit, len(found))]
}

// Register adds a namespace. The request's name has been checked for form.
// Errors: NamespaceAlreadyExists, InvalidArgument for what this server does not
// have (archival, replication) and for too short a retention.
func (r *Registry) Register(ctx context.Context, req *workflowservice.RegisterNamespaceRequest) error {
	return r.runtime.Step(ctx, Key, func(step *entity.Step, e entity.Entity) error {
		return e.(*directory).register(step, req)
	})
}

// Update changes what the request sets: text fields that are not empty, data by
// merging, state only forwards, aliases and bad binaries by merging.
func (r *Registry) Update(ctx context.Context, req *workflowservice.UpdateNamespaceRequest) (*Namespace, error) {
	err := r.runtime.Step(ctx, Key, func(step *entity.Step, e entity.Entity) error {
		return e.(*directory).update(step, req)
	})
	if err != nil {
		return nil, err
	}
	return r.ByName(req.GetNamespace())
}

// Deprecate makes the namespace refuse new workflows. Once deprecated it stays so.
func (r *Registry) Deprecate(ctx context.Context, name string) error {
	return r.runtime.Step(ctx, Key, func(step *entity.Step, e entity.Entity) error {
		return e.(*directory).deprecate(step, name)
	})
}

// publish puts a namespace that has become durable into the snapshot.
func (r *Registry) publish(ns *Namespace) {
	r.change(func(next *snapshot) {
		next.remove(ns.ID)
		next.byID[ns.ID], next.byName[ns.Name] = ns, ns
	})
	if ns.unfinished() {
		r.tellUnfinished()
	}
}

// withdraw takes a namespace whose record has been removed out of the snapshot.
func (r *Registry) withdraw(id string) { r.change(func(next *snapshot) { next.remove(id) }) }

// change replaces the snapshot by one that is changed.
func (r *Registry) change(change func(*snapshot)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.snapshot.Load()
	next := &snapshot{byID: maps.Clone(old.byID), byName: maps.Clone(old.byName)}
	if next.byID == nil {
		next.byID, next.byName = make(map[string]*Namespace), make(map[string]*Namespace)
	}
	change(next)
	r.snapshot.Store(next)
}

func (s *snapshot) remove(id string) {
	old := s.byID[id]
	if old == nil {
		return
	}
	delete(s.byID, id)
	if s.byName[old.Name] == old {
		delete(s.byName, old.Name)
	}
}
