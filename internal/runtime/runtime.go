// Package runtime runs entities: it finds the shard of one, locks it, loads it,
// carries out its steps, makes them durable, and only then lets anybody see them.
//
// The way of a step (Step):
//
//  1. The entity is looked up in the cache by its key, or an empty slot is made;
//     the caller holds a reference to it from now on, so it is not evicted.
//  2. The entity's lock is taken. If the entity is not in memory, its kind's
//     Machine loads it.
//  3. The step runs. It changes the state in memory and notes its effects;
//     Entity.EndStep notes the records of what has changed.
//  4. What it has noted becomes one storage.Batch, which is submitted while the
//     lock is held: the order of an entity's batches is the order of its steps.
//  5. The lock is released. The next step of the entity may run at once, on a
//     state that is not durable yet: many steps share one sync of the disk.
//  6. The store reports the batch durable. Tasks go to matching, timers to the
//     heap, messages to the outbox, waiters are woken, the step's effects run,
//     and Step returns.
//
// A step may have other entities take part, which becomes durable as one (join.go). A step that writes nothing, a View, and a step that returns an error have seen
// state that may still be on its way to the disk. They return when the entity's
// batches that were in flight are durable; at once if none was.
//
// Writes come in three grades, which steps choose from:
//
//	synced       survives a power cut: the default, and all that anybody is told
//	             has happened
//	lazy         survives a killed process and a power cut but for the last 10 ms
//	             or so (Step.Lazy): what may be lost because it is done again
//	memory only  is lost with the process: fields that no record holds
//
// What is lazy or in memory only may be lost because nobody can tell: a heartbeat,
// since workers gather them anyway; the removal of a delivered message, since the
// receiver recognises it; the start of a task, since the task is offered again and
// the state machine knows the late answer of the first worker by its token.
//
// # Shards
//
// A runtime holds some or all shards of a store (shard.go), from Open on or from
// AcquireShard. The tenure of a shard begins with its lease, which fences the owner before. Time never goes back and
// numbers are never given twice, over all owners, because the bound of both is in the
// store before what relies on it (clock.go, numbers.go).
//
// A tenure ends in one of three ways, and from then on calls on entities of the shard
// are Unavailable. It is given up in order (ReleaseShard). Its lease is taken by another
// process: then the shard is over alone, and the others go on. Or a commit fails because
// the store has: what is in memory is then ahead of what is on disk and can not be taken
// back, and what a failed sync has left on disk is unknown until the store is opened anew,
// so the process has to be started again. Failed says so, and says so too when the last
// shard has been taken.
//
// # Recovery
//
// There is none but to begin: Open takes the leases, reads the clocks, and starts with
// "everything is on disk" for timers and messages. Entities are loaded when they are
// called, task queues are read when they are polled. A clean stop needs nothing of what
// Close does; it spares clients errors, and the next owner a clock that stands still
// for a moment. Records that cannot be decoded are never written over: a call on
// the entity is a DataLoss error that names it; a message, task or timer is reported and
// passed over.
//
// # Timers and messages
//
// Durable timers of the next minutes are in one heap, and a bounded number of them; the
// rest are on disk until they come near (timers.go). Messages wait in lanes, one from
// each sender to each receiver, which deliver one at a time, at least once and in order; a
// bounded number is in memory, and what this build does not know is kept (outbox.go). A
// fixed few goroutines (workers.go) do what is due, and do not wait for the disk.
//
// # Memory
//
// Entities are cached by bytes, as they themselves account for after every step and view,
// least recently used first to go (cache.go). One with a batch in flight, a caller, or somebody
// who waits for it stays, and so does one that says it is pinned.
//
// # Locks
//
// An entity's lock comes first, those of entities that take part in its step follow (join.go); its batches are submitted under it, now and then with
// the lock of the shard's bound. Then at most one of: a cache stripe, an entity's order
// lock, the timers, the outbox of a shard, the numbers of a shard. Then the queues of the
// goroutines that work for the last ones. No lock but an entity's is held during a call
// out of the package, but for that of the bound during one of the store.
package runtime

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	goruntime "runtime"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// DefaultCacheBytes is what Options.CacheBytes is if it is not set.
const DefaultCacheBytes = 8 << 20

// Options are what a Runtime is opened with. Store and Machines are required.
type Options struct {
	Store storage.Store
	// Shards are those to take over; nil means all, or none if the store is Shared.
	Shards []storage.ShardID
	// Shared is set if other processes use the store as well. Shards come and go then
	// (AcquireShard, ReleaseShard): that none is left is no failure, and a write that
	// fails for reasons that may pass costs its shard and not the process.
	Shared bool
	// Sure reports whether what is held here is not held by another process by now, as
	// far as this one can know without asking. What was read is shown to nobody if it
	// is false. nil: nobody else holds anything.
	Sure func() bool
	// Splitting is called before a shard is split, and again when nothing is written to the parent any more and the child is
	// not known yet. If it fails, the shard is not split. Optional.
	Splitting func(ctx context.Context, parent, child storage.ShardID) error
	// Remote delivers messages to entities whose shards are not held here. nil: there is
	// nobody to deliver them to.
	Remote Remote
	// Machines are the kinds of entities there are.
	Machines map[entity.Kind]entity.Machine
	// Tasks is told of tasks that have become ready or pointless. Optional.
	Tasks TaskSink
	// CacheBytes is how much memory the entities that nobody is using may take,
	// by their own account. Default 8 MiB.
	CacheBytes int64
	// ChangeLog has the index entries of steps written, for ReadChanges. Set it only
	// if somebody reads them and trims the log, or it grows without bound; what was
	// not written while it was off is not made up for.
	ChangeLog bool
	// Changed is called when the change log has got longer. It must not block.
	// Optional.
	Changed func()
	// Written is told of each entity of which a step that has written something is durable. It must not block.
	// Optional.
	Written func(entity.Key)
	// ClockCheck is how long timers sleep at most, as the clock may be set forward
	// meanwhile. Default: a minute.
	ClockCheck time.Duration
	// CountDue has Open count the timers that are due, up to so many. Default: none.
	CountDue int
	// Observer is told what goes on, for metrics. Optional.
	Observer Observer
	// Tracer makes spans of steps. Optional.
	Tracer Tracer
	// Logger defaults to slog.Default().
	Logger *slog.Logger
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// NewID makes the random ids that steps ask for. Default: random UUIDs.
	NewID func() string
}

// TaskSink is what takes ready tasks to workers. Its methods are called when the
// step is durable, from a goroutine of the store: they must not block.
type TaskSink interface {
	// Add offers a task to workers.
	Add(task *entity.Task)
	// Remove forgets a task whose record is gone, if it is still waiting.
	Remove(ref entity.TaskRef)
	// Forget forgets the waiting tasks for which gone reports true: their shard is not
	// held here any more. gone is quick and may be called from anywhere.
	Forget(gone func(*entity.Task) bool)
	// Refresh says that the store may have tasks that were not added: those of a shard
	// that was acquired.
	Refresh()
}

// Remote is the way to entities elsewhere.
type Remote interface {
	// Deliver has the receiver, which is not here, receive a message, and calls done
	// with the outcome: nil when its step is durable, entity.ErrUnknownMessage, or any
	// other error, after which the message is tried again. It does not block.
	Deliver(ctx context.Context, from, to entity.Key, body []byte, done func(error))
}

// Runtime runs the entities of all shards of a store. Its methods may be called
// from many goroutines at once.
type Runtime struct {
	store    storage.Store
	joiner   storage.Joiner   // the store, if it can; else nil
	splitter storage.Splitter // likewise
	machines map[entity.Kind]entity.Machine
	tasks    TaskSink
	log      *slog.Logger
	// clockCheck is Options.ClockCheck.
	clockCheck time.Duration
	clock      func() time.Time
	newID      func() string
	// changeLog is Options.ChangeLog.
	changeLog bool
	changed   func()
	written   func(entity.Key) // may be nil
	// shared, sure and remote are those of Options.
	shared bool
	sure   func() bool
	remote Remote
	// splitting is Options.Splitting. underWay is the split that is.
	underWay  atomic.Pointer[Split]
	splitting func(ctx context.Context, parent, child storage.ShardID) error
	observer  Observer // may be nil
	tracer    Tracer   // may be nil

	// shards are those of the store by number; nil if it is not held here. Their number is the greatest that there may come
	// to be. moving is held by who acquires or gives up the shard of the same number.
	shards []atomic.Pointer[shard]
	moving []sync.Mutex
	cache  cache

	calls    sync.Pool // of *call
	tickets  sync.Pool // of *ticket, for those who only wait
	timers   timers
	outboxes outboxes
	workers  workers

	// failure is why no shard takes writes any more.
	failure atomic.Pointer[ending]
	closing chan struct{}
	due     int // at Open
	// background ends when Close stops what runs on its own: ctx is cancelled and
	// goroutines waits for them.
	ctx        context.Context
	stop       context.CancelFunc
	goroutines sync.WaitGroup
	closeOnce  sync.Once
}

// Open takes over all shards of the store and resumes what their records say:
// timers are loaded, and messages that have not been delivered are. The tasks
// are read by matching, through ReadTasks, as workers ask for them.
//
// The context bounds the opening only.
func Open(ctx context.Context, options Options) (*Runtime, error) {
	if options.Store == nil || len(options.Machines) == 0 {
		return nil, errors.New("runtime: Options.Store and Options.Machines must be set")
	}
	r := &Runtime{
		store:      options.Store,
		machines:   options.Machines,
		tasks:      options.Tasks,
		log:        options.Logger,
		clockCheck: cmp.Or(options.ClockCheck, clockCheck),
		clock:      options.Now,
		newID:      options.NewID,
		changeLog:  options.ChangeLog,
		changed:    options.Changed,
		written:    options.Written,
		shared:     options.Shared,
		sure:       options.Sure,
		remote:     options.Remote,
		splitting:  options.Splitting,
		observer:   options.Observer,
		tracer:     options.Tracer,
		closing:    make(chan struct{}),
	}
	r.joiner, _ = options.Store.(storage.Joiner)
	r.splitter, _ = options.Store.(storage.Splitter)
	if r.log == nil {
		r.log = slog.Default()
	}
	if r.clock == nil {
		r.clock = time.Now
	}
	if r.newID == nil {
		r.newID = newUUID
	}
	if r.tasks == nil {
		r.tasks = noTasks{}
	}
	if r.changed == nil {
		r.changed = func() {}
	}
	r.calls.New = func() any { return newCall(r) }
	r.tickets.New = func() any {
		t := new(ticket)
		t.init(r, nil)
		return t
	}
	r.cache.init(options.CacheBytes)
	r.timers.init(r)
	r.outboxes.init(r)
	r.workers.init(r, max(8, 2*goruntime.GOMAXPROCS(0)))
	if err := r.acquireShards(ctx, options.Shards); err != nil {
		return nil, err
	}
	var err error
	if r.due, err = r.countDue(ctx, options.CountDue); err != nil {
		return nil, err
	}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.workers.start()
	r.goroutines.Go(r.timers.run)
	r.goroutines.Go(r.outboxes.run)
	for s := range r.held() {
		r.outboxes.notify(s) // loads what is left of earlier lives
	}
	return r, nil
}

// Failed returns why the store takes no more writes, or why no shard is left here:
// the last one was taken over by another process. It is nil as long as some shard works:
// one that was taken over is none of the others' business. A runtime that has failed does
// not recover: the process has to be started again.
func (r *Runtime) Failed() error {
	if f := r.failure.Load(); f != nil {
		return f.cause
	}
	return nil
}

// Close refuses new calls with Unavailable, lets those under way end, waits for
// what they have written to be durable, and stops all goroutines. If the context
// ends before, it returns an error, and what is in flight is left to the store.
// Close does not close the store. Calls after the first return nil at once.
func (r *Runtime) Close(ctx context.Context) (err error) {
	r.closeOnce.Do(func() { err = r.close(ctx) })
	return err
}

func (r *Runtime) close(ctx context.Context) error {
	close(r.closing)
	drained := r.cache.close()
	r.workers.close()
	var err error
	select {
	case <-drained:
	case <-ctx.Done():
		err = fmt.Errorf("runtime: closing with writes still in flight, which the store may or may not finish: %w", context.Cause(ctx))
	}
	r.stop()
	stopped := make(chan struct{})
	go func() {
		r.goroutines.Wait()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-ctx.Done():
		return fmt.Errorf("runtime: closing while the store still holds a call: %w", context.Cause(ctx))
	}
	if err != nil {
		return err
	}
	if err := r.flush(ctx); err != nil {
		return fmt.Errorf("runtime: writing what may be written late: %w", err)
	}
	return nil
}

// flush ends all shards in order, if the store still takes writes.
func (r *Runtime) flush(ctx context.Context) error {
	if r.Failed() != nil {
		return nil
	}
	var results []<-chan error
	for s := range r.held() {
		results = append(results, s.commitLast())
	}
	var errs []error
	for _, result := range results {
		select {
		case err := <-result:
			errs = append(errs, err)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return errors.Join(errs...)
}

var errClosing = serviceerror.NewUnavailable("the server is shutting down; try again, elsewhere or when it is back")

type noTasks struct{}

func (noTasks) Add(*entity.Task)               {}
func (noTasks) Remove(entity.TaskRef)          {}
func (noTasks) Forget(func(*entity.Task) bool) {}
func (noTasks) Refresh()                       {}

// newUUID returns a random (version 4) UUID.
func newUUID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: the program ends if there is no randomness
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[0:8], id[0:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:36], id[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}
