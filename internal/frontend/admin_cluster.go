package frontend

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/api/admin"
	"github.com/perdure/perdure/internal/cluster"
)

// Nodes is what the AdminService needs of a node of a cluster. Package peer implements it.
type Nodes interface {
	// Describe tells of all nodes.
	Describe(ctx context.Context) (*admin.DescribeClusterResponse, error)
	// Drain asks a node, by its name or id, to give its shards away, or takes that back. It fails with
	// cluster.ErrNoNode.
	Drain(ctx context.Context, node string, drain bool) error
	// Reshard asks for so many shards; stop: for no more than there are. It returns how many there are, and are to be.
	Reshard(ctx context.Context, shards int, stop bool) (now, wanted int, err error)
}

// clusterAdmin are the handlers of what operators ask of a cluster.
type clusterAdmin struct{ nodes Nodes }

var errAlone = serviceerror.NewFailedPrecondition("This server is alone: it is not one of the nodes of a cluster.")

// DescribeCluster tells of the nodes.
func (s *clusterAdmin) DescribeCluster(ctx context.Context, _ *admin.DescribeClusterRequest) (*admin.DescribeClusterResponse, error) {
	if s.nodes == nil {
		return nil, errAlone
	}
	resp, err := s.nodes.Describe(ctx)
	if err != nil {
		return nil, errDirectory(err)
	}
	return resp, nil
}

// DrainNode has a node give its shards away, or take them again.
func (s *clusterAdmin) DrainNode(ctx context.Context, req *admin.DrainNodeRequest) (*admin.DrainNodeResponse, error) {
	if s.nodes == nil {
		return nil, errAlone
	}
	if req.GetNode() == "" {
		return nil, serviceerror.NewInvalidArgument("Node is not set on request.")
	}
	if err := s.nodes.Drain(ctx, req.GetNode(), !req.GetUndrain()); err != nil {
		if errors.Is(err, cluster.ErrNoNode) {
			return nil, serviceerror.NewNotFoundf("No node that is alive has the name or the id %q.", req.GetNode())
		}
		return nil, errDirectory(err)
	}
	return &admin.DrainNodeResponse{}, nil
}

// errFixed is the answer of a server whose store is its own: no node can take a part of it.
var errFixed = serviceerror.NewFailedPrecondition("This server is alone: it is not one of the nodes of a cluster, and one server gains nothing by more shards. " +
	"The data directory of a server that is stopped gets another number of shards by 'perdure admin reshard'; " +
	"a server on PostgreSQL is one of a cluster if it has a peer address.")

// ReshardCluster has the nodes make more shards.
func (s *clusterAdmin) ReshardCluster(ctx context.Context, req *admin.ReshardClusterRequest) (*admin.ReshardClusterResponse, error) {
	if s.nodes == nil {
		return nil, errFixed
	}
	now, wanted, err := s.nodes.Reshard(ctx, int(req.GetShards()), req.GetStop())
	var refused *cluster.ReshardError
	switch {
	case errors.As(err, &refused) && refused.Argument:
		return nil, serviceerror.NewInvalidArgument(refused.Error())
	case errors.As(err, &refused):
		return nil, serviceerror.NewFailedPrecondition(refused.Error())
	case err != nil:
		return nil, errDirectory(err)
	}
	return &admin.ReshardClusterResponse{Shards: int32(now), Wanted: int32(wanted)}, nil
}

// errDirectory is the error of a call that needs the store all nodes share.
func errDirectory(err error) error {
	return serviceerror.NewUnavailablef("The store of the cluster does not answer: %v", err)
}
