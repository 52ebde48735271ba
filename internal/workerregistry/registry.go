// Package workerregistry knows the workers of all namespaces by their latest
// heartbeats.
//
// It is in memory only: workers say again what they are, so after a restart it is
// complete within a heartbeat's interval. A worker that has not been heard of for a while
// is forgotten, and so is one that says that it has been shut down. The memory is
// bounded: when it is full, those that have been silent longest make room.
package workerregistry

import (
	"cmp"
	"container/list"
	"encoding/json"
	"slices"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workerpb "go.temporal.io/api/worker/v1"
	"google.golang.org/protobuf/proto"
)

// Options are what a Registry is made with. The zero value works.
type Options struct {
	// Forget is after what time without a heartbeat a worker is forgotten. Default 5
	// min.
	Forget time.Duration
	// Keep is how long after a heartbeat a worker is not forgotten though memory is
	// full. Default 1 min.
	Keep time.Duration
	// Workers is how many workers are kept. Default 1,000,000.
	Workers int
	// Bytes is how many bytes their heartbeats may have. Default 512 MiB.
	Bytes int
	// Now is the time. Default time.Now.
	Now func() time.Time
	// System reports whether a task queue is that of workers of the server itself. By
	// default none is.
	System func(taskQueue string) bool
}

// Registry has the latest heartbeat of each worker. Its methods may be called from
// many goroutines at once. Heartbeats belong to it once they are recorded, and must
// not be changed any more, by nobody.
type Registry struct {
	options Options

	mu         sync.Mutex
	namespaces map[string]map[string]*list.Element // by namespace id and instance key
	order      list.List                           // of *entry, the one that has been silent longest first
	bytes      int
}

type entry struct {
	namespace string
	heartbeat *workerpb.WorkerHeartbeat
	bytes     int
	at        time.Time
}

// entryBytes is about what a worker takes besides its heartbeat.
const entryBytes = 300

// New makes a Registry that knows no workers.
func New(options Options) *Registry {
	options.Forget = cmp.Or(options.Forget, 5*time.Minute)
	options.Keep = cmp.Or(options.Keep, time.Minute)
	options.Workers = cmp.Or(options.Workers, 1_000_000)
	options.Bytes = cmp.Or(options.Bytes, 512<<20)
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.System == nil {
		options.System = func(string) bool { return false }
	}
	return &Registry{options: options, namespaces: make(map[string]map[string]*list.Element)}
}

var errFull = serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_SYSTEM_OVERLOADED,
	"too many workers send heartbeats; their tasks are not affected")

// Record takes heartbeats of a namespace. One of a worker that has been shut down takes
// the worker away. It fails with ResourceExhausted if there is no room.
func (r *Registry) Record(namespace string, heartbeats []*workerpb.WorkerHeartbeat) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.options.Now()
	r.forget(now)
	for _, heartbeat := range heartbeats {
		if heartbeat == nil {
			continue
		}
		element := r.namespaces[namespace][heartbeat.GetWorkerInstanceKey()]
		if element != nil {
			r.remove(element)
		}
		if heartbeat.GetStatus() == enumspb.WORKER_STATUS_SHUTDOWN {
			continue
		}
		e := &entry{namespace, heartbeat, entryBytes + proto.Size(heartbeat), now}
		if !r.makeRoom(now, e.bytes) {
			return errFull
		}
		r.add(e)
	}
	return nil
}

func (r *Registry) add(e *entry) {
	workers := r.namespaces[e.namespace]
	if workers == nil {
		workers = make(map[string]*list.Element)
		r.namespaces[e.namespace] = workers
	}
	workers[e.heartbeat.GetWorkerInstanceKey()] = r.order.PushBack(e)
	r.bytes += e.bytes
}

func (r *Registry) remove(element *list.Element) {
	e := element.Value.(*entry)
	r.order.Remove(element)
	r.bytes -= e.bytes
	workers := r.namespaces[e.namespace]
	delete(workers, e.heartbeat.GetWorkerInstanceKey())
	if len(workers) == 0 {
		delete(r.namespaces, e.namespace)
	}
}

// forget drops the workers that have been silent too long.
func (r *Registry) forget(now time.Time) {
	r.dropSilent(now, r.options.Forget, func() bool { return true })
}

// makeRoom drops workers until there is room for another one.
func (r *Registry) makeRoom(now time.Time, bytes int) bool {
	full := func() bool { return r.order.Len() >= r.options.Workers || r.bytes+bytes > r.options.Bytes }
	r.dropSilent(now, r.options.Keep, full)
	return !full()
}

// dropSilent drops workers that have been silent so long, as long as more reports true.
func (r *Registry) dropSilent(now time.Time, silent time.Duration, more func() bool) {
	for first := r.order.Front(); first != nil && more(); first = r.order.Front() {
		if now.Sub(first.Value.(*entry).at) < silent {
			return
		}
		r.remove(first)
	}
}

// Find returns the latest heartbeat of a worker; nil if it is not known.
func (r *Registry) Find(namespace, instanceKey string) *workerpb.WorkerHeartbeat {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(r.options.Now())
	if element := r.namespaces[namespace][instanceKey]; element != nil {
		return element.Value.(*entry).heartbeat
	}
	return nil
}

// Selection says which workers are listed or counted.
type Selection struct {
	Namespace string // id
	// Query is a filter, in the language that is described in query.go; empty: all.
	Query string
	// System says that workers of the server itself are among them.
	System bool
}

// Select returns the latest heartbeats of workers, in order of their instance keys. It
// fails with InvalidArgument for a query that makes no sense.
func (r *Registry) Select(s Selection) ([]*workerpb.WorkerHeartbeat, error) {
	matches, err := parse(s.Query)
	if err != nil {
		return nil, err
	}
	var found []*workerpb.WorkerHeartbeat
	r.mu.Lock()
	r.forget(r.options.Now())
	for _, element := range r.namespaces[s.Namespace] {
		found = append(found, element.Value.(*entry).heartbeat)
	}
	r.mu.Unlock()
	found = slices.DeleteFunc(found, func(h *workerpb.WorkerHeartbeat) bool {
		return !s.System && r.options.System(h.GetTaskQueue()) || !matches(h)
	})
	slices.SortFunc(found, func(a, b *workerpb.WorkerHeartbeat) int {
		return cmp.Compare(a.GetWorkerInstanceKey(), b.GetWorkerInstanceKey())
	})
	return found, nil
}

// pageToken is where a list goes on: after the worker with this instance key.
type pageToken struct {
	After string `json:"l"`
}

// List is Select page by page; a size of 0 is no bound. It returns the token of the
// next page, nil if there is none. A token that it has not made is answered with
// InvalidArgument.
func (r *Registry) List(s Selection, size int, token []byte) ([]*workerpb.WorkerHeartbeat, []byte, error) {
	var from pageToken
	if size < 0 {
		return nil, nil, serviceerror.NewInvalidArgument("page_size must not be negative")
	}
	if len(token) > 0 && json.Unmarshal(token, &from) != nil {
		return nil, nil, serviceerror.NewInvalidArgument("invalid next_page_token")
	}
	found, err := r.Select(s)
	if err != nil {
		return nil, nil, err
	}
	if len(token) > 0 {
		begin, seen := slices.BinarySearchFunc(found, from.After, func(h *workerpb.WorkerHeartbeat, key string) int {
			return cmp.Compare(h.GetWorkerInstanceKey(), key)
		})
		if seen {
			begin++
		}
		found = found[begin:]
	}
	if size == 0 || len(found) <= size {
		return found, nil, nil
	}
	next, err := json.Marshal(pageToken{found[size-1].GetWorkerInstanceKey()})
	return found[:size], next, err
}
