package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/internal/storage"
)

const (
	// DefaultTTL is how long a node is taken to be alive after its row was written, and
	// DefaultInterval how often it writes it. Of a node that dies, others find the row
	// run out after the sum of both at the latest.
	DefaultTTL      = 3 * time.Second
	DefaultInterval = time.Second
	// DefaultMaxSkew is how far the clock of a node may be from that of the store.
	DefaultMaxSkew = time.Minute
	// minInterval is how often a node writes its row at most, if somebody asks it to.
	minInterval = 50 * time.Millisecond
)

// Shards are what is held here. *runtime.Runtime, which documents the methods, has them.
type Shards interface {
	Shards() []storage.ShardID
	AcquireShard(ctx context.Context, id storage.ShardID) error
	ReleaseShard(ctx context.Context, id storage.ShardID) error
	AbandonShard(id storage.ShardID, cause error)
	Layout() storage.Layout
	SplitShard(ctx context.Context, id storage.ShardID) error
}

// Options are what a Member is made of. Node (with ID, Name and Address), Directory and
// Shards are required.
type Options struct {
	Node      Node
	Directory Directory
	Shards    Shards
	// Interval is how often the row is renewed, and TTL how long the node is taken to be
	// alive after that; DefaultInterval and DefaultTTL if zero.
	Interval, TTL time.Duration
	// MaxSkew is how far the clock here may be from that of the store; DefaultMaxSkew if
	// zero.
	MaxSkew time.Duration
	// Load is asked at each renewal. Optional.
	Load func() float64
	// CutOff is asked at each renewal which nodes cannot be reached, in the order of their ids. While there are
	// any the row is renewed four times as often. Optional.
	CutOff func() []NodeID
	// Changes is asked at each renewal how often what all nodes look up has been changed here. Optional.
	Changes func() int64
	// News is called after the first renewal, and after each that has shown that what all nodes look up may have been
	// changed elsewhere: another node tells of changes, or there are other nodes or other holders of shards, as one that
	// has gone may not have told of its last change. It must not block. Optional.
	News func()
	// Changed is called after a renewal that has shown other nodes, or other holders of
	// shards, than the last one. It must not block. Optional.
	Changed func(*View)
	// Handed is called when shards were given up that belong to another node now, which
	// finds them at its next renewal unless it is told. It must not block. Optional.
	Handed func(to Node)
	// Failed is called, once, when the node can not go on (ErrOusted). Optional.
	Failed func(error)
	// Logger defaults to slog.Default().
	Logger *slog.Logger
}

// Member is this node as one of a cluster: it renews its row, takes the shards that belong
// to it, and gives up those that do not. Its methods may be called from many goroutines.
//
// What is held here is sure (Sure) until TTL after the last renewal has begun, less a
// tenth for clocks that do not run equally fast; a node that is paused or cut off for
// longer gives up everything at once, and begins with nothing when it is back. Writes do
// not depend on that: the epoch of the lease decides on them, in the store.
type Member struct {
	options Options
	log     *slog.Logger
	began   time.Time // of the monotonic clock

	// sureUntil is when the node stops to be sure, as a time since began; 0 if it never was.
	sureUntil atomic.Int64
	// back is when it has become sure again, after it was not, as a time since began.
	back     atomic.Int64
	view     atomic.Pointer[View]
	draining atomic.Bool

	// force asks for a renewal at once, work for a look at what is to be moved.
	force, work chan struct{} // of capacity 1
	// splittable has the goroutine splits look whether a shard is to be split here.
	splittable chan struct{} // of capacity 1

	mu      sync.Mutex
	renewed chan struct{} // closed by the next renewal
	moves   Moves

	ctx        context.Context
	stop       context.CancelFunc
	goroutines sync.WaitGroup
	leaving    sync.Once
}

// Moves counts what has been done to shards since the start.
type Moves struct {
	Acquired, Released, Lost, Abandoned, Split int64
}

// Errors of Join.
var (
	// ErrAddressTaken is reported to a node with the address of another one that is alive.
	ErrAddressTaken = errors.New("cluster: another node that is alive has this address")
	// ErrClock is reported to a node whose clock is too far from that of the store.
	ErrClock = errors.New("cluster: the clock of this machine is too far from that of the store")
)

// errUnsure is the cause of the end of tenures of a node that is not sure of them.
var errUnsure = errors.New("the node has not been able to renew its lease in time")

// Join makes the node known and has it take its share of the shards, which goes on in the
// background. A node with the name of one that has just died waits until that one's
// row has run out.
func Join(ctx context.Context, options Options) (*Member, error) {
	options.Interval = cmp.Or(options.Interval, DefaultInterval)
	options.TTL = cmp.Or(options.TTL, DefaultTTL)
	options.MaxSkew = cmp.Or(options.MaxSkew, DefaultMaxSkew)
	m := &Member{
		options: options,
		log:     cmp.Or(options.Logger, slog.Default()),
		began:   time.Now(),
		force:   make(chan struct{}, 1),
		work:    make(chan struct{}, 1),
		renewed: make(chan struct{}),

		splittable: make(chan struct{}, 1),
	}
	m.ctx, m.stop = context.WithCancel(context.Background())
	if err := m.introduce(ctx); err != nil {
		m.stop()
		return nil, err
	}
	m.goroutines.Go(m.renewals)
	m.goroutines.Go(m.movements)
	m.goroutines.Go(m.splits)
	return m, nil
}

// introduce writes the row of the node for the first time.
func (m *Member) introduce(ctx context.Context) error {
	patience := m.now() + m.options.TTL + m.options.Interval
	for {
		err := m.renew(ctx)
		switch {
		case err == nil:
			if err := m.fits(); err != nil {
				_ = m.options.Directory.Leave(context.WithoutCancel(ctx), m.options.Node.ID)
				return err
			}
			return nil
		case !errors.Is(err, ErrNameTaken) || m.now() >= patience:
			return fmt.Errorf("joining the cluster as %q: %w", m.options.Node.Name, err)
		}
		select {
		case <-time.After(m.options.Interval / 2):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

// fits reports what is wrong with this node beside the others.
func (m *Member) fits() error {
	v := m.view.Load()
	for i := range v.Nodes {
		if other := &v.Nodes[i]; other.ID != m.options.Node.ID && other.Address == m.options.Node.Address && other.Address != "" {
			return fmt.Errorf("%w: %s is that of node %q, too; give each node a peer address of its own", ErrAddressTaken, other.Address, other.Name)
		}
	}
	if v.Skew.Abs() > m.options.MaxSkew {
		return fmt.Errorf("%w: it is %v %s; set the clock (NTP) and start the node again", ErrClock, v.Skew.Abs().Round(time.Second), ahead(v.Skew))
	}
	return nil
}

func ahead(skew time.Duration) string {
	if skew > 0 {
		return "ahead"
	}
	return "behind"
}

// now is the time since the member began, by the monotonic clock.
func (m *Member) now() time.Duration { return time.Since(m.began) }

// Sure reports whether what is held here is not held by another node, as far as can be
// known without asking: the row has been renewed not long ago.
func (m *Member) Sure() bool { return int64(m.now()) < m.sureUntil.Load() }

// SureFor is how long the node will be sure, if it does not renew its row; 0 if it is not.
func (m *Member) SureFor() time.Duration {
	return max(0, time.Duration(m.sureUntil.Load())-m.now())
}

// ID is the id of this node.
func (m *Member) ID() NodeID { return m.options.Node.ID }

// View is what the last renewal has shown. It is not changed any more.
func (m *Member) View() *View { return m.view.Load() }

// Moves counts what has been done to shards.
func (m *Member) Moves() Moves {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.moves
}

func (m *Member) count(add Moves) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.moves.Acquired += add.Acquired
	m.moves.Released += add.Released
	m.moves.Lost += add.Lost
	m.moves.Abandoned += add.Abandoned
	m.moves.Split += add.Split
}

// Refresh asks the directory anew and returns when it has answered, or ctx ends.
func (m *Member) Refresh(ctx context.Context) {
	m.mu.Lock()
	renewed := m.renewed
	m.mu.Unlock()
	m.Nudge()
	select {
	case <-renewed:
	case <-ctx.Done():
	case <-m.ctx.Done():
	}
}

// Nudge has the directory asked soon: something has changed.
func (m *Member) Nudge() {
	select {
	case m.force <- struct{}{}:
	default:
	}
}

// renew writes the row, and takes up what the directory knows.
func (m *Member) renew(ctx context.Context) error {
	held := m.options.Shards.Shards()
	node := m.options.Node
	node.Draining = m.draining.Load()
	node.Shards = len(held)
	if m.options.Load != nil {
		node.Load = m.options.Load()
	}
	if m.options.CutOff != nil {
		node.CutOff = m.options.CutOff()
	}
	if m.options.Changes != nil {
		node.Changes = m.options.Changes()
	}
	began, wall := m.now(), time.Now()
	membership, err := m.options.Directory.Renew(ctx, node, m.options.TTL)
	if err != nil {
		return err
	}
	if !m.Sure() {
		// Others may have taken the shards meanwhile. Before the node is sure again.
		m.abandon(errUnsure)
		if m.sureUntil.Load() != 0 {
			m.back.Store(int64(m.now()))
		}
	}
	m.sureUntil.Store(int64(began + m.options.TTL*9/10))
	last := m.view.Load()
	v := newView(m.options.Node.ID, membership, held, m.now(), last)
	v.Skew = wall.Add((m.now() - began) / 2).Sub(membership.Now)
	m.view.Store(v)
	if m.options.Changed != nil && !v.same(last) {
		m.options.Changed(v)
	}
	if m.options.News != nil && v.news(last) {
		m.options.News()
	}
	m.mu.Lock()
	close(m.renewed)
	m.renewed = make(chan struct{})
	m.mu.Unlock()
	return nil
}

// renewals is the goroutine that renews the row.
func (m *Member) renewals() {
	timer := time.NewTimer(m.options.Interval)
	defer timer.Stop()
	failing, warned, began := false, time.Duration(0), -minInterval
	for {
		select {
		case <-timer.C:
		case <-m.force:
			select {
			case <-time.After(began + minInterval - m.now()):
			case <-m.ctx.Done():
				return
			}
		case <-m.ctx.Done():
			return
		}
		began = m.now()
		ctx, cancel := context.WithTimeout(m.ctx, m.options.TTL)
		stop := time.AfterFunc(time.Duration(m.sureUntil.Load())-began, m.giveUpIfUnsure)
		err := m.renew(ctx)
		stop.Stop()
		cancel()
		if m.ctx.Err() != nil {
			return
		}
		switch {
		case err == nil && failing:
			failing = false
			m.log.Info("The node is in touch with the store of the cluster again.")
		case errors.Is(err, ErrOusted), errors.Is(err, ErrNameTaken):
			m.abandon(err)
			m.log.Error("The node was taken for dead, and must be started again.", "node", m.options.Node.Name, "error", err)
			if m.options.Failed != nil {
				m.options.Failed(err)
			}
			return
		case err != nil && !failing:
			failing = true
			m.log.Warn("The node cannot renew its lease; it is tried again.", "error", err)
		}
		if v := m.view.Load(); err == nil && v.Skew.Abs() > m.options.MaxSkew && (warned == 0 || m.now()-warned > time.Minute) {
			warned = m.now()
			m.log.Error("The clock of this machine is too far from that of the store. Set it (NTP).", "off by", v.Skew)
		}
		m.giveUpIfUnsure()
		for _, work := range []chan struct{}{m.work, m.splittable} {
			select {
			case work <- struct{}{}:
			default:
			}
		}
		timer.Reset(max(minInterval, m.next(began, err)-m.now()))
	}
}

// next is when to renew the row after a renewal that began at a time and has ended with err.
func (m *Member) next(began time.Duration, err error) time.Duration {
	if err != nil || m.options.CutOff != nil && len(m.options.CutOff()) > 0 {
		return began + m.options.Interval/4 // nodes that do not reach each other know of each other by the directory only
	}
	next := began + m.options.Interval
	if rest := UntilBeat(m.options.Interval); rest >= m.options.Interval/2 {
		next = m.now() + rest
	}
	// The row of a node that goes on renewing it is never about to run out. If one is, it is looked at when it has.
	if v := m.view.Load(); v.runsOut > m.now() {
		return min(next, v.runsOut)
	}
	return next
}

// UntilBeat is how long it is until the clock shows a multiple of the interval. What nodes do all the time they do then, and with
// clocks that are set all nodes at the same time: who is at rest is woken once for his own things and for what the others send.
func UntilBeat(interval time.Duration) time.Duration {
	return interval - time.Duration(time.Now().UnixNano())%interval
}

// giveUpIfUnsure gives up all shards if the node is not sure of them any more.
func (m *Member) giveUpIfUnsure() {
	if !m.Sure() {
		m.abandon(errUnsure)
	}
}

// abandon gives up all shards at once.
func (m *Member) abandon(cause error) {
	held := m.options.Shards.Shards()
	for _, shard := range held {
		m.options.Shards.AbandonShard(shard, cause)
	}
	if len(held) > 0 {
		m.count(Moves{Abandoned: int64(len(held))})
		m.log.Error("The node has given up its shards: it cannot be sure that they are its own.", "shards", len(held), "cause", cause)
	}
}

// Leave gives the shards to the other nodes, as long as there are any that take them, and
// then leaves the cluster. When the context ends before, what is left is for the others to
// take once the row has run out. Calls after the first do nothing.
func (m *Member) Leave(ctx context.Context) (err error) {
	m.leaving.Do(func() { err = m.leave(ctx) })
	return err
}

func (m *Member) leave(ctx context.Context) error {
	m.draining.Store(true)
	for ctx.Err() == nil && m.Sure() && m.view.Load().anybodyElse() && len(m.options.Shards.Shards()) > 0 {
		m.Refresh(ctx)
	}
	m.stop()
	m.goroutines.Wait()
	return nil
}

// Close stops what runs in the background and removes the node from the directory. What
// is held has to be given up before. Leave comes first.
func (m *Member) Close(ctx context.Context) error {
	m.leaving.Do(func() {})
	m.stop()
	m.goroutines.Wait()
	if !m.Sure() {
		return nil
	}
	return m.options.Directory.Leave(ctx, m.options.Node.ID)
}
