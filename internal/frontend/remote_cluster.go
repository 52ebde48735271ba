package frontend

import (
	"context"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/namespace"
)

// remoteClusterHandlers answer for a cluster that is alone: this server does not replicate.
type remoteClusterHandlers struct{ cluster Cluster }

var (
	errNoReplication  = serviceerror.NewUnimplemented("This server does not replicate: it cannot be connected with other clusters.")
	errAddressNotSet  = serviceerror.NewInvalidArgument("FrontendAddress is not set on request.")
	errNoSuchCluster  = serviceerror.NewNotFound("The cluster to be deleted cannot be found in clusters cache.")
	errCurrentCluster = serviceerror.NewFailedPrecondition("The cluster cannot be removed from itself.")
)

// AddOrUpdateRemoteCluster says that there is no replication.
func (h *remoteClusterHandlers) AddOrUpdateRemoteCluster(_ context.Context, req *operatorservice.AddOrUpdateRemoteClusterRequest) (*operatorservice.AddOrUpdateRemoteClusterResponse, error) {
	if req.GetFrontendAddress() == "" {
		return nil, errAddressNotSet
	}
	return nil, errNoReplication
}

// RemoveRemoteCluster finds no cluster to remove.
func (h *remoteClusterHandlers) RemoveRemoteCluster(_ context.Context, req *operatorservice.RemoveRemoteClusterRequest) (*operatorservice.RemoveRemoteClusterResponse, error) {
	if req.GetClusterName() == namespace.ClusterName {
		return nil, errCurrentCluster
	}
	return nil, errNoSuchCluster
}

// ListClusters lists this cluster.
func (h *remoteClusterHandlers) ListClusters(_ context.Context, req *operatorservice.ListClustersRequest) (*operatorservice.ListClustersResponse, error) {
	if len(req.GetNextPageToken()) > 0 {
		return nil, serviceerror.NewInvalidArgument("Invalid NextPageToken.")
	}
	return &operatorservice.ListClustersResponse{Clusters: []*operatorservice.ClusterMetadata{{
		ClusterName:            namespace.ClusterName,
		ClusterId:              h.cluster.ID,
		Address:                h.cluster.Address,
		InitialFailoverVersion: initialFailoverVersion,
		HistoryShardCount:      int32(h.cluster.Shards()),
		IsConnectionEnabled:    true,
	}}}, nil
}
