package peer

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/frontend"
)

// Register implements frontend.Elsewhere.
func (n *Node) Register(ctx context.Context, deployments entity.Key, method string, poll proto.Message) error {
	encoded, err := proto.Marshal(poll)
	if err != nil {
		return err
	}
	req := &RegisterRequest{NamespaceId: deployments.Namespace, Method: method, Request: encoded}
	err = n.elsewhere(forwardContext(ctx), deployments, func() error {
		_, err := n.register(ctx, req) // they have come here meanwhile
		return err
	}, methodRegister, req, new(Nothing))
	if err != nil {
		return frontend.Forwarded(err)
	}
	return nil
}

// register registers the version of a worker that polls another node.
func (n *Node) register(ctx context.Context, req *RegisterRequest) (*Nothing, error) {
	if key := deployment.Key(req.GetNamespaceId()); !n.runtime.Holds(key) {
		return nil, refuse(ctx, n.runtime.NotHeld(key))
	}
	if err := n.local.Invoke(frontend.RegisterOnly(forwardContext(ctx)), req.GetMethod(), raw(req.GetRequest()), new(emptypb.Empty)); err != nil {
		return nil, err
	}
	return new(Nothing), nil
}
