package visibility

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/storage"
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
	// Others has the indexers of other nodes that share the index catch up, as far as they can be reached, and
	// returns when they have, or ctx ends. Lists wait for them for as long as maxLag at most. Optional.
	Others func(ctx context.Context)
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
	progress  progress

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
	// adopting are the shards whose rows are being adopted, with where to go on; see split.go.
	adopting map[storage.ShardID][]byte
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
		adopting:  make(map[storage.ShardID][]byte),
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
	x.progress.changed()
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
	x.progress.begin()
	err := x.follow(ctx)
	x.progress.end(err)
	if err != nil {
		return x.examine(err)
	}
	if err := x.adopt(ctx); err != nil {
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
