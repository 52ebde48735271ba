// Package matching is where pollers meet tasks.
//
// A task queue here is a view of the head of a backlog whose truth is in the
// store: the durable records of the tasks, written by the steps that make them
// ready. The view may be thrown away at any time; it is read again from the
// store (the Source) when somebody polls. A queue nobody polls takes no memory, but
// for its rates as long as tasks come in.
//
// A task that becomes ready is handed to the poller that has waited longest; if
// none waits it is kept in memory, and if too many are kept, or the queue has
// not been read from the store yet, it is left to the store. The queue has then
// spilled: see backlog.go for how the pages read from the store and the tasks
// that come in meanwhile add up to each task once, or now and then twice, which
// the check for stale tasks at the start of a task takes care of, but never to
// less.
//
// Workers of a version of a worker deployment poll a part of a queue, which is a queue of its
// own here. The tasks of workflows that are pinned to a version are in its part; of those in the
// part without a version it is decided where they go when they go out: see parts.go.
//
// Sticky queues are those of one worker, which holds the workflow in its cache. A
// sticky task is offered there as long as that worker polls; see sticky.go.
//
// A queue that is busy may have branches at other nodes, in which polls wait, and to which it hands tasks out: see branch.go.
//
// Queries are handed over like tasks but are in memory only, and gone with the
// caller who asks; see query.go. Requests for Nexus workers are queries to matching.
//
// Order of locks: a stripe of the queues, then a queue, then the list of workers
// that were shut down. Two queues are never locked at once. No lock is held during a call out of the package, save for
// Source.Watermark, which is quick.
package matching

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
)

// Source is where the durable records of tasks are read; *runtime.Runtime is one.
type Source interface {
	// ReadTasks reads the tasks of a lane of a queue with ids above after, in the order of
	// their ids, limit at most. It returns an id through which the reading is
	// complete and whether there may be more. If there are no more, every task with
	// an id above that is added (Matching.Add) after the call of ReadTasks.
	ReadTasks(ctx context.Context, queue entity.Queue, lane string, after int64, limit int) (tasks []*entity.Task, through int64, more bool, err error)
	// ReadLanes reads the lanes of a queue with names in a range, in order of the names,
	// and of each the first tasks, perLane and some at most. It stops when it has read
	// about limit tasks.
	ReadLanes(ctx context.Context, queue entity.Queue, lanes entity.LaneRange, perLane, limit int) (entity.LanePages, error)
	// EachTask calls visit with the lane and the id of all tasks of a queue, in no
	// particular order, until it returns false.
	EachTask(ctx context.Context, queue entity.Queue, visit func(lane string, id int64) bool) error
	// Watermark returns an id through which every task has been added.
	Watermark() int64
	// Startable reports whether the task can be started by those who poll here.
	Startable(task *entity.Task) bool
}

// Options are what a Matching is made with. The zero value works; the Source may
// be given later.
type Options struct {
	Source Source
	Logger *slog.Logger     // default slog.Default()
	Now    func() time.Time // default time.Now

	// Config reads what is configured of a queue; nil: nothing is of any.
	Config func(context.Context, entity.Queue) (Config, error)

	// Routes are the versions of workers of a queue; nil, or the nil that it returns: there
	// are none. Whoever changes them calls Rerouted.
	Routes func(entity.Queue) *deployment.Routes

	// Fair reports whether a queue is fair between fairness keys; nil: all are. What it
	// says holds within a fifth of IdleAfter.
	Fair func(entity.Queue) bool

	// Scaling says when pollers of a queue are to be more or less; nil: by DefaultScaling. What
	// it says holds within a fifth of IdleAfter.
	Scaling func(entity.Queue) Scaling

	// Observer is told what goes on, for metrics. Optional.
	Observer Observer

	// LongPoll is how long a poll waits for work. Default 60 s.
	LongPoll time.Duration
	// StickyWindow is how long after its last poll a sticky worker is taken to be
	// there. Default 10 s.
	StickyWindow time.Duration
	// IdleAfter is how long after its last use a queue is unloaded. Pollers are
	// forgotten after the same time. Default 5 min.
	IdleAfter time.Duration
	// MemoryLimit is the number of tasks a queue keeps in memory, and some for each
	// lane. Default 10,000.
	MemoryLimit int
	// LaneLimit is the number of lanes of a priority that a queue keeps in memory.
	// Default 4,096.
	LaneLimit int
	// QueryLimit is the number of queries, or Nexus requests, that may wait in a queue.
	// Default 1,000.
	QueryLimit int
	// QueueLimit is the number of queues in memory. Default 100,000.
	QueueLimit int
}

// Matching is the task queues. Its methods may be called from many goroutines at
// once.
type Matching struct {
	options Options
	log     *slog.Logger
	now     func() time.Time
	source  Source
	// elsewhere is the other nodes; nil: there are none.
	elsewhere Elsewhere
	started   time.Time
	seed      maphash.Seed
	stripes   [64]stripe
	pollers   sync.Pool     // of *poller
	loads     chan struct{} // holds a token for each load under way
	// departed are the workers that have been shut down.
	departed departures
	// asides are tasks that could not be started.
	asides asides
	// sessions counts the branches that there have been. It does not begin with 0, as those of the process before have been
	// heard of, too.
	sessions atomic.Uint64
	// counts are of what waits in the store.
	counts counts

	ctx        context.Context
	stop       context.CancelFunc
	goroutines sync.WaitGroup
	// lifecycle guards closed: goroutines and timers are started with it held, and
	// not after it is set.
	lifecycle sync.Mutex
	closed    bool
}

// stripe is one part of the map of queues.
type stripe struct {
	mu     sync.Mutex
	queues map[queueKey]*queue
}

// queueKey names a queue. Sticky queues are a name space of their own, and so are branches of queues that are at home at
// another node.
type queueKey struct {
	entity.Queue
	sticky, branch bool
}

// inMemory reports whether the queue has no backlog in the store.
func (k queueKey) inMemory() bool { return k.sticky || k.branch }

const (
	concurrentLoads = 8
	// maxPollerInfos bounds the identities remembered of a queue.
	maxPollerInfos = 1000
)

// New makes a Matching without any queues. It has to be closed.
func New(options Options) *Matching {
	setDefault(&options.LongPoll, 60*time.Second)
	setDefault(&options.StickyWindow, 10*time.Second)
	setDefault(&options.IdleAfter, 5*time.Minute)
	setDefault(&options.MemoryLimit, 10_000)
	setDefault(&options.LaneLimit, 4096)
	setDefault(&options.QueryLimit, 1_000)
	setDefault(&options.QueueLimit, 100_000)
	m := &Matching{
		options: options,
		log:     options.Logger,
		now:     options.Now,
		source:  options.Source,
		seed:    maphash.MakeSeed(),
		loads:   make(chan struct{}, concurrentLoads),
	}
	if m.log == nil {
		m.log = slog.Default()
	}
	if m.now == nil {
		m.now = time.Now
	}
	m.started = m.now()
	m.sessions.Store(uint64(m.started.UnixNano()))
	m.pollers.New = func() any { return newPoller() }
	for i := range m.stripes {
		m.stripes[i].queues = make(map[queueKey]*queue)
	}
	m.ctx, m.stop = context.WithCancel(context.Background())
	m.goroutines.Go(m.sweep)
	return m
}

func setDefault[T int | time.Duration](value *T, fallback T) {
	if *value <= 0 {
		*value = fallback
	}
}

// Attach sets the Source, for the case that it is made with the Matching as its
// TaskSink. It must be called before the first poll.
func (m *Matching) Attach(source Source) { m.source = source }

// Close ends all polls, with nothing, and stops what runs in the background.
// Tasks that are waiting are in the store; Add does nothing from now on.
func (m *Matching) Close() {
	m.lifecycle.Lock()
	closed := m.closed
	m.closed = true
	m.lifecycle.Unlock()
	if closed {
		return
	}
	m.stop()
	m.each(func(q *queue) {
		q.mu.Lock()
		q.close()
		q.mu.Unlock()
	})
	m.goroutines.Wait()
}

// start runs fn as a goroutine of m, unless m is closed.
func (m *Matching) start(fn func()) bool {
	m.lifecycle.Lock()
	defer m.lifecycle.Unlock()
	if m.closed {
		return false
	}
	m.goroutines.Go(fn)
	return true
}

func (m *Matching) stripe(key queueKey) *stripe {
	return &m.stripes[maphash.Comparable(m.seed, key)%uint64(len(m.stripes))]
}

// locked returns the queue, locked, or nil if it is not in memory.
func (m *Matching) locked(key queueKey) *queue {
	st := m.stripe(key)
	st.mu.Lock()
	q := st.queues[key]
	st.mu.Unlock()
	if q == nil {
		return nil
	}
	q.mu.Lock()
	if q.dead { // unloaded in between: as if it had been before
		q.mu.Unlock()
		return nil
	}
	return q
}

var (
	errClosed      = serviceerror.NewUnavailable("the server is shutting down; poll again, elsewhere or when it is back")
	errNoSource    = errors.New("matching: polled before a Source was attached")
	errManyQueues  = serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT, "too many task queues are being polled; poll fewer, or wait until unused ones are unloaded")
	errManyQueries = serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT, "too many queries or Nexus requests are waiting in this task queue; start more workers, or try again later")
)

// lockedOrNew returns the queue, locked; it is made if it is not in memory.
func (m *Matching) lockedOrNew(key queueKey) (*queue, error) {
	st := m.stripe(key)
	for {
		st.mu.Lock()
		q := st.queues[key]
		if q == nil {
			if m.ctx.Err() != nil {
				st.mu.Unlock()
				return nil, errClosed
			}
			if len(st.queues) >= max(1, m.options.QueueLimit/len(m.stripes)) {
				st.mu.Unlock()
				return nil, errManyQueues
			}
			q = newQueue(m, key)
			st.queues[key] = q
		}
		st.mu.Unlock()
		q.mu.Lock()
		if !q.dead {
			return q, nil
		}
		q.mu.Unlock()
		if m.ctx.Err() != nil {
			return nil, errClosed
		}
	}
}

// lockedForTask returns the queue of a task that comes in, locked; nil if there is no
// room for a queue that nobody polls, and that is in memory to be described only. A volatile
// task would be lost.
func (m *Matching) lockedForTask(key queueKey, volatile bool) *queue {
	if q := m.locked(key); q != nil {
		return q
	}
	if !volatile {
		st := m.stripe(key)
		st.mu.Lock()
		room := len(st.queues) < m.options.QueueLimit/len(m.stripes)/2
		st.mu.Unlock()
		if !room {
			return nil
		}
	}
	q, _ := m.lockedOrNew(key)
	return q
}

// each calls fn for every queue in memory. fn locks the queue if it needs to.
func (m *Matching) each(fn func(*queue)) {
	var queues []*queue
	for i := range m.stripes {
		st := &m.stripes[i]
		st.mu.Lock()
		queues = queues[:0]
		for _, q := range st.queues {
			queues = append(queues, q)
		}
		st.mu.Unlock()
		for _, q := range queues {
			fn(q)
		}
	}
}

// sweep unloads queues that nobody has used for a while and forgets pollers.
func (m *Matching) sweep() {
	tick := time.NewTicker(max(m.options.IdleAfter/5, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-m.ctx.Done():
			return
		}
		now := m.now()
		m.departed.sweep(now)
		m.offerAsides(now)
		m.each(func(q *queue) {
			host := q.key.Version != "" && !q.key.branch && m.loaded(queueKey{Queue: q.key.Whole()})
			q.mu.Lock()
			defer q.mu.Unlock()
			q.forgetPollers(now)
			q.setFair(m.fair(q.key.Queue))
			q.scaling = m.scaling(q.key.Queue)
			if q.idleSince(now) >= m.options.IdleAfter && !(host && len(q.byID) > 0) {
				q.unload()
			}
		})
	}
}

func (m *Matching) fair(queue entity.Queue) bool {
	return m.options.Fair == nil || m.options.Fair(queue)
}

// Add implements runtime.TaskSink: it offers a task that is durable. The task
// must not be changed any more.
func (m *Matching) Add(task *entity.Task) {
	if m.OfferSticky(task) {
		return
	}
	if part := partOf(m.routes(task.Queue), task); part != "" {
		m.addGuest(task, part)
		return
	}
	q := m.lockedForTask(queueKey{Queue: task.Queue}, task.Volatile)
	if q == nil {
		// Nobody polls: it is read from the store when somebody does.
		if m.options.Observer != nil {
			m.options.Observer.Added(task.Queue, false, false)
		}
		return
	}
	attended := m.options.Observer != nil && q.attended(m.now())
	q.add(task)
	q.mu.Unlock()
	if m.options.Observer != nil {
		m.options.Observer.Added(task.Queue, false, attended)
	}
}

// Remove implements runtime.TaskSink: the record of the task is gone, and if the
// task is still waiting it need not be offered any more.
func (m *Matching) Remove(ref entity.TaskRef) {
	m.removeGuest(ref)
	q := m.locked(queueKey{Queue: ref.Queue})
	if q == nil {
		return
	}
	q.drop(ref.ID)
	q.readOn()
	q.mu.Unlock()
}

// Forget implements runtime.TaskSink: waiting tasks for which gone reports true need
// not be offered any more.
func (m *Matching) Forget(gone func(*entity.Task) bool) {
	m.forgetAsides(gone)
	m.each(func(q *queue) {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.forget(gone)
	})
}

// Refresh implements runtime.TaskSink: the store may have tasks that were not added, with
// ids up to which queues have been read. They are read anew.
func (m *Matching) Refresh() {
	m.each(func(q *queue) {
		q.mu.Lock()
		defer q.mu.Unlock()
		if !q.dead {
			q.refresh()
		}
	})
}

// Return puts a task back that was polled but could not be started for a reason
// that will pass. It is the next to be offered, unless its entity is not here any more.
func (m *Matching) Return(task *entity.Task) {
	if !m.source.Startable(task) {
		return
	}
	if !m.offerSticky(task, true) {
		m.restore(task)
	}
}

// restore offers a task on its normal queue again, before all others.
func (m *Matching) restore(task *entity.Task) {
	if m.away(task.Queue) {
		m.elsewhere.Restore(task)
		return
	}
	part := partOf(m.routes(task.Queue), task)
	q := m.locked(queueKey{Queue: inPart(task.Queue, part)})
	switch {
	case q == nil && part != "":
		m.leaveBehind(task)
		return
	case q == nil:
		return // as in Add
	}
	q.giveBack(task)
	if part != "" {
		q.offer(task, true)
	} else {
		q.restore(task)
	}
	q.mu.Unlock()
}
