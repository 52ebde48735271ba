package peer

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/perdure/perdure/internal/frontend"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/runtime"
)

// Start implements frontend.Elsewhere: it has the node of a task, or of a query, answer the
// poll.
func (n *Node) Start(ctx context.Context, method string, req proto.Message, work *matching.Work) (any, frontend.Outcome, error) {
	encoded, err := proto.Marshal(req)
	if err != nil {
		return nil, 0, err
	}
	start := &StartRequest{Method: method, Request: encoded, Sticky: work.Sticky, BacklogCount: work.BacklogCount, Scale: work.Scale}
	resp := new(StartResponse)
	if work.Task != nil {
		start.Task = encodeTask(work.Task)
		err = n.elsewhere(forwardContext(ctx), work.Task.Entity, nil, methodStart, start, resp)
	} else {
		start.QueryId = work.Query.ID
		err = n.askNode(forwardContext(ctx), work.Query.Payload.(asker).node, methodStart, start, resp)
	}
	switch {
	case err != nil:
		return nil, 0, serviceerror.NewUnavailablef("the node of a task could not start it: %v", err)
	case resp.GetOutcome() == StartResponse_TAKEN:
		return raw(resp.GetResponse()), frontend.Taken, nil
	case resp.GetOutcome() == StartResponse_ASIDE:
		return nil, frontend.Aside, nil
	}
	return nil, frontend.Stale, nil
}

// Away implements frontend.Elsewhere.
func (n *Node) Away(work *matching.Work) bool {
	if work.Task != nil {
		return !internal(work.Task.Queue) && !n.runtime.Holds(work.Task.Entity)
	}
	_, other := work.Query.Payload.(asker)
	return other
}

// start answers a poll with a task that is held here.
func (n *Node) start(ctx context.Context, req *StartRequest) (*StartResponse, error) {
	work := &matching.Work{Sticky: req.GetSticky(), BacklogCount: req.GetBacklogCount(), Scale: req.GetScale()}
	if req.GetTask() == nil {
		if work.Query = n.queries.of(req.GetQueryId()); work.Query == nil {
			return &StartResponse{Outcome: StartResponse_STALE}, nil
		}
	} else {
		task, err := decodeTask(req.GetTask())
		if err != nil {
			return nil, err
		}
		work.Task = task
	}
	if task := work.Task; task != nil && !n.runtime.Holds(task.Entity) {
		return nil, refuse(ctx, n.runtime.NotHeld(task.Entity))
	}
	given := frontend.Give(work)
	reply := new(emptypb.Empty)
	err := n.local.Invoke(given.Context(forwardContext(ctx)), req.GetMethod(), raw(req.GetRequest()), reply)
	switch outcome, cause := given.Outcome(); {
	case outcome == frontend.Taken && err == nil:
		return &StartResponse{Outcome: StartResponse_TAKEN, Response: bytesOf(reply)}, nil
	case outcome == frontend.Stale:
		return &StartResponse{Outcome: StartResponse_STALE}, nil
	case outcome == frontend.Aside:
		return &StartResponse{Outcome: StartResponse_ASIDE}, nil
	default:
		return nil, refuse(ctx, errors.Join(cause, err))
	}
}

func isNotHeld(err error) bool {
	var notHeld *runtime.NotHeldError
	return errors.As(err, &notHeld)
}
