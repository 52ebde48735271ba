package peer

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/frontend"
)

var _ frontend.Elsewhere = (*Node)(nil)

// Carry implements frontend.Elsewhere: it has a call carried out by whoever holds its
// owner. The request goes out as it came in, with the headers and the deadline of the
// caller, and the answer comes back without being decoded here.
func (n *Node) Carry(ctx context.Context, method string, owner entity.Key, req proto.Message, here func() (any, error)) (any, error) {
	if n.runtime.Holds(owner) { // as a rule, where SDKs find their node
		resp, err := here()
		if !isNotHeld(err) {
			return resp, err
		}
	}
	if n.pollOfBranch(method, owner) {
		resp, err := here()
		if !isNotHeld(err) {
			return resp, err
		}
	}
	var local any
	var own error
	reply := new(emptypb.Empty)
	err := n.elsewhere(forwardContext(ctx), owner, func() error { // it has come here meanwhile
		resp, err := here()
		if err == nil { // else it is a nil of some type, and another node may answer yet
			local = resp
		}
		own = err
		return err
	}, method, req, reply)
	switch {
	case own != nil && errors.Is(err, own):
		return nil, err // in the form of this node's own
	case err != nil:
		return nil, frontend.Forwarded(err)
	case local != nil:
		return local, nil
	}
	n.forwarded.Add(1)
	return reply, nil
}

// CarryTo implements frontend.Elsewhere: as Carry, by the node with the id.
func (n *Node) CarryTo(ctx context.Context, node, method string, req proto.Message, here func() (any, error)) (any, error) {
	if id := cluster.NodeID(node); id != n.options.Self.ID && n.member.View().Node(id) != nil {
		reply := new(emptypb.Empty)
		if err := n.askNode(forwardContext(ctx), id, method, req, reply); err != nil {
			return nil, frontend.Forwarded(err)
		}
		return reply, nil
	}
	return here() // what it is about is gone with the node
}

// forwardContext is the context of a call that goes on to another node: with the headers
// of the caller, but for those of the connection.
func forwardContext(ctx context.Context) context.Context {
	headers, ok := metadata.FromIncomingContext(ctx)
	if !ok {
		return ctx
	}
	passed := make(metadata.MD, len(headers))
	for name, values := range headers {
		if !ofConnection(name) {
			passed[name] = values
		}
	}
	return metadata.NewOutgoingContext(ctx, passed)
}

// ofConnection reports whether the header is about one connection.
func ofConnection(name string) bool {
	switch name {
	case "content-type", "user-agent", "te", "connection", "authorization":
		return true
	}
	return strings.HasPrefix(name, ":") || strings.HasPrefix(name, "grpc-")
}
