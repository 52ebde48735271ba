package telemetry

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
)

// Polls counts tasks and polls; it implements matching.Observer.
type Polls struct{ t *Telemetry }

// Polls returns what counts tasks and polls.
func (t *Telemetry) Polls() *Polls { return &Polls{t} }

// taskTypes are the types of tasks; those that are not known are counted as the last.
var taskTypes = [...]struct {
	of   entity.TaskType
	name string
}{{entity.TaskWorkflow, "Workflow"}, {entity.TaskActivity, "Activity"}, {entity.TaskNexus, "Nexus"}}

func taskTypeOf(t entity.TaskType) int {
	for i := range taskTypes {
		if taskTypes[i].of == t {
			return i
		}
	}
	return len(taskTypes) - 1
}

func partitionOf(sticky bool) int {
	if sticky {
		return 1
	}
	return 0
}

// partitions are normal queues and those of one worker.
var partitions = [...]string{"__normal__", "__sticky__"}

// queues is what is counted of the task queues of a name.
type queues struct {
	vectors          *vectors
	namespace, queue string
	kinds            [len(taskTypes)][len(partitions)]atomic.Pointer[queueKind]
	mu               sync.Mutex
}

// queueKind is what is counted of a task queue, normal or sticky, of one type.
type queueKind struct {
	success, successSync, timeouts, added, unattended prometheus.Counter
	latency                                           [matching.PollFailed + 1]prometheus.Observer
	dispatch                                          prometheus.Observer
}

func (q *queues) kind(queue entity.Queue, sticky bool) *queueKind {
	taskType, partition := taskTypeOf(queue.Type), partitionOf(sticky)
	place := &q.kinds[taskType][partition]
	if found := place.Load(); found != nil {
		return found
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if place.Load() == nil {
		labels := []string{q.namespace, q.queue, taskTypes[taskType].name, partitions[partition]}
		latency := func(result string) prometheus.Observer {
			return q.vectors.histogram(&pollLatency, append(labels[:4:4], result)...)
		}
		k := &queueKind{
			success:     q.vectors.counter(&pollSuccess, labels...),
			successSync: q.vectors.counter(&pollSuccessSync, labels...),
			timeouts:    q.vectors.counter(&pollTimeouts, labels...),
			added:       q.vectors.counter(&tasksAdded, labels...),
			unattended:  q.vectors.counter(&noPollerTasks, labels...),
			dispatch:    q.vectors.histogram(&taskDispatch, labels...),
		}
		k.latency[matching.PollTask] = latency("dispatch")
		k.latency[matching.PollQuery] = k.latency[matching.PollTask]
		k.latency[matching.PollEmpty] = latency("timeout")
		k.latency[matching.PollFailed] = latency("failed")
		place.Store(k)
	}
	return place.Load()
}

// Added implements matching.Observer.
func (p *Polls) Added(queue entity.Queue, sticky, attended bool) {
	k := p.t.namespaces.withID(queue.Namespace).queues.get(queue.Name).kind(queue, sticky)
	k.added.Inc()
	if !attended {
		k.unattended.Inc()
	}
}

// Polled implements matching.Observer.
func (p *Polls) Polled(poll matching.Polled) {
	k := p.t.namespaces.withID(poll.Queue.Namespace).queues.get(poll.Queue.Name).kind(poll.Queue, poll.Sticky)
	k.latency[poll.Result].Observe(seconds(poll.Waited))
	switch poll.Result {
	case matching.PollEmpty:
		k.timeouts.Inc()
	case matching.PollTask, matching.PollQuery:
		k.success.Inc()
		if poll.Sync {
			k.successSync.Inc()
		}
		if poll.Result == matching.PollTask {
			k.dispatch.Observe(poll.Age.Seconds())
		}
	}
}
