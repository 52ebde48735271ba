package frontend

import (
	"context"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	replicationpb "go.temporal.io/api/replication/v1"
	"go.temporal.io/api/workflowservice/v1"

	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/namespace"
)

// namespaceHandlers make, change and describe namespaces.
type namespaceHandlers struct{ namespaces *namespace.Registry }

// RegisterNamespace adds a namespace, which can be used as soon as this returns.
func (h *namespaceHandlers) RegisterNamespace(ctx context.Context, req *workflowservice.RegisterNamespaceRequest) (*workflowservice.RegisterNamespaceResponse, error) {
	if err := h.namespaces.Register(ctx, req); err != nil {
		return nil, err
	}
	return &workflowservice.RegisterNamespaceResponse{}, nil
}

// DescribeNamespace describes a namespace, given by name or by id.
func (h *namespaceHandlers) DescribeNamespace(ctx context.Context, _ *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
	return describeNamespace(ctx, callOf(ctx).namespace), nil
}

// ListNamespaces describes all namespaces, in pages by name.
func (h *namespaceHandlers) ListNamespaces(ctx context.Context, req *workflowservice.ListNamespacesRequest) (*workflowservice.ListNamespacesResponse, error) {
	size := int(req.GetPageSize())
	if size <= 0 {
		size = defaultNamespacePage
	}
	size = min(size, maxNamespacePage)
	after, err := tokens.DecodeNamespaces(req.GetNextPageToken())
	if err != nil {
		return nil, err
	}
	// One more than the page tells whether there is another.
	found := h.namespaces.List(after, size+1, req.GetNamespaceFilter().GetIncludeDeleted())
	resp := new(workflowservice.ListNamespacesResponse)
	if len(found) > size {
		found = found[:size]
		resp.NextPageToken = tokens.EncodeNamespaces(found[size-1].Name)
	}
	for _, ns := range found {
		resp.Namespaces = append(resp.Namespaces, describeNamespace(ctx, ns))
	}
	return resp, nil
}

// UpdateNamespace changes what the request sets.
func (h *namespaceHandlers) UpdateNamespace(ctx context.Context, req *workflowservice.UpdateNamespaceRequest) (*workflowservice.UpdateNamespaceResponse, error) {
	ns, err := h.namespaces.Update(ctx, req)
	if err != nil {
		return nil, err
	}
	d := describeNamespace(ctx, ns)
	return &workflowservice.UpdateNamespaceResponse{
		NamespaceInfo:     d.NamespaceInfo,
		Config:            d.Config,
		ReplicationConfig: d.ReplicationConfig,
	}, nil
}

// DeprecateNamespace makes a namespace refuse new workflows.
func (h *namespaceHandlers) DeprecateNamespace(ctx context.Context, req *workflowservice.DeprecateNamespaceRequest) (*workflowservice.DeprecateNamespaceResponse, error) {
	if err := h.namespaces.Deprecate(ctx, req.GetNamespace()); err != nil {
		return nil, err
	}
	return &workflowservice.DeprecateNamespaceResponse{}, nil
}

// describeNamespace says what there is to know of a namespace. Its capabilities and
// limits are what its settings are now: SDKs change their behaviour by them.
func describeNamespace(ctx context.Context, ns *namespace.Namespace) *workflowservice.DescribeNamespaceResponse {
	settings := callOf(ctx).settings
	limits := settings.limits.Get(func() string { return ns.Name })
	activities := dynamicconfig.StandaloneActivities.Get(settings.config, ns.Name)
	bad := make(map[string]*namespacepb.BadBinaryInfo, len(ns.BadBinaries))
	for checksum, b := range ns.BadBinaries {
		bad[checksum] = &namespacepb.BadBinaryInfo{Reason: b.Reason, Operator: b.Operator, CreateTime: timestamppb.New(b.Created)}
	}
	return &workflowservice.DescribeNamespaceResponse{
		NamespaceInfo: &namespacepb.NamespaceInfo{
			Name:              ns.Name,
			State:             ns.State,
			Description:       ns.Description,
			OwnerEmail:        ns.OwnerEmail,
			Data:              ns.Data,
			Id:                ns.ID,
			SupportsSchedules: dynamicconfig.Schedules.Get(settings.config, ns.Name),
			// As in GetSystemInfo: what is not set is not there.
			Capabilities: &namespacepb.NamespaceInfo_Capabilities{
				EagerWorkflowStart:                 dynamicconfig.EagerWorkflowStart.Get(settings.config, ns.Name),
				SyncUpdate:                         dynamicconfig.Updates.Get(settings.config, ns.Name),
				AsyncUpdate:                        dynamicconfig.UpdatesAccepted.Get(settings.config, ns.Name),
				ReportedProblemsSearchAttribute:    dynamicconfig.ReportedProblems.Get(settings.config, ns.Name) > 0,
				WorkflowPause:                      dynamicconfig.WorkflowPause.Get(settings.config, ns.Name),
				StandaloneActivities:               activities,
				StandaloneActivityStartDelay:       activities && dynamicconfig.ActivityStartDelay.Get(settings.config, ns.Name),
				StandaloneActivityBatchOperations:  activities && dynamicconfig.BatchesOfActivities.Get(settings.config, ns.Name),
				StandaloneActivityOperatorCommands: activities && dynamicconfig.ActivityOperators.Get(settings.config, ns.Name),
				// Workers that stop wait for the replies to their polls, which
				// ShutdownWorker brings about, so that no task gets lost on the way.
				WorkerPollCompleteOnShutdown:     dynamicconfig.CancelPollsOnShutdown.Get(settings.config, ns.Name),
				WorkerCommands:                   dynamicconfig.WorkerCommands.Get(settings.config, ns.Name),
				WorkerHeartbeats:                 dynamicconfig.WorkerHeartbeats.Get(settings.config, ns.Name),
				PollerAutoscaling:                true,
				PollerAutoscalingAutoEnroll:      dynamicconfig.AutoscalePollers.Get(settings.config, ns.Name),
				StandaloneNexusOperation:         dynamicconfig.StandaloneNexus.Get(settings.config, ns.Name),
				WorkflowUpdateCallbacks:          dynamicconfig.UpdateCallbacks.Get(settings.config, ns.Name),
				WorkflowTaskCompletionPagination: dynamicconfig.PagedCompletions.Get(settings.config, ns.Name),
			},
			Limits: &namespacepb.NamespaceInfo_Limits{
				BlobSizeLimitError:                   int64(limits.Blob),
				MemoSizeLimitError:                   int64(limits.Memo),
				WorkflowTaskCompletionSizeLimitError: int64(dynamicconfig.TaskPagesSize.Get(settings.config, ns.Name)),
			},
		},
		Config: &namespacepb.NamespaceConfig{
			WorkflowExecutionRetentionTtl: durationpb.New(ns.Retention),
			BadBinaries:                   &namespacepb.BadBinaries{Binaries: bad},
			HistoryArchivalState:          enumspb.ARCHIVAL_STATE_DISABLED,
			VisibilityArchivalState:       enumspb.ARCHIVAL_STATE_DISABLED,
			CustomSearchAttributeAliases:  ns.SearchAttributeAliases,
		},
		ReplicationConfig: &replicationpb.NamespaceReplicationConfig{
			ActiveClusterName: namespace.ClusterName,
			Clusters:          []*replicationpb.ClusterReplicationConfig{{ClusterName: namespace.ClusterName}},
			State:             enumspb.REPLICATION_STATE_NORMAL,
		},
	}
}
