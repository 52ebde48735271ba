package peer

import (
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/storage"
)

const (
	// followerLimit is how many offers wait for a follower that is slow. If there are
	// more, it is told to read the store.
	followerLimit = 10_000
	// followerBatch is how many offers are sent at once.
	followerBatch = 1000
	// heartbeat is how often a follower is told how far it is complete, at least.
	heartbeat = time.Second
)

// sink takes what becomes ready here to the homes of the queues (runtime.TaskSink).
type sink struct{ *Node }

var _ runtime.TaskSink = sink{}

// Tasks is where the runtime of this node takes its tasks.
func (n *Node) Tasks() runtime.TaskSink { return sink{n} }

// Add implements runtime.TaskSink.
func (s sink) Add(task *entity.Task) {
	if internal(task.Queue) || s.runtime.Holds(homeKey(task.Queue)) {
		s.matching.Add(task)
		return
	}
	if s.matching.OfferSticky(task) {
		return
	}
	s.offered.Add(1) // before it is looked up who the home is
	if f := s.followers.of(s.holder(homeKey(task.Queue))); f != nil {
		f.push(&Offer{Task: encodeTask(task)})
	}
}

// Remove implements runtime.TaskSink.
func (s sink) Remove(ref entity.TaskRef) {
	if internal(ref.Queue) || s.runtime.Holds(homeKey(ref.Queue)) {
		s.matching.Remove(ref)
		return
	}
	s.offered.Add(1)
	if f := s.followers.of(s.holder(homeKey(ref.Queue))); f != nil {
		f.push(&Offer{Task: encodeRef(ref), Removed: true})
	}
}

// Forget implements runtime.TaskSink. What is not here any more can still be started, but
// for the tasks of the server's own queues; but queues may be at home elsewhere now.
func (s sink) Forget(gone func(*entity.Task) bool) {
	s.matching.Forget(func(task *entity.Task) bool { return internal(task.Queue) && gone(task) })
	signal(s.moved)
}

// Refresh implements runtime.TaskSink: the tasks of a shard that was acquired are in the
// store, and any home of a queue may have to know.
func (s sink) Refresh() {
	signal(s.refresh)
	s.followers.each(func(f *follower) { f.fail() })
}

// followers are the nodes that follow this one. The zero value has none.
type followers struct {
	mu   sync.RWMutex
	byID map[cluster.NodeID]*follower
}

// follower is a node that wants to know what becomes ready here.
type follower struct {
	wake chan struct{} // of capacity 1

	mu      sync.Mutex
	offers  []*Offer
	refresh bool
	// entrusted are offers of tasks that it would not find in the store by itself, and trusted is set if there has been one:
	// when the follower goes, others have to look for them. See sticky.go.
	entrusted []*Offer
	trusted   bool
	// sticky are the sticky queues of which it has to be told whether they are served here.
	sticky map[stickyQueue]bool
	// hot are the queues of which it has to be told whether they are hot, and credits those at home there whose branches here
	// have changed. See hot.go.
	hot     map[entity.Queue]bool
	credits map[entity.Queue]bool
	ended   chan struct{} // closed when it is followed no more
}

func (f *followers) of(n *cluster.Node) *follower {
	if n == nil {
		return nil
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.byID[n.ID]
}

func (f *followers) each(fn func(*follower)) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, one := range f.byID {
		fn(one)
	}
}

// add makes a follower, in place of one that there may be.
func (f *followers) add(id cluster.NodeID) *follower {
	one := &follower{wake: make(chan struct{}, 1), ended: make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byID == nil {
		f.byID = make(map[cluster.NodeID]*follower)
	}
	f.byID[id] = one
	return one
}

func (f *followers) remove(id cluster.NodeID, one *follower) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byID[id] == one {
		delete(f.byID, id)
	}
}

// gained tells the followers that hold shards which they did not hold before: what has
// become ready for queues that are at home there now was offered to nobody, or to
// another one.
func (f *followers) gained(v *cluster.View, last map[storage.ShardID]cluster.NodeID) {
	told := make(map[cluster.NodeID]bool)
	for shard, holder := range v.Holders {
		if holder == "" || told[holder] || last[storage.ShardID(shard)] == holder {
			continue
		}
		told[holder] = true
		if one := f.of(&cluster.Node{ID: holder}); one != nil {
			one.fail()
		}
	}
}

func (f *follower) push(o *Offer) {
	f.mu.Lock()
	if len(f.offers) < followerLimit {
		f.offers = append(f.offers, o)
	} else {
		f.offers, f.refresh = nil, true
	}
	f.mu.Unlock()
	signal(f.wake)
}

// fail has the follower read the store.
func (f *follower) fail() {
	f.mu.Lock()
	f.refresh = true
	f.mu.Unlock()
	signal(f.wake)
}

// take returns what is to be sent next, but for the credit of branches that have changed, and whether there is more.
func (f *follower) take() (next *Offers, branches []entity.Queue, more bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	next = &Offers{Refresh: f.refresh}
	for queue, served := range f.sticky {
		next.Sticky = append(next.Sticky, &StickyQueue{NamespaceId: queue.namespace, Name: queue.name, Left: !served})
	}
	f.sticky = nil
	for queue, hot := range f.hot {
		next.Hot = append(next.Hot, &HotQueue{Queue: encodeQueue(queue), Cooled: !hot})
	}
	f.hot = nil
	for queue := range f.credits {
		branches = append(branches, queue)
	}
	clear(f.credits)
	n := min(len(f.offers), followerBatch)
	next.Offers, f.offers, f.refresh = f.offers[:n:n], f.offers[n:], false
	if len(f.offers) == 0 {
		f.offers = nil
	}
	next.Offers, f.entrusted = append(next.Offers, f.entrusted...), nil
	return next, branches, f.offers != nil
}

// follow answers a node that follows this one, until it stops.
func (n *Node) follow(req *FollowRequest, stream grpc.ServerStream) error {
	id := cluster.NodeID(req.GetNode())
	one := n.followers.add(id)
	defer n.unfollow(id, one)
	n.stickies.tell(one)
	for _, queue := range n.heats.all() {
		one.tellHot(queue, true)
	}
	tick := time.NewTimer(cluster.UntilBeat(heartbeat))
	defer tick.Stop()
	signal(one.wake)
	for {
		select {
		case <-one.wake:
		case <-tick.C:
			tick.Reset(cluster.UntilBeat(heartbeat))
			n.runtime.Advance()
		case <-one.ended:
			return status.Error(codes.Unavailable, "the node that follows has been taken for dead")
		case <-stream.Context().Done():
			return stream.Context().Err()
		case <-n.ctx.Done():
			return errStopping
		}
		for more := true; more; {
			// First the mark: what is up to it has been pushed.
			mark := n.runtime.Watermark()
			var next *Offers
			var branches []entity.Queue
			if next, branches, more = one.take(); !more {
				next.Watermark = mark
			}
			for _, queue := range branches {
				next.Credits = append(next.Credits, n.credit(queue))
			}
			if err := stream.SendMsg(next); err != nil {
				return err
			}
		}
	}
}
