package peer

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/cluster"
)

// following is the nodes that this one follows: all others that are alive.
type following struct {
	node *Node

	mu   sync.RWMutex
	byID map[cluster.NodeID]*leader
	// past are nodes that something has come from, and that were not alive afterwards, as when the database was out of their reach.
	past map[cluster.NodeID]bool
	lost atomic.Pointer[[]cluster.NodeID] // see cutOff
	done sync.WaitGroup
}

// leader is a node that is followed.
type leader struct {
	node *cluster.Node
	stop context.CancelFunc
	// linked is set while all that becomes ready there is told here.
	linked atomic.Bool
	// heard is when something has come from it last, or it was found: it says something every
	// heartbeat. met is set when something has come, now or when the node was alive before.
	heard atomic.Pointer[time.Time]
	met   atomic.Bool
	// watermark: all tasks up to that id have been told.
	watermark atomic.Int64
}

// follow begins to follow nodes that are new, and stops to follow those that have gone.
func (f *following) follow(others []*cluster.Node) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byID == nil {
		f.byID, f.past = make(map[cluster.NodeID]*leader), make(map[cluster.NodeID]bool)
	}
	for id, l := range f.byID {
		if slices.ContainsFunc(others, func(n *cluster.Node) bool { return n.ID == id }) {
			continue
		}
		l.stop()
		delete(f.byID, id)
		if len(f.past) >= pastLimit {
			clear(f.past)
		}
		if l.met.Load() {
			f.past[id] = true
		}
	}
	for _, other := range others {
		if f.byID[other.ID] != nil {
			continue
		}
		ctx, stop := context.WithCancel(f.node.ctx)
		l := &leader{node: other, stop: stop}
		l.hear()
		l.met.Store(f.past[other.ID])
		delete(f.past, other.ID)
		f.byID[other.ID] = l
		f.done.Go(func() {
			defer stop()
			f.node.followLeader(ctx, l)
		})
	}
}

func (f *following) wait() { f.done.Wait() }

// linked are the nodes whose tasks are known here, or can be read.
func (f *following) linked() (leaders []*leader) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, l := range f.byID {
		if l.linked.Load() {
			leaders = append(leaders, l)
		}
	}
	return leaders
}

// silence is how long a node may say nothing before it is taken for one that cannot be reached.
const silence = 2 * heartbeat

// pastLimit is how many nodes of the past are kept in mind; each start of a node is another one.
const pastLimit = 1000

// strangeness is how long a node that was found may say nothing at first: it is in the directory before it answers
// others.
const strangeness = 10 * heartbeat

// givenUp is how long a node may say nothing before what is under way to it from here fails, though others may reach it: callers
// try again by way of those.
const givenUp = 4 * heartbeat

// attention is how long after a look at which nodes say nothing the next one is, while there are such.
const attention = heartbeat / 4

func (l *leader) hear() {
	now := time.Now()
	l.heard.Store(&now)
}

// silent are the nodes from which nothing has come for some time, in the order of their ids. If there are none, next is when
// there may be one.
func (f *following) silent() (ids []cluster.NodeID, next time.Duration) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	next = silence
	for id, l := range f.byID {
		since, limit := time.Since(*l.heard.Load()), silence
		if !l.met.Load() {
			limit = strangeness
		}
		if since > limit {
			ids = append(ids, id)
		}
		next = min(next, limit-since)
	}
	slices.Sort(ids)
	return ids, next
}

// cutOff are the nodes that cannot be reached, in the order of their ids: those that have been silent at
// two looks in a row, as a node that was paused itself hears of all others as soon as it goes on.
func (f *following) cutOff() []cluster.NodeID {
	if found := f.lost.Load(); found != nil {
		return *found
	}
	return nil
}

// isCutOff reports whether the node cannot be reached.
func (f *following) isCutOff(id cluster.NodeID) bool { return slices.Contains(f.cutOff(), id) }

// outOfReach reports whether the node has not been reached for so long that its shards would have moved, if most nodes saw it as this
// one does.
func (f *following) outOfReach(id cluster.NodeID) bool {
	return f.isCutOff(id) && f.silentFor(id) > givenUp
}

// silentFor is how long nothing has come from the node.
func (f *following) silentFor(id cluster.NodeID) time.Duration {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if l := f.byID[id]; l != nil {
		return time.Since(*l.heard.Load())
	}
	return 0
}

// attend is the goroutine that notes which nodes cannot be reached. If most nodes see it so, or for long, what is under way to
// one is given up: calls fail, and are made again where their shards are by then.
func (n *Node) attend() {
	timer := time.NewTimer(attention)
	defer timer.Stop()
	var last []cluster.NodeID
	dropped := make(map[cluster.NodeID]bool)
	for {
		select {
		case <-timer.C:
		case <-n.ctx.Done():
			return
		}
		now, next := n.following.silent()
		before, v := n.following.cutOff(), n.member.View()
		lost := slices.DeleteFunc(slices.Clone(now), func(id cluster.NodeID) bool { return !slices.Contains(last, id) })
		n.following.lost.Store(&lost)
		last = now
		for _, id := range lost {
			if !slices.Contains(before, id) {
				n.log.Warn("Nothing comes from another node any more; if most nodes see it so, it gets no shards.", "node", n.nameOf(id))
				n.member.Nudge()
			}
			if (v.Isolated(id) || n.following.silentFor(id) > givenUp) && !dropped[id] {
				dropped[id] = true
				n.links.drop(id)
			}
		}
		maps.DeleteFunc(dropped, func(id cluster.NodeID, _ bool) bool { return !slices.Contains(lost, id) })
		timer.Reset(max(next, attention))
	}
}

// nameOf is the name of a node, or its id.
func (n *Node) nameOf(id cluster.NodeID) string {
	if found := n.member.View().Node(id); found != nil {
		return found.Name
	}
	return string(id)
}

// followLeader follows a node until the context ends.
func (n *Node) followLeader(ctx context.Context, l *leader) {
	retry := 50 * time.Millisecond
	for ctx.Err() == nil {
		began := time.Now()
		err := n.listen(ctx, l)
		l.linked.Store(false)
		n.stickies.forgetNode(l.node.ID)
		n.forgetBranches(l.node.ID)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > time.Second {
			retry = 50 * time.Millisecond
		}
		if code := status.Code(err); code != codes.Unavailable && code != codes.Canceled {
			n.log.Warn("Following another node has ended; it is tried again.", "node", l.node.Name, "error", err)
		}
		select {
		case <-time.After(retry):
		case <-ctx.Done():
		}
		retry = min(2*retry, time.Second)
	}
}

// listen opens a stream of what becomes ready on a node, and takes it in.
func (n *Node) listen(ctx context.Context, l *leader) error {
	to, err := n.links.to(l.node)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := to.conn.NewStream(ctx, &followDesc, methodFollow)
	if err == nil {
		err = stream.SendMsg(&FollowRequest{Node: string(n.options.Self.ID)})
	}
	if err == nil {
		err = stream.CloseSend()
	}
	for first := true; err == nil; first = false {
		next := new(Offers)
		if err = stream.RecvMsg(next); err != nil {
			break
		}
		l.hear()
		l.met.Store(true)
		if first {
			// What has become ready before, nobody has told.
			l.linked.Store(true)
			signal(n.refresh)
		}
		n.takeIn(l, next)
	}
	return err
}

// takeIn takes over what has happened to tasks on another node.
func (n *Node) takeIn(l *leader, next *Offers) {
	n.stickyElsewhere(l.node.ID, next.GetSticky())
	n.hotElsewhere(l.node.ID, next.GetHot())
	n.credited(l.node.ID, next.GetCredits())
	for _, o := range next.GetOffers() {
		ref := decodeRef(o.GetTask())
		switch {
		case o.GetHanded() != nil:
			n.takeHanded(l, o)
		case o.GetSticky(), o.GetRestored(), o.GetUnspent():
			n.takeEntrusted(l, o)
		case !n.runtime.Holds(homeKey(ref.Queue)):
			// Whoever has told it will find out where the queue is at home.
		case o.GetRemoved():
			n.matching.Remove(ref)
		default:
			task, err := decodeTask(o.GetTask())
			if err != nil {
				n.log.Error("A task of another node cannot be decoded; it is passed over.", "node", l.node.Name, "queue", ref.Queue.Name, "id", ref.ID, "error", err)
				continue
			}
			n.matching.Add(task)
		}
	}
	if mark := next.GetWatermark(); mark > 0 {
		l.watermark.Store(mark)
	}
	if next.GetRefresh() {
		signal(n.refresh)
	}
}
