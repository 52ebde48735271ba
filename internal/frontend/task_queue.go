package frontend

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/taskqueue"
)

// taskQueueHandlers describe and configure task queues.
type taskQueueHandlers struct {
	runtime interface {
		stepper
		viewer
	}
	matching interface {
		// Describe describes a queue, or the sticky queue of that name.
		Describe(ctx context.Context, queue entity.Queue, sticky string) (matching.Description, error)
		// Configured says that the configuration of a queue has changed.
		Configured(queue entity.Queue)
	}
}

// DescribeTaskQueue tells who polls a queue and what waits in it.
func (h *taskQueueHandlers) DescribeTaskQueue(ctx context.Context, req *workflowservice.DescribeTaskQueueRequest) (*workflowservice.DescribeTaskQueueResponse, error) {
	if err := check.TaskQueue(req.GetTaskQueue()); err != nil {
		return nil, err
	}
	//lint:ignore SA1019 older clients use it
	if req.GetApiMode() == enumspb.DESCRIBE_TASK_QUEUE_MODE_ENHANCED {
		return h.describeTaskQueueByVersion(ctx, req)
	}
	queueType := req.GetTaskQueueType()
	if queueType == enumspb.TASK_QUEUE_TYPE_UNSPECIFIED {
		queueType = enumspb.TASK_QUEUE_TYPE_WORKFLOW
	}
	pollers, stats, err := h.describeQueue(ctx, req.GetTaskQueue(), queueType)
	if err != nil {
		return nil, err
	}
	resp := &workflowservice.DescribeTaskQueueResponse{Pollers: pollers}
	if req.GetReportStats() {
		resp.Stats = stats
	}
	if req.GetReportConfig() {
		if resp.Config, err = h.config(ctx, req.GetTaskQueue().GetName(), queueType); err != nil {
			return nil, err
		}
	}
	//lint:ignore SA1019 older clients use it
	if req.GetIncludeTaskQueueStatus() {
		//lint:ignore SA1019 older clients use it
		resp.TaskQueueStatus = &taskqueuepb.TaskQueueStatus{BacklogCountHint: stats.ApproximateBacklogCount}
	}
	return resp, nil
}

// describeTaskQueueByVersion answers the form of the request that reports by
// build id. There is one here: that of workers without versioning.
func (h *taskQueueHandlers) describeTaskQueueByVersion(ctx context.Context, req *workflowservice.DescribeTaskQueueRequest) (*workflowservice.DescribeTaskQueueResponse, error) {
	if req.GetTaskQueue().GetKind() == enumspb.TASK_QUEUE_KIND_STICKY {
		return nil, serviceerror.NewInvalidArgumentf("Enhanced DescribeTaskQueue is not valid for a sticky queue, use api_mode=UNSPECIFIED or a normal queue.")
	}
	//lint:ignore SA1019 older clients use it
	types, reportPollers := req.GetTaskQueueTypes(), req.GetReportPollers()
	if len(types) == 0 {
		types = []enumspb.TaskQueueType{enumspb.TASK_QUEUE_TYPE_WORKFLOW, enumspb.TASK_QUEUE_TYPE_ACTIVITY}
	}
	info := &taskqueuepb.TaskQueueVersionInfo{TypesInfo: make(map[int32]*taskqueuepb.TaskQueueTypeInfo)}
	for _, queueType := range types {
		pollers, stats, err := h.describeQueue(ctx, req.GetTaskQueue(), queueType)
		if err != nil {
			return nil, err
		}
		typeInfo := new(taskqueuepb.TaskQueueTypeInfo)
		if reportPollers {
			typeInfo.Pollers = pollers
		}
		if req.GetReportStats() {
			typeInfo.Stats = stats
		}
		info.TypesInfo[int32(queueType)] = typeInfo
	}
	return &workflowservice.DescribeTaskQueueResponse{
		//lint:ignore SA1019 older clients use it
		VersionsInfo: map[string]*taskqueuepb.TaskQueueVersionInfo{"": info},
	}, nil
}

func (h *taskQueueHandlers) describeQueue(ctx context.Context, queue *taskqueuepb.TaskQueue, queueType enumspb.TaskQueueType) ([]*taskqueuepb.PollerInfo, *taskqueuepb.TaskQueueStats, error) {
	q := entity.Queue{Namespace: callOf(ctx).namespace.ID, Name: queue.GetName()}
	sticky := ""
	switch {
	case queueType == enumspb.TASK_QUEUE_TYPE_WORKFLOW && queue.GetKind() == enumspb.TASK_QUEUE_KIND_STICKY:
		q.Type, q.Name, sticky = entity.TaskWorkflow, queue.GetNormalName(), queue.GetName()
	case queueType == enumspb.TASK_QUEUE_TYPE_WORKFLOW:
		q.Type = entity.TaskWorkflow
	case queueType == enumspb.TASK_QUEUE_TYPE_ACTIVITY:
		q.Type = entity.TaskActivity
	default:
		// Nobody polls a queue of another type, and nothing waits there.
		return nil, &taskqueuepb.TaskQueueStats{}, nil
	}
	d, err := h.matching.Describe(ctx, q, sticky)
	if err != nil {
		return nil, nil, err
	}
	pollers := make([]*taskqueuepb.PollerInfo, 0, len(d.Pollers))
	for _, p := range d.Pollers {
		pollers = append(pollers, &taskqueuepb.PollerInfo{
			Identity:       p.Identity,
			LastAccessTime: timestamppb.New(p.LastAccess),
		})
	}
	return pollers, queueStats(d.Total()), nil
}

func queueStats(s matching.Stats) *taskqueuepb.TaskQueueStats {
	return &taskqueuepb.TaskQueueStats{
		ApproximateBacklogCount: s.BacklogCount,
		ApproximateBacklogAge:   durationpb.New(s.BacklogAge),
	}
}

// ListTaskQueuePartitions says what a queue is made of: one part, here.
func (h *taskQueueHandlers) ListTaskQueuePartitions(_ context.Context, req *workflowservice.ListTaskQueuePartitionsRequest) (*workflowservice.ListTaskQueuePartitionsResponse, error) {
	if err := check.TaskQueue(req.GetTaskQueue()); err != nil {
		return nil, err
	}
	only := []*taskqueuepb.TaskQueuePartitionMetadata{{Key: req.GetTaskQueue().GetName()}}
	return &workflowservice.ListTaskQueuePartitionsResponse{
		ActivityTaskQueuePartitions: only,
		WorkflowTaskQueuePartitions: only,
	}, nil
}

// UpdateTaskQueueConfig changes the rate limits and the fairness weights of a task
// queue. They hold when it returns.
func (h *taskQueueHandlers) UpdateTaskQueueConfig(ctx context.Context, req *workflowservice.UpdateTaskQueueConfigRequest) (*workflowservice.UpdateTaskQueueConfigResponse, error) {
	if err := checkConfigUpdate(req); err != nil {
		return nil, err
	}
	resp := new(workflowservice.UpdateTaskQueueConfigResponse)
	err := h.runtime.Step(ctx, keyOf(ctx, entity.KindTaskQueue, req.GetTaskQueue()), func(step *entity.Step, e entity.Entity) (err error) {
		resp.Config, err = e.(*taskqueue.Config).Update(step, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	if t, ok := taskqueue.TaskType(req.GetTaskQueueType()); ok {
		h.matching.Configured(entity.Queue{Namespace: callOf(ctx).namespace.ID, Type: t, Name: req.GetTaskQueue()})
	}
	return resp, nil
}

// config reads what is configured of a type of a queue; nil if nothing is.
func (h *taskQueueHandlers) config(ctx context.Context, name string, queueType enumspb.TaskQueueType) (config *taskqueuepb.TaskQueueConfig, err error) {
	err = h.runtime.View(ctx, keyOf(ctx, entity.KindTaskQueue, name), func(e entity.Entity, _ entity.View) error {
		config = e.(*taskqueue.Config).Of(queueType)
		return nil
	})
	return config, err
}

func checkConfigUpdate(req *workflowservice.UpdateTaskQueueConfigRequest) error {
	if err := check.TaskQueueName(req.GetTaskQueue()); err != nil {
		return err
	}
	if _, known := enumspb.TaskQueueType_name[int32(req.GetTaskQueueType())]; !known || req.GetTaskQueueType() == enumspb.TASK_QUEUE_TYPE_UNSPECIFIED {
		return serviceerror.NewInvalidArgument("TaskQueueType is not set on request.")
	}
	if req.GetUpdateQueueConcurrencyLimit() != nil {
		return errConcurrencyLimit
	}
	if req.GetTaskQueueType() == enumspb.TASK_QUEUE_TYPE_WORKFLOW {
		if req.GetUpdateQueueRateLimit().GetRateLimit() != nil {
			return serviceerror.NewInvalidArgument("Setting rate limit on workflow task queues is not allowed.")
		}
		if req.GetUpdateFairnessKeyRateLimitDefault().GetRateLimit() != nil {
			return serviceerror.NewInvalidArgument("Setting fairness key rate limit on workflow task queues is not allowed.")
		}
	}
	if err := checkRateUpdate("UpdateQueueRateLimit", req.GetUpdateQueueRateLimit()); err != nil {
		return err
	}
	if err := checkRateUpdate("UpdateFairnessKeyRateLimitDefault", req.GetUpdateFairnessKeyRateLimitDefault()); err != nil {
		return err
	}
	if err := check.Identity(req.GetIdentity()); err != nil {
		return err
	}
	return check.FairnessWeightOverrides(req.GetSetFairnessWeightOverrides(), req.GetUnsetFairnessWeightOverrides())
}

func checkRateUpdate(label string, update *workflowservice.UpdateTaskQueueConfigRequest_RateLimitUpdate) error {
	if err := check.Rate(label, update.GetRateLimit().GetRequestsPerSecond()); err != nil {
		return err
	}
	return check.Reason(label+".Reason", update.GetReason())
}
