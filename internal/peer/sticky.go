package peer

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/frontend"
	"github.com/perdure/perdure/internal/matching"
)

// A sticky queue is at the node that its worker polls: the first one at which a poll of it has arrived. Each node tells those
// that follow it which sticky queues are served there, so that a task goes from the node of its workflow to the worker past
// the home of its normal queue; and a poll that arrives at another node is forwarded, as those of a worker behind a balancer of
// calls may be. A node that gets forwarded polls only gives the queue up: then it is at the node that forwards them.
//
// The home of the normal queue does not know of a task that is waiting for a worker elsewhere. It is told of those that fall
// back (Restore). If the node goes at which they wait, all homes read their backlogs anew (unfollow).

// stickyQueue names a sticky queue.
type stickyQueue struct{ namespace, name string }

// stickies are the sticky queues that are served, here or at other nodes.
type stickies struct {
	followers *followers

	mu   sync.RWMutex
	here map[stickyQueue]bool
	// at are the nodes that have told last that they serve one, but for this node.
	at map[stickyQueue]cluster.NodeID
	// direct are the polls that have arrived here and were not forwarded.
	direct map[stickyQueue]*directPolls
}

// directPolls are the polls of a sticky queue that have arrived here.
type directPolls struct {
	open int
	last time.Time
}

// directWindow is for how long after the last poll that has arrived at a node those of others are answered there.
const directWindow = 10 * time.Second

// served reports whether the queue is served here.
func (s *stickies) served(queue stickyQueue) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.here[queue]
}

// node is the other node at which the queue is; empty if it is here, or nowhere.
func (s *stickies) node(queue stickyQueue) cluster.NodeID {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.here[queue] {
		return ""
	}
	return s.at[queue]
}

// stickyNode is the other node at which the queue is; nil if it is here, or nowhere.
func (n *Node) stickyNode(queue stickyQueue) *cluster.Node {
	if id := n.stickies.node(queue); id != "" {
		return n.member.View().Node(id)
	}
	return nil
}

// tell has a new follower told of all that are served here.
func (s *stickies) tell(one *follower) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	one.mu.Lock()
	one.sticky = maps.Clone(s.here)
	one.mu.Unlock()
}

// Polled implements matching.Elsewhere.
func (n *Node) Polled(namespace, sticky string, served bool) {
	s, queue := &n.stickies, stickyQueue{namespace, sticky}
	s.mu.Lock()
	defer s.mu.Unlock()
	if served {
		if s.here == nil {
			s.here = make(map[stickyQueue]bool)
		}
		s.here[queue] = true
	} else {
		delete(s.here, queue)
		if d := s.direct[queue]; d != nil && d.open == 0 {
			delete(s.direct, queue)
		}
	}
	n.followers.each(func(f *follower) {
		f.mu.Lock()
		if f.sticky == nil {
			f.sticky = make(map[stickyQueue]bool)
		}
		f.sticky[queue] = served
		f.mu.Unlock()
		signal(f.wake)
	})
}

// stickyElsewhere takes up what another node tells of its sticky queues. Of two nodes that serve the same, one gives it up.
func (n *Node) stickyElsewhere(id cluster.NodeID, queues []*StickyQueue) {
	for _, q := range queues {
		queue, s := stickyQueue{q.GetNamespaceId(), q.GetName()}, &n.stickies
		s.mu.Lock()
		both := false
		switch {
		case !q.GetLeft():
			if s.at == nil {
				s.at = make(map[stickyQueue]cluster.NodeID)
			}
			s.at[queue] = id
			both = s.here[queue] && id < n.options.Self.ID
		case s.at[queue] == id:
			delete(s.at, queue)
		}
		s.mu.Unlock()
		if both {
			n.matching.ShutdownSticky(queue.namespace, queue.name)
		}
	}
}

// forgetNode forgets the sticky queues of a node that is not heard any more.
func (s *stickies) forgetNode(id cluster.NodeID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.at, func(_ stickyQueue, at cluster.NodeID) bool { return at == id })
}

// Home implements matching.Elsewhere.
func (n *Node) Home(queue entity.Queue) bool {
	return internal(queue) || n.runtime.Holds(homeKey(queue))
}

// OfferSticky implements matching.Elsewhere.
func (n *Node) OfferSticky(task *entity.Task) bool {
	id := n.stickies.node(stickyQueue{task.Queue.Namespace, task.Sticky})
	if id == "" {
		return false
	}
	f := n.followers.of(&cluster.Node{ID: id})
	return f != nil && f.entrust(&Offer{Task: encodeTask(task), Sticky: true})
}

// Restore implements matching.Elsewhere. A home that follows this node no more, or another one, reads the task in the store.
func (n *Node) Restore(task *entity.Task) {
	if f := n.followers.of(n.holder(homeKey(task.Queue))); f != nil {
		f.entrust(&Offer{Task: encodeTask(task), Restored: true})
	}
}

// takeEntrusted takes a task that is for a sticky queue here, or falls back to a normal queue that is at home here.
func (n *Node) takeEntrusted(from *leader, o *Offer) {
	task, err := decodeTask(o.GetTask())
	switch {
	case err != nil:
		n.log.Error("A task of another node cannot be decoded; it is passed over.", "node", from.node.Name, "queue", o.GetTask().GetQueue().GetName(), "error", err)
	case o.GetSticky():
		n.matching.TakeSticky(task)
	case o.GetUnspent():
		n.matching.Unspent(task)
	case n.Home(task.Queue):
		n.matching.Restore(task)
	}
}

// entrust has the follower told of a task that it does not find by itself. It reports false if that may fail.
func (f *follower) entrust(o *Offer) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.ended:
		return false
	default:
	}
	if len(f.entrusted) >= followerLimit {
		return false
	}
	f.trusted = true
	f.entrusted = append(f.entrusted, o)
	signal(f.wake)
	return true
}

// end ends a follower, and reports whether it has been trusted with tasks; false if it has ended before.
func (f *follower) end() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.ended:
		return false
	default:
	}
	close(f.ended)
	return f.trusted
}

// unfollow ends a follower. Of the tasks that it was trusted with those that are still waiting are found by the homes of
// their queues, in the store.
func (n *Node) unfollow(id cluster.NodeID, one *follower) {
	n.followers.remove(id, one)
	n.emptyBranches(id)
	n.matching.DropCredits(string(id))
	if one.end() {
		signal(n.refresh)
		n.followers.each(func(f *follower) { f.fail() })
	}
}

// dismiss ends the followers that are not alive any more, as a node that is paused may be for long.
func (n *Node) dismiss(v *cluster.View) {
	gone := make(map[cluster.NodeID]*follower)
	n.followers.mu.RLock()
	for id, one := range n.followers.byID {
		if v.Node(id) == nil {
			gone[id] = one
		}
	}
	n.followers.mu.RUnlock()
	for id, one := range gone {
		n.unfollow(id, one)
	}
}

// CarrySticky implements frontend.Elsewhere: a poll of a sticky queue is answered where the queue is, or here.
func (n *Node) CarrySticky(ctx context.Context, method, namespaceID, sticky string, req proto.Message, here func() (any, error)) (any, error) {
	if to := n.stickyNode(stickyQueue{namespaceID, sticky}); to != nil {
		reply := new(emptypb.Empty)
		again, err := n.ask(forwardContext(ctx), to, method, req, reply)
		switch {
		case again: // it is not there any more
		case err != nil:
			return nil, frontend.Forwarded(err)
		default:
			n.forwarded.Add(1)
			return reply, nil
		}
	}
	return here()
}

// pollSticky polls a sticky queue here, unless the poll was forwarded and no others come any more.
func (q *Queues) pollSticky(ctx context.Context, request matching.PollRequest) (*matching.Work, error) {
	queue, s := stickyQueue{request.Queue.Namespace, request.Sticky}, &q.node.stickies
	s.mu.Lock()
	d := s.direct[queue]
	if frontend.IsForwarded(ctx) {
		kept := d != nil && (d.open > 0 || time.Since(d.last) < directWindow)
		s.mu.Unlock()
		if !kept {
			q.Matching.ShutdownSticky(queue.namespace, queue.name)
			return nil, q.node.runtime.NotHeld(homeKey(request.Queue))
		}
		return q.Matching.Poll(ctx, request)
	}
	if d == nil {
		if s.direct == nil {
			s.direct = make(map[stickyQueue]*directPolls)
		}
		d = new(directPolls)
		s.direct[queue] = d
	}
	d.open++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		d.open--
		d.last = time.Now()
		if d.open == 0 && !s.here[queue] && s.direct[queue] == d {
			delete(s.direct, queue)
		}
	}()
	return q.Matching.Poll(ctx, request)
}

// dispatchSticky offers a query where its sticky queue is. again says that it is nowhere, or not any more.
func (q *Queues) dispatchSticky(ctx context.Context, task *matching.QueryTask) (again bool, err error) {
	n, queue := q.node, stickyQueue{task.Queue.Namespace, task.Sticky}
	switch to := n.stickyNode(queue); {
	case task.Sticky == "":
		return true, nil
	case to != nil:
		n.queries.add(ctx, task)
		if again, err = n.ask(ctx, to, methodOfferQuery, n.offerOf(task), new(Nothing)); err != nil && ctx.Err() != nil {
			return false, ctx.Err()
		}
		return again, err
	case n.stickies.served(queue) && !n.Home(task.Queue):
		err = q.Matching.DispatchQuery(ctx, task)
		return errors.Is(err, matching.ErrQueueAway), err
	}
	return true, nil
}
