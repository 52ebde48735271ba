package peer

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/flow"
	"github.com/perdure/perdure/internal/frontend"
	"github.com/perdure/perdure/internal/records"
)

// A start that a policy of flow control may refuse is carried out by the node with the workflow, and asks
// the gate, which may be on another one, before the run is made.

// Reserve implements frontend.Elsewhere.
func (n *Node) Reserve(ctx context.Context, gate entity.Key, ticket *records.FlowTicket) (kept bool, asked time.Time, err error) {
	resp, err := n.askGate(ctx, gate, ticket, false)
	if err != nil {
		return false, time.Time{}, frontend.Forwarded(err)
	}
	return resp.Kept, time.Unix(0, resp.Asked), nil
}

// GiveUp implements frontend.Elsewhere.
func (n *Node) GiveUp(ctx context.Context, gate entity.Key, ticket *records.FlowTicket) error {
	_, err := n.askGate(ctx, gate, ticket, true)
	return err
}

func (n *Node) askGate(ctx context.Context, gate entity.Key, ticket *records.FlowTicket, giveUp bool) (*ReserveResponse, error) {
	encoded, err := proto.Marshal(ticket)
	if err != nil {
		return nil, err
	}
	req := &ReserveRequest{NamespaceId: gate.Namespace, Policy: ticket.Policy, Key: ticket.Key, Ticket: encoded, GiveUp: giveUp}
	resp := new(ReserveResponse)
	err = n.elsewhere(forwardContext(ctx), gate, func() (err error) {
		resp, err = n.reserveHere(ctx, req) // it has come here meanwhile
		return err
	}, methodReserve, req, resp)
	return resp, err
}

// reserve keeps a place, or gives it up, for a start that another node carries out.
func (n *Node) reserve(ctx context.Context, req *ReserveRequest) (*ReserveResponse, error) {
	resp, err := n.reserveHere(ctx, req)
	return resp, refuse(ctx, err)
}

func (n *Node) reserveHere(ctx context.Context, req *ReserveRequest) (*ReserveResponse, error) {
	gate := flow.GateKey(req.GetNamespaceId(), req.GetPolicy(), req.GetKey())
	if !n.runtime.Holds(gate) {
		return nil, n.runtime.NotHeld(gate)
	}
	ticket := new(records.FlowTicket)
	if err := proto.Unmarshal(req.GetTicket(), ticket); err != nil {
		return nil, err
	}
	if req.GetGiveUp() {
		return new(ReserveResponse), flow.GiveUpAt(ctx, n.runtime, gate, ticket)
	}
	kept, asked, err := flow.ReserveAt(ctx, n.runtime, gate, ticket)
	var full *serviceerror.ResourceExhausted
	if errors.As(err, &full) {
		err = serviceerror.ToStatus(full).Err() // as clients read it
	}
	if err != nil {
		return nil, err
	}
	return &ReserveResponse{Kept: kept, Asked: asked.UnixNano()}, nil
}
