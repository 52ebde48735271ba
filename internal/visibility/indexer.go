package visibility

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/visibility/query"
)

// Log is what an indexer needs of package runtime, which documents it.
type Log interface {
	Shards() []storage.ShardID
	ReadChanges(ctx context.Context, id storage.ShardID, after int64, limit int) (changes []runtime.Change, through int64, more bool, err error)
	TrimChanges(ctx context.Context, id storage.ShardID, through int64) error
	Trimmed(ctx context.Context, id storage.ShardID) (int64, error)
	ChangesEnd(id storage.ShardID) (int64, error)
	ReadRows(ctx context.Context, id storage.ShardID, after []byte, limit int) (rows []runtime.Change, next []byte, err error)
}

// Options are the settings of an Indexer. Files and Types are required.
type Options struct {
	// Files are where the index is.
	Files Files
	// Types tells the types of custom search attributes.
	Types Types
	// Logger gets what operators should know; slog.Default if nil.
	Logger *slog.Logger
}

// Files are the files of an index.
type Files interface {
	// Open opens the index there is; nil if there is none.
	Open(ctx context.Context) (Index, error)
	// Create makes an empty index beside it, in place of one that was begun.
	Create(ctx context.Context) (Index, error)
	// Replace makes the one that was created, which is durable, the index there is. The
	// old one has been closed. The index that it returns is to be used from now on.
	Replace(ctx context.Context, created Index) (Index, error)
}

const (
	// gather is how long the indexer waits for further changes if nobody waits for it, and
	// gatherSteps after how many steps that have made some it waits no longer. A workflow
	// that lives for less is written once, not at its start, its first task and its end.
	gather      = time.Second
	gatherSteps = 1000
	// batchSize is how many changes are applied together at most, or little more.
	batchSize = 5000
	// The log is trimmed when so many changes have been applied, or so long after.
	trimChanges = 50_000
	trimAfter   = 5 * time.Second
	// After an error it is tried again later and later.
	firstRetry, lastRetry = time.Second, 30 * time.Second
	// maxLag is how long lists wait for the indexer that may be behind.
	maxLag = time.Second
)

// Indexer keeps an Index up to date and answers from it.
type Indexer struct {
	options Options
	log     *slog.Logger
	source  Log

	// wake tells the goroutine that there is something to do.
	wake chan struct{}
	// urgent: somebody waits.
	urgent atomic.Bool
	// gathering is how many steps the goroutine still waits for; not above 0: it wants to hear
	// of each.
	gathering atomic.Int64
	cancel    context.CancelFunc
	done      sync.WaitGroup

	// indexMu is held, shared, while index is used.
	indexMu sync.RWMutex
	index   Index // nil as long as there is none

	mu sync.Mutex
	// asked counts those who have asked for a pass, and passed is the value of it at the
	// beginning of the last one that is over, or failed, with an error.
	asked, passed int64
	failure       error
	over          chan struct{} // closed when passed changes
	state         State
	rebuild       bool // somebody wants the index to be built anew
	damaged       bool // the index has to be built anew

	// Of the goroutine.
	positions map[storage.ShardID]int64
	untrimmed map[storage.ShardID]int64 // positions of what is in the log
	pending   int                       // changes that are applied and not trimmed
	since     time.Time                 // of the first of them
	retry     time.Duration             // 0: nothing has failed
	builder   *builder                  // nil if none is at work
}

// State is how an index is.
type State struct {
	// Building: it is being built. Shards of ShardsTotal have been read, with so many rows.
	Building            bool
	Shards, ShardsTotal int
	Rows                int64
	// Builds is how many have been finished since the server was started.
	Builds int
	// Err is why the index is behind; nil if it is not.
	Err error
}

// New returns an indexer that does nothing until Start.
func New(options Options) *Indexer {
	return &Indexer{
		options:   options,
		log:       cmp.Or(options.Logger, slog.Default()),
		wake:      make(chan struct{}, 1),
		over:      make(chan struct{}),
		untrimmed: make(map[storage.ShardID]int64),
	}
}

// Start opens the index, or begins to build it, and follows the log.
func (x *Indexer) Start(source Log) {
	ctx, cancel := context.WithCancel(context.Background())
	x.source, x.cancel = source, cancel
	x.done.Go(func() { x.run(ctx) })
}

// Close stops the indexer. What it has not read is read by the next one. Calls under way
// end with Unavailable.
func (x *Indexer) Close() error {
	if x.cancel == nil {
		return nil
	}
	x.cancel()
	x.done.Wait()
	x.indexMu.Lock()
	defer x.indexMu.Unlock()
	index := x.index
	x.index = nil
	if index == nil {
		return nil
	}
	return index.Close()
}

// Changed tells the indexer that a step has made the log longer. It does not block.
func (x *Indexer) Changed() {
	if x.gathering.Load() > 0 && x.gathering.Add(-1) > 0 {
		return
	}
	x.look()
}

// look has the goroutine look, now or when enough has gathered.
func (x *Indexer) look() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// Rebuild has the index built anew, from the records of all entities. Until that is done
// lists are answered from the one there is. It does nothing if one is being built.
func (x *Indexer) Rebuild() {
	x.mu.Lock()
	x.rebuild = true
	x.mu.Unlock()
	x.hurry()
}

// State tells how the index is.
func (x *Indexer) State() State {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.state
}

// hurry has the goroutine look at once.
func (x *Indexer) hurry() {
	x.urgent.Store(true)
	x.look()
}

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
	err := x.CatchUp(wait)
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

// run is the goroutine: it opens the index and follows the log until the context ends.
func (x *Indexer) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer x.stopBuilder()
	for {
		select {
		case <-x.wake:
			if !x.urgent.Swap(false) && x.retry == 0 && x.nobodyWaits() {
				x.linger(ctx)
			} else if x.retry > 0 && x.nobodyWaits() {
				continue // until it is time
			}
		case <-timer.C:
		case <-x.built():
		case <-ctx.Done():
			x.last(context.WithoutCancel(ctx))
			return
		}
		if next := x.turn(ctx); next > 0 {
			timer.Reset(next)
		}
	}
}

// nobodyWaits reports whether all that were asked for have been told of a pass.
func (x *Indexer) nobodyWaits() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.asked == x.passed && !x.rebuild
}

// linger gives changes time to gather, unless somebody cannot wait. What has changed by
// the time it returns is read by those who read the log then: whoever finds it gathering
// has given the change its number before.
func (x *Indexer) linger(ctx context.Context) {
	x.gathering.Store(gatherSteps)
	defer x.gathering.Store(0)
	timer := time.NewTimer(gather)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return
		case <-x.built():
			return
		case <-ctx.Done():
			return
		case <-x.wake:
			if x.urgent.Swap(false) || x.gathering.Load() <= 0 {
				return
			}
		}
	}
}

// turn does what is to be done and returns when to look again even if nothing happens; 0
// if there is no need.
func (x *Indexer) turn(ctx context.Context) time.Duration {
	x.mu.Lock()
	asked := x.asked
	x.mu.Unlock()
	err := x.work(ctx)
	if ctx.Err() != nil || errors.Is(err, errBuilding) {
		return 0 // whoever waits goes on waiting
	}
	x.mu.Lock()
	x.passed, x.failure, x.state.Err = asked, err, err
	close(x.over)
	x.over = make(chan struct{})
	x.mu.Unlock()
	if err != nil {
		if x.retry == 0 {
			x.log.Error("The visibility index cannot be brought up to date; workflows go on, and what they do is listed later.", "error", err)
		}
		x.retry = min(max(2*x.retry, firstRetry), lastRetry)
		return x.retry
	}
	if x.retry > 0 {
		x.log.Info("The visibility index is up to date again.")
		x.retry = 0
	}
	if x.pending > 0 {
		return max(time.Millisecond, time.Until(x.since.Add(trimAfter)))
	}
	return 0
}

// work brings the index up to date.
func (x *Indexer) work(ctx context.Context) error {
	if err := x.ensureIndex(ctx); err != nil {
		return err
	}
	if x.index == nil {
		return errBuilding
	}
	if err := x.follow(ctx); err != nil {
		return x.examine(err)
	}
	if x.pending >= trimChanges || x.pending > 0 && time.Since(x.since) >= trimAfter {
		return x.examine(x.trim(ctx))
	}
	return nil
}

var errBuilding = errors.New("the visibility index is being built")

// examine has the index built anew if the error says that it is damaged.
func (x *Indexer) examine(err error) error {
	if errors.Is(err, ErrCorrupt) {
		x.mu.Lock()
		x.damaged = true
		x.mu.Unlock()
		x.look()
	}
	return err
}

// last writes what is left when the indexer is stopped, so that the next one finds nothing
// to do. It does not matter if it fails.
func (x *Indexer) last(ctx context.Context) {
	if x.index == nil || x.retry > 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if x.follow(ctx) == nil && x.pending > 0 {
		_ = x.trim(ctx)
	}
}

// follow reads the logs of all shards and applies what it finds.
func (x *Indexer) follow(ctx context.Context) error {
	batch := &Batch{Through: make(map[storage.ShardID]int64)}
	for _, id := range x.source.Shards() {
		for more := true; more; {
			var err error
			if more, err = x.readInto(ctx, batch, id); err != nil {
				return err
			}
			if len(batch.Changes) >= batchSize {
				if err := x.apply(ctx, batch); err != nil {
					return err
				}
				batch = &Batch{Through: make(map[storage.ShardID]int64)}
			}
		}
	}
	if len(batch.Changes) == 0 {
		return nil
	}
	return x.apply(ctx, batch)
}

// readInto reads the log of a shard into a batch, as far as it has room, and reports whether
// there may be more.
func (x *Indexer) readInto(ctx context.Context, batch *Batch, id storage.ShardID) (more bool, err error) {
	after, ok := batch.Through[id]
	if !ok {
		after = x.positions[id]
	}
	if end, err := x.source.ChangesEnd(id); err != nil || end <= after {
		return false, err
	}
	changes, through, more, err := x.source.ReadChanges(ctx, id, after, batchSize)
	if err != nil {
		return false, err
	}
	if batch.Changes, err = x.decode(batch.Changes, changes); err != nil {
		return false, err
	}
	if len(changes) == 0 {
		// Nothing to be written down, but not to be read again.
		x.positions[id] = through
		return more, nil
	}
	batch.Through[id] = through
	return more, nil
}

func (x *Indexer) decode(to []Change, changes []runtime.Change) ([]Change, error) {
	for i := range changes {
		change, err := decodeChange(changes[i].Entity.Namespace, changes[i].ID, changes[i].Row, x.options.Types)
		if err != nil {
			return to, err
		}
		to = append(to, change)
	}
	return to, nil
}

func (x *Indexer) apply(ctx context.Context, batch *Batch) error {
	if err := x.index.Apply(ctx, batch); err != nil {
		return err
	}
	if x.pending == 0 {
		x.since = time.Now()
	}
	x.pending += len(batch.Changes)
	for id, through := range batch.Through {
		x.positions[id] = through
		x.untrimmed[id] = through
	}
	return nil
}

// trim makes the index durable, and then drops from the logs what it has.
func (x *Indexer) trim(ctx context.Context) error {
	if x.builder != nil {
		x.since = time.Now() // it reads the logs from where they were when it began
		return nil
	}
	if err := x.index.Sync(ctx); err != nil {
		return err
	}
	for id, through := range x.untrimmed {
		if err := x.source.TrimChanges(ctx, id, through); err != nil {
			return fmt.Errorf("trimming the change log: %w", err)
		}
		delete(x.untrimmed, id)
	}
	x.pending = 0
	return nil
}
