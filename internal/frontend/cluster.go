package frontend

import (
	"context"
	"maps"
	"time"

	versionpb "go.temporal.io/api/version/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/searchattribute"
)

// Cluster is what there is to say about this installation.
type Cluster struct {
	// Version is the version of Perdure and ReleaseTime when it was released.
	Version     string
	ReleaseTime time.Time
	// ID is the id of this installation, Shards its number of shards, StoreName the
	// kind of its store.
	ID        string
	Shards    func() int
	StoreName string
	// Address is the host:port of the gRPC API; empty without a port.
	Address string
}

// initialFailoverVersion is that of one cluster alone, whose failover versions are never
// used.
const initialFailoverVersion = 1

// clusterHandlers say what runs here.
type clusterHandlers struct{ cluster Cluster }

// GetSystemInfo tells clients what they can ask for. A capability is true only
// if what it promises is there: SDKs change their behaviour by it.
func (h *clusterHandlers) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{
		ServerVersion: CompatibleVersion,
		Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{
			SignalAndQueryHeader:            true,
			InternalErrorDifferentiation:    true,
			ActivityFailureIncludeHeartbeat: true,
			EncodedFailureAttributes:        true,
			UpsertMemo:                      true,
			SdkMetadata:                     true,
			// Worker versions are recorded and shown, though tasks are not routed by
			// them; it makes SDKs send build ids where older ones had checksums.
			BuildIdBasedVersioning:      true,
			EagerWorkflowStart:          true,
			SupportsSchedules:           true,
			Nexus:                       true,
			CountGroupByExecutionStatus: true,
			// Absent, because not implemented: ServerScaledDeployments.
		},
	}, nil
}

// GetClusterInfo says what runs here.
func (h *clusterHandlers) GetClusterInfo(context.Context, *workflowservice.GetClusterInfoRequest) (*workflowservice.GetClusterInfoResponse, error) {
	return &workflowservice.GetClusterInfoResponse{
		SupportedClients: maps.Clone(supportedClients),
		ServerVersion:    CompatibleVersion,
		ClusterId:        h.cluster.ID,
		ClusterName:      namespace.ClusterName,
		VersionInfo: &versionpb.VersionInfo{
			Current: &versionpb.ReleaseInfo{
				Version:     CompatibleVersion,
				ReleaseTime: timestamppb.New(h.cluster.ReleaseTime),
				Notes:       "perdure " + h.cluster.Version,
			},
		},
		HistoryShardCount:        int32(h.cluster.Shards()),
		PersistenceStore:         h.cluster.StoreName,
		InitialFailoverVersion:   initialFailoverVersion,
		FailoverVersionIncrement: 10,
	}, nil
}

// GetSearchAttributes returns what attributes there are without asking for a
// namespace: not the custom ones, but the fields they may take.
func (h *clusterHandlers) GetSearchAttributes(context.Context, *workflowservice.GetSearchAttributesRequest) (*workflowservice.GetSearchAttributesResponse, error) {
	keys := searchattribute.System()
	maps.Copy(keys, searchattribute.Fields())
	return &workflowservice.GetSearchAttributesResponse{Keys: keys}, nil
}
