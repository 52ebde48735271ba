package frontend

import (
	"context"
	"maps"

	versionpb "go.temporal.io/api/version/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/namespace"
)

// GetSystemInfo tells clients what they can ask for. A capability is true only
// if what it promises is there: SDKs change their behaviour by it.
func (s *Service) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
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
			BuildIdBasedVersioning: true,
			EagerWorkflowStart:     eagerStart,
			// Absent, because not implemented: SupportsSchedules, Nexus,
			// CountGroupByExecutionStatus, ServerScaledDeployments.
		},
	}, nil
}

// GetClusterInfo says what runs here.
func (s *Service) GetClusterInfo(context.Context, *workflowservice.GetClusterInfoRequest) (*workflowservice.GetClusterInfoResponse, error) {
	return &workflowservice.GetClusterInfoResponse{
		SupportedClients: maps.Clone(supportedClients),
		ServerVersion:    CompatibleVersion,
		ClusterId:        s.options.ClusterID,
		ClusterName:      namespace.ClusterName,
		VersionInfo: &versionpb.VersionInfo{
			Current: &versionpb.ReleaseInfo{
				Version:     CompatibleVersion,
				ReleaseTime: timestamppb.New(s.options.ReleaseTime),
				Notes:       "perdure " + s.options.Version,
			},
		},
		HistoryShardCount: int32(s.options.Shards),
		PersistenceStore:  s.options.StoreName,
		// One cluster alone, whose failover versions are never used.
		InitialFailoverVersion:   1,
		FailoverVersionIncrement: 10,
	}, nil
}
