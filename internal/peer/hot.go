package peer

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/frontend"
	"github.com/perdure/perdure/internal/matching"
)

// A queue that many polls are forwarded to is hot: its home tells the other nodes to keep the polls that arrive there, in
// branches of the queue (package matching). On the stream that the home follows a node by, the node tells how many polls wait there;
// on the stream that the node follows the home by, the home hands out what these get. Whoever holds the workflow of a task is asked
// by the node with the poll, past the home.
//
// Queues become hot and cool off as wholes, with all their parts. When a home moves, or one of the two streams breaks, the branch is
// closed: its polls are carried to the home as those of any queue, and what was on its way is read from the store again, as is
// all that was entrusted to a node that is not heard any more (unfollow).

// warm notes that a poll of a queue at home here was forwarded, or something was handed out, and tells the others if that has made
// it hot, or it is not any more.
func (n *Node) warm(queue entity.Queue) {
	queue = queue.Whole()
	limit := 0
	if n.options.HotPolls != nil {
		limit = n.options.HotPolls(queue)
	}
	if hot, changed := n.heats.note(queue, limit, time.Now()); changed {
		n.log.Info("A task queue is busy: its polls wait where they arrive, or not any more.", "namespaceId", queue.Namespace, "taskQueue", queue.Name, "hot", hot)
		n.tellHot(queue, hot)
	}
}

func (n *Node) tellHot(queue entity.Queue, hot bool) {
	n.followers.each(func(f *follower) { f.tellHot(queue, hot) })
}

func (f *follower) tellHot(queue entity.Queue, hot bool) {
	f.mu.Lock()
	if f.hot == nil {
		f.hot = make(map[entity.Queue]bool)
	}
	f.hot[queue] = hot
	f.mu.Unlock()
	signal(f.wake)
}

// coolStrangers forgets which queues are hot that are not at home here any more.
func (n *Node) coolStrangers() {
	for _, queue := range n.heats.all() {
		if !n.Home(queue) {
			n.heats.forget(queue)
			n.tellHot(queue, false)
		}
	}
}

// branches are the hot queues of other nodes, whose polls wait here.
type branches struct {
	count atomic.Int32 // how many there are

	mu   sync.RWMutex
	home map[entity.Queue]cluster.NodeID
}

// at is the node that has said that the queue, a whole, is hot; empty if none has.
func (b *branches) at(queue entity.Queue) cluster.NodeID {
	if b.count.Load() == 0 {
		return ""
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.home[queue]
}

// of are the hot queues of a node.
func (b *branches) of(id cluster.NodeID) (queues []entity.Queue) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for queue, home := range b.home {
		if home == id {
			queues = append(queues, queue)
		}
	}
	return queues
}

func (b *branches) set(queue entity.Queue, home cluster.NodeID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.home == nil {
		b.home = make(map[entity.Queue]cluster.NodeID)
	}
	b.home[queue] = home
	b.count.Store(int32(len(b.home)))
}

// drop forgets the queues for which gone reports true, and returns them.
func (b *branches) drop(gone func(entity.Queue, cluster.NodeID) bool) map[entity.Queue]cluster.NodeID {
	b.mu.Lock()
	defer b.mu.Unlock()
	dropped := make(map[entity.Queue]cluster.NodeID)
	for queue, home := range b.home {
		if gone(queue, home) {
			dropped[queue] = home
			delete(b.home, queue)
		}
	}
	b.count.Store(int32(len(b.home)))
	return dropped
}

// closeBranches closes the branches for which gone reports true, and tells their homes.
func (n *Node) closeBranches(gone func(entity.Queue, cluster.NodeID) bool) {
	if n.branches.count.Load() == 0 {
		return
	}
	for queue, home := range n.branches.drop(gone) {
		for _, part := range n.matching.CloseBranches(queue) {
			n.tellWaiting(home, part)
		}
	}
}

// hotElsewhere takes up what another node tells of its hot queues.
func (n *Node) hotElsewhere(id cluster.NodeID, queues []*HotQueue) {
	for _, hot := range queues {
		queue := decodeQueue(hot.GetQueue()).Whole()
		if hot.GetCooled() {
			n.closeBranches(func(q entity.Queue, home cluster.NodeID) bool { return q == queue && home == id })
			continue
		}
		n.branches.set(queue, id)
	}
}

// forgetBranches closes the branches of queues that are at home at a node which is not heard any more, and forgets them.
func (n *Node) forgetBranches(id cluster.NodeID) {
	n.closeBranches(func(_ entity.Queue, home cluster.NodeID) bool { return home == id })
}

// emptyBranches closes the branches of queues that are at home at a node which does not hear any more who waits here. While
// it does not, no polls wait (Waiting).
func (n *Node) emptyBranches(id cluster.NodeID) {
	for _, queue := range n.branches.of(id) {
		n.matching.CloseBranches(queue)
	}
}

// movedBranches closes the branches of queues that are at home somewhere else by now.
func (n *Node) movedBranches(v *cluster.View) {
	n.closeBranches(func(queue entity.Queue, home cluster.NodeID) bool {
		holder := n.holder(homeKey(queue))
		return v.Node(home) == nil || n.Home(queue) || holder != nil && holder.ID != home
	})
}

// waitsHere reports whether a poll that has arrived here waits here, though the queue is at home at another node.
func (n *Node) waitsHere(ctx context.Context, queue entity.Queue) bool {
	return n.branches.at(queue.Whole()) != "" && !frontend.IsForwarded(ctx)
}

// pollOfBranch reports whether the call is a poll of a queue that is hot elsewhere.
func (n *Node) pollOfBranch(method string, owner entity.Key) bool {
	if owner.Kind != entity.KindTaskQueue || n.branches.count.Load() == 0 {
		return false
	}
	queue := entity.Queue{Namespace: owner.Namespace, Name: owner.ID}
	switch method[strings.LastIndexByte(method, '/')+1:] {
	case "PollWorkflowTaskQueue":
		queue.Type = entity.TaskWorkflow
	case "PollActivityTaskQueue":
		queue.Type = entity.TaskActivity
	case "PollNexusTaskQueue":
		queue.Type = entity.TaskNexus
	default:
		return false
	}
	return n.branches.at(queue) != ""
}

// Waiting implements matching.Elsewhere.
func (n *Node) Waiting(queue entity.Queue) bool {
	id := n.branches.at(queue.Whole())
	return id != "" && n.tellWaiting(id, queue)
}

// tellWaiting has a node told of the branch here of a queue that is at home there, and reports whether it hears of it.
func (n *Node) tellWaiting(id cluster.NodeID, queue entity.Queue) bool {
	f := n.followers.of(&cluster.Node{ID: id})
	if f == nil {
		return false
	}
	f.mu.Lock()
	if f.credits == nil {
		f.credits = make(map[entity.Queue]bool)
	}
	f.credits[queue] = true
	f.mu.Unlock()
	signal(f.wake)
	return true
}

// credit is what the home of a queue is told of the branch here.
func (n *Node) credit(queue entity.Queue) *Credit {
	told := n.matching.BranchCredit(queue)
	return &Credit{Queue: encodeQueue(queue), Session: told.Session, Waiting: told.Waiting, Received: told.Received, Pollers: int32(told.Pollers), Rate: told.Rate}
}

// credited takes up what a node tells of its branches.
func (n *Node) credited(id cluster.NodeID, credits []*Credit) {
	for _, c := range credits {
		queue := decodeQueue(c.GetQueue())
		f := n.followers.of(&cluster.Node{ID: id})
		switch {
		case f == nil: // nothing could be handed out
		case !n.Home(queue):
			f.tellHot(queue.Whole(), false)
		default:
			err := n.matching.Credited(string(id), matching.Credit{Queue: queue, Session: c.GetSession(),
				Waiting: c.GetWaiting(), Received: c.GetReceived(), Pollers: int(c.GetPollers()), Rate: c.Rate})
			if err != nil {
				n.log.Warn("The polls of another node cannot be served.", "node", n.nameOf(id), "taskQueue", queue.Name, "error", err)
			}
		}
	}
}

// HandOut implements matching.Elsewhere.
func (n *Node) HandOut(node string, handed matching.Handed) bool {
	f := n.followers.of(&cluster.Node{ID: cluster.NodeID(node)})
	if f == nil {
		return false
	}
	o := &Offer{Handed: &Handed{Queue: encodeQueue(handed.Queue), Session: handed.Session, Scale: handed.Scale, BacklogCount: handed.BacklogCount}}
	if handed.Task != nil {
		o.Task = encodeTask(handed.Task)
	} else {
		o.Handed.Query = n.offerOf(handed.Query)
	}
	if !f.entrust(o) {
		return false
	}
	n.handedOut.Add(1)
	n.warm(handed.Queue)
	return true
}

// takeHanded takes what the home of a queue has handed out to the branch here.
func (n *Node) takeHanded(from *leader, o *Offer) {
	h := o.GetHanded()
	handed := matching.Handed{Queue: decodeQueue(h.GetQueue()), Session: h.GetSession(), Scale: h.GetScale(), BacklogCount: h.GetBacklogCount()}
	if q := h.GetQuery(); q != nil {
		handed.Query = n.askedBy(q)
	} else {
		task, err := decodeTask(o.GetTask())
		if err != nil {
			n.log.Error("A task of another node cannot be decoded; it is passed over.", "node", from.node.Name, "queue", handed.Queue.Name, "error", err)
			return
		}
		handed.Task = task
	}
	n.matching.TakeHanded(handed)
}

// returnPatience is how long a query that has found no poll waits at the home of its queue again.
const returnPatience = 30 * time.Second

// ReturnQuery implements matching.Elsewhere: the query is offered at the home of its queue as by who asks.
func (n *Node) ReturnQuery(query *matching.QueryTask) {
	n.goroutines.Go(func() {
		ctx, cancel := context.WithTimeout(n.ctx, returnPatience)
		defer cancel()
		_ = n.elsewhere(ctx, homeKey(query.Queue), func() error { return n.matching.DispatchQuery(ctx, query) },
			methodOfferQuery, n.offerOf(query), new(Nothing))
	})
}

// Unspent is matching.Unspent at the home of the queue.
func (q *Queues) Unspent(task *entity.Task) {
	n := q.node
	if n.branches.at(task.Queue.Whole()) == "" {
		q.Matching.Unspent(task)
		return
	}
	if f := n.followers.of(n.holder(homeKey(task.Queue))); f != nil {
		f.entrust(&Offer{Task: encodeTask(task), Unspent: true})
	}
}

// withBranches is the description of a queue at home here with those who poll it at other nodes.
func (n *Node) withBranches(ctx context.Context, queue entity.Queue, d matching.Description) matching.Description {
	if !n.heats.isHot(queue.Whole()) {
		return d
	}
	var mu sync.Mutex
	byPart := make(map[string][]matching.Poller)
	_ = source{n}.all(ctx, n.following.linked(), func(ctx context.Context, _ int, l *link) error {
		resp := new(DescribeQueueResponse)
		if err := l.call(ctx, methodDescribe, &DescribeQueueRequest{Queue: encodeQueue(queue), Branches: true}, resp); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, part := range resp.GetParts() {
			if queue.Version != "" && part.GetName() != queue.Version {
				continue
			}
			decoded, err := decodePart(part)
			if err != nil {
				return err
			}
			name := part.GetName()
			if queue.Version != "" {
				name = "" // a part that is described alone
			}
			byPart[name] = append(byPart[name], decoded.Pollers...)
		}
		return nil
	})
	return d.WithPollers(byPart)
}

// describeBranches tells who polls the branches here of a queue.
func (n *Node) describeBranches(queue entity.Queue) (*DescribeQueueResponse, error) {
	resp := new(DescribeQueueResponse)
	for name, pollers := range n.matching.BranchPollers(queue) {
		part, err := encodePart(name, matching.Description{Pollers: pollers})
		if err != nil {
			return nil, err
		}
		resp.Parts = append(resp.Parts, part)
	}
	return resp, nil
}
