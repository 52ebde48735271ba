package peer

import (
	"context"
	"errors"
	"sync"

	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/frontend"
	"github.com/perdure/perdure/internal/matching"
)

// Queues are the task queues as the handlers of this node have them: those that are at home
// here, and the way to others.
type Queues struct {
	*matching.Matching
	node *Node
}

// Queues returns the task queues for the handlers of this node.
func (n *Node) Queues() *Queues { return &Queues{n.matching, n} }

// Poll is matching.Poll of a queue that is at home here, or of a sticky queue that is polled here.
func (q *Queues) Poll(ctx context.Context, request matching.PollRequest) (*matching.Work, error) {
	if request.Sticky != "" {
		return q.pollSticky(ctx, request)
	}
	home, n := homeKey(request.Queue), q.node
	switch {
	case internal(request.Queue):
	case n.runtime.Holds(home):
		if frontend.IsForwarded(ctx) {
			n.warm(request.Queue)
		}
	case n.waitsHere(ctx, request.Queue):
		request.Branch = true
		work, err := q.Matching.Poll(ctx, request)
		if errors.Is(err, matching.ErrQueueAway) {
			return nil, n.runtime.NotHeld(home)
		}
		return work, err
	default:
		return nil, n.runtime.NotHeld(home)
	}
	return q.Matching.Poll(ctx, request)
}

// queries are those of this node that wait at the homes of their queues.
type queries struct {
	mu   sync.Mutex
	byID map[string]*matching.QueryTask
}

// add notes a query as long as the context of who asks lasts.
func (q *queries) add(ctx context.Context, task *matching.QueryTask) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.byID == nil {
		q.byID = make(map[string]*matching.QueryTask)
	}
	q.byID[task.ID] = task
	context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.byID[task.ID] == task {
			delete(q.byID, task.ID)
		}
	})
}

func (q *queries) of(id string) *matching.QueryTask {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.byID[id]
}

// DispatchQuery is matching.DispatchQuery at the home of the queue.
func (q *Queues) DispatchQuery(ctx context.Context, task *matching.QueryTask) error {
	home := homeKey(task.Queue)
	if again, err := q.dispatchSticky(ctx, task); !again {
		return err
	}
	q.node.queries.add(ctx, task) // also if it waits here, as it may be handed to a poll at another node
	if q.node.runtime.Holds(home) {
		return q.Matching.DispatchQuery(ctx, task)
	}
	err := q.node.elsewhere(ctx, home, func() error { return q.Matching.DispatchQuery(ctx, task) }, methodOfferQuery, q.node.offerOf(task), new(Nothing))
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (n *Node) offerOf(task *matching.QueryTask) *QueryOffer {
	o := &QueryOffer{Id: task.ID, Queue: encodeQueue(task.Queue), Sticky: task.Sticky, Node: string(n.options.Self.ID)}
	if by, ok := task.Payload.(asker); ok {
		o.Node = string(by.node)
	}
	return o
}

// asker is the payload of a query that another node has offered, and has the rest of.
type asker struct{ node cluster.NodeID }

// askedBy is a query that was offered, as it waits in a queue: its own one, if this node has asked.
func (n *Node) askedBy(o *QueryOffer) *matching.QueryTask {
	if own := n.queries.of(o.GetId()); own != nil {
		return own
	}
	return &matching.QueryTask{ID: o.GetId(), Queue: decodeQueue(o.GetQueue()), Sticky: o.GetSticky(), Payload: asker{cluster.NodeID(o.GetNode())}}
}

func (n *Node) offerQuery(ctx context.Context, o *QueryOffer) (*Nothing, error) {
	queue := decodeQueue(o.GetQueue())
	home := homeKey(queue)
	if !n.runtime.Holds(home) && !n.stickies.served(stickyQueue{queue.Namespace, o.GetSticky()}) {
		return nil, refuse(ctx, n.runtime.NotHeld(home))
	}
	if err := n.matching.DispatchQuery(ctx, n.askedBy(o)); errors.Is(err, matching.ErrQueueAway) {
		return nil, refuse(ctx, n.runtime.NotHeld(home))
	} else if err != nil {
		return nil, err
	}
	return new(Nothing), nil
}

// ShutdownSticky is matching.ShutdownSticky wherever the sticky queue is.
func (q *Queues) ShutdownSticky(namespace, sticky string) {
	q.Matching.ShutdownSticky(namespace, sticky)
	q.node.tellAll(&Departure{NamespaceId: namespace, Sticky: sticky})
}

// CancelPolls is matching.CancelPolls on all nodes.
func (q *Queues) CancelPolls(namespace, instanceKey string) int {
	return q.Matching.CancelPolls(namespace, instanceKey) + q.node.tellAll(&Departure{NamespaceId: namespace, InstanceKey: instanceKey})
}

// tellAll tells all nodes of a worker that goes away, and returns how many polls that has
// ended. A node that cannot be told finds out when the worker polls no more.
func (n *Node) tellAll(d *Departure) int {
	leaders := n.following.linked()
	polls := make([]int, len(leaders))
	_ = source{n}.all(n.ctx, leaders, func(ctx context.Context, i int, l *link) error {
		resp := new(DepartureResponse)
		err := l.call(ctx, methodDepart, d, resp)
		polls[i] = int(resp.GetPolls())
		return err
	})
	total := 0
	for _, n := range polls {
		total += n
	}
	return total
}

func (n *Node) depart(_ context.Context, d *Departure) (*DepartureResponse, error) {
	resp := new(DepartureResponse)
	if key := d.GetInstanceKey(); key != "" {
		resp.Polls = int32(n.matching.CancelPolls(d.GetNamespaceId(), key))
	}
	if sticky := d.GetSticky(); sticky != "" {
		n.matching.ShutdownSticky(d.GetNamespaceId(), sticky)
	}
	return resp, nil
}
