package telemetry

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/perdure/perdure/internal/api/methods"
	"github.com/perdure/perdure/internal/entity"
)

// mostIDs bounds the ids of namespaces whose names are remembered.
const mostIDs = 2000

// namespaces are what is counted, by namespace.
type namespaces struct {
	byName bounded[namespace]
	budget atomic.Int64
	// none is what is counted of calls that are about no namespace.
	none *namespace
	// ids are what belongs to ids of namespaces, by which steps and tasks know theirs.
	ids    atomic.Pointer[map[string]*namespace]
	full   atomic.Bool
	mu     sync.Mutex
	nameOf func(id string) string
}

func (n *namespaces) init(t *Telemetry) {
	n.nameOf = t.options.NamespaceName
	n.budget.Store(int64(t.options.Namespaces))
	n.byName.budget = &n.budget
	n.byName.make = t.newNamespace
	n.none = t.newNamespace(unknown)
	n.ids.Store(&map[string]*namespace{})
}

// named is what is counted of the namespace with the name; empty: of none.
func (n *namespaces) named(name string) *namespace {
	if name == "" {
		return n.none
	}
	return n.byName.get(name)
}

// withID is what is counted of the namespace with the id; empty: of none.
func (n *namespaces) withID(id string) *namespace {
	if id == "" {
		return n.none
	}
	if found := (*n.ids.Load())[id]; found != nil {
		return found
	}
	if n.full.Load() {
		return n.named(other)
	}
	return n.learn(id)
}

// learn finds out the name of a namespace.
func (n *namespaces) learn(id string) *namespace {
	name := n.nameOf(id)
	if name == "" {
		return n.none // a namespace that has gone
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	known := maps.Clone(*n.ids.Load())
	if known[id] == nil {
		known[id] = n.named(name)
	}
	n.full.Store(len(known) >= mostIDs)
	n.ids.Store(&known)
	return known[id]
}

// namespace is what is counted of one namespace.
type namespace struct {
	name    string
	vectors *vectors
	// calls are by the numbers of their methods; nil of those that were never called.
	calls []atomic.Pointer[calls]

	workflows  bounded[workflows]
	activities bounded[activities]
	flows      bounded[flows]
	nexus      bounded[nexusOperations]
	// destinations are where the server makes calls to.
	destinations bounded[string]
	// queues are by the name of the task queue; one for all if they are not told apart.
	queues bounded[queues]
	steps  atomic.Pointer[steps]

	mu sync.Mutex
}

func (t *Telemetry) newNamespace(name string) *namespace {
	n := &namespace{name: name, vectors: &t.vectors, calls: make([]atomic.Pointer[calls], methods.Count())}
	n.workflows.budget, n.workflows.make = &t.types, func(label string) *workflows { return newWorkflows(n.vectors, name, label) }
	n.activities.budget, n.activities.make = &t.types, func(label string) *activities { return newActivities(n.vectors, name, label) }
	n.flows.budget, n.flows.make = &t.types, func(label string) *flows { return newFlows(n.vectors, name, label) }
	n.nexus.budget, n.nexus.make = &t.types, func(label string) *nexusOperations { return newNexusOperations(n.vectors, name, label) }
	n.destinations.budget, n.destinations.make = &t.types, func(label string) *string { return &label }
	n.queues.budget, n.queues.make = &t.queues, func(label string) *queues {
		if t.options.TaskQueues <= 0 {
			label = omitted
		}
		return &queues{vectors: n.vectors, namespace: name, queue: label}
	}
	return n
}

// once returns what is at the place, which is made if there is nothing.
func once[T any](n *namespace, place *atomic.Pointer[T], make func() *T) *T {
	if found := place.Load(); found != nil {
		return found
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if place.Load() == nil {
		place.Store(make())
	}
	return place.Load()
}

// steps is what is counted of the workflow tasks of a namespace.
type steps struct {
	attempts, duration          prometheus.Observer
	workflowWait, activityWait  prometheus.Observer
	historyBytes, historyEvents prometheus.Observer
	commands                    [mostCommands]atomic.Pointer[prometheus.Counter]
	failures                    [mostFailures]atomic.Pointer[prometheus.Counter]
	timeouts                    [mostTimeouts]prometheus.Counter
}

// Bounds of the enumerations of the API; what is beyond them is counted as 0, which stands for none.
const (
	mostCommands = 64
	mostFailures = 64
	mostTimeouts = 5
	mostStatuses = 16
)

func (n *namespace) newSteps() *steps {
	s := &steps{
		attempts:      n.vectors.histogram(&workflowAttempt, n.name),
		duration:      n.vectors.histogram(&workflowTaskDone, n.name),
		workflowWait:  n.vectors.histogram(&taskWait, n.name, "RecordWorkflowTaskStarted"),
		activityWait:  n.vectors.histogram(&taskWait, n.name, "RecordActivityTaskStarted"),
		historyBytes:  n.vectors.histogram(&historySize, n.name),
		historyEvents: n.vectors.histogram(&historyCount, n.name),
	}
	for i := range s.timeouts {
		s.timeouts[i] = n.vectors.counter(&workflowTaskLate, n.name, timeoutName(i))
	}
	return s
}

// ofEntity is what is counted of the namespace that an entity is in.
func (t *Telemetry) ofEntity(key entity.Key) *namespace { return t.namespaces.withID(key.Namespace) }
