package nexus

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
)

// Dispatcher hands requests to Nexus workers, and their answers to those who have asked.
// A request is in memory only, and gone with the one who asks.
type Dispatcher struct {
	queues  Queues
	node    string // what ends the ids of tasks
	mu      sync.Mutex
	waiting map[string]*waiting // by the id of the task
}

// Queues are task queues; *matching.Matching has them.
type Queues interface {
	// DispatchQuery returns when a poll has taken the request.
	DispatchQuery(ctx context.Context, query *matching.QueryTask) error
}

// waiting is a request that a worker may answer.
type waiting struct {
	namespace string
	answer    chan *Answer // holds one
}

// maxRequests bounds the requests that wait for answers.
const maxRequests = 10_000

// tail is how long before the end of a call its request is given up, so that the one who
// has asked hears of it.
const tail = time.Second

// NewDispatcher returns a Dispatcher that hands out requests by the queues.
func NewDispatcher(queues Queues) *Dispatcher {
	return &Dispatcher{queues: queues, waiting: make(map[string]*waiting)}
}

// Task is a request on its way to a worker: the payload of a matching.QueryTask.
type Task struct {
	ID      string
	request *nexuspb.Request
	// deadline is when nobody waits for the answer any more.
	deadline time.Time
}

// Request is the request as the worker gets it at the time: with the time that is left.
func (t *Task) Request(now time.Time) *nexuspb.Request {
	request := &nexuspb.Request{
		Header: maps.Clone(t.request.GetHeader()), ScheduledTime: t.request.GetScheduledTime(),
		Capabilities: t.request.GetCapabilities(), Endpoint: t.request.GetEndpoint(), Variant: t.request.GetVariant(),
	}
	if request.Header == nil {
		request.Header = make(map[string]string, 2)
	}
	left := t.deadline.Sub(now).String()
	request.Header[headerRequestTimeout] = left
	request.Header["Request-Timeout"] = left // some SDKs look for it in this form
	return request
}

// Answer is what a worker has answered: one of the three.
type Answer struct {
	Response *nexuspb.Response
	// Failure is a failure of the handler, and Error one in the form of older SDKs.
	Failure *failurepb.Failure
	Error   *nexuspb.HandlerError
}

// ErrNoAnswer is what a dispatch comes to that no worker has answered in time.
var ErrNoAnswer = errors.New("nexus: no worker has answered in time")

var (
	errManyRequests = serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT, "too many Nexus requests are waiting for workers; try again later")
	errNotWaiting   = serviceerror.NewNotFound("Nexus task not found or already expired")
)

// AtNode comes between the id of a task and that of the node of a cluster that waits for
// the answer.
const AtNode = "@"

// OfNode has the tasks say which node of a cluster waits for their answers. It comes before the
// first Dispatch.
func (d *Dispatcher) OfNode(id string) { d.node = AtNode + id }

// Dispatch has a worker that polls the queue answer the request, which must not be changed
// any more. It fails with ErrNoAnswer shortly before the context's deadline, and with the
// context's error if that is cancelled.
func (d *Dispatcher) Dispatch(ctx context.Context, namespaceID, taskQueue string, request *nexuspb.Request) (*Answer, error) {
	deadline := time.Now().Add(time.Minute)
	if end, ok := ctx.Deadline(); ok {
		deadline = end.Add(-tail)
	}
	wait, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	w := &waiting{namespace: namespaceID, answer: make(chan *Answer, 1)}
	task := &Task{ID: uuid.NewString() + d.node, request: request, deadline: deadline}
	if !d.add(task.ID, w) {
		return nil, errManyRequests
	}
	defer d.take(task.ID, namespaceID)
	err := d.queues.DispatchQuery(wait, &matching.QueryTask{
		ID:      task.ID,
		Queue:   entity.Queue{Namespace: namespaceID, Type: entity.TaskNexus, Name: taskQueue},
		Payload: task,
	})
	if err == nil {
		select {
		case answer := <-w.answer:
			return answer, nil
		case <-wait.Done():
			err = wait.Err()
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, ErrNoAnswer
	}
	return nil, err
}

// Answer hands over the answer to the request with the id. It fails with NotFound if
// nobody waits for it.
func (d *Dispatcher) Answer(id, namespaceID string, answer *Answer) error {
	w := d.take(id, namespaceID)
	if w == nil {
		return errNotWaiting
	}
	w.answer <- answer
	return nil
}

func (d *Dispatcher) add(id string, w *waiting) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.waiting) >= maxRequests {
		return false
	}
	d.waiting[id] = w
	return true
}

// take forgets the request with the id and returns it; nil if there is none.
func (d *Dispatcher) take(id, namespaceID string) *waiting {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := d.waiting[id]
	if w == nil || w.namespace != namespaceID {
		return nil
	}
	delete(d.waiting, id)
	return w
}
