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

// DescribeTaskQueue tells who polls a queue, what waits in it, and how it is
// configured.
func (h *taskQueueHandlers) DescribeTaskQueue(ctx context.Context, req *workflowservice.DescribeTaskQueueRequest) (*workflowservice.DescribeTaskQueueResponse, error) {
	//lint:ignore SA1019 older clients use it
	enhanced := req.GetApiMode() == enumspb.DESCRIBE_TASK_QUEUE_MODE_ENHANCED
	partition, err := 0, error(nil)
	if enhanced {
		err = limitsOf(ctx).CheckTaskQueue(req.GetTaskQueue())
	} else {
		partition, err = limitsOf(ctx).CheckTaskQueuePartition(req.GetTaskQueue())
	}
	if err != nil {
		return nil, err
	}
	//lint:ignore SA1019 older clients use it
	if err := check.ReachabilityOf(req.GetReportTaskReachability(), req.GetVersions().GetBuildIds()); err != nil {
		return nil, err
	}
	if enhanced {
		return h.describeTaskQueueByVersion(ctx, req)
	}
	kind := req.GetTaskQueue().GetKind()
	if req.GetReportStats() && (partition > 0 || kind == enumspb.TASK_QUEUE_KIND_STICKY) {
		return nil, serviceerror.NewInvalidArgument("DescribeTaskQueue stats are only supported for the root partition")
	}
	queueType := req.GetTaskQueueType()
	if queueType == enumspb.TASK_QUEUE_TYPE_UNSPECIFIED {
		queueType = enumspb.TASK_QUEUE_TYPE_WORKFLOW
	}
	var d matching.Description
	if partition == 0 { // there are no others
		if d, err = h.describeQueue(ctx, req.GetTaskQueue(), queueType); err != nil {
			return nil, err
		}
	}
	resp := &workflowservice.DescribeTaskQueueResponse{
		Pollers:            pollerInfos(d.Pollers),
		EffectiveRateLimit: effectiveRate(d),
	}
	if kind != enumspb.TASK_QUEUE_KIND_STICKY {
		resp.VersioningInfo = versioningInfo(d.Routes)
	}
	if req.GetReportStats() {
		resp.Stats = queueStats(d, d.Total())
		resp.StatsByPriorityKey = make(map[int32]*taskqueuepb.TaskQueueStats, len(d.Stats))
		for priority, stats := range d.Stats {
			resp.StatsByPriorityKey[priority] = queueStats(d, stats)
		}
	}
	if req.GetReportConfig() {
		if resp.Config, err = h.config(ctx, req.GetTaskQueue().GetName(), queueType); err != nil {
			return nil, err
		}
	}
	//lint:ignore SA1019 older clients use it
	if req.GetIncludeTaskQueueStatus() {
		//lint:ignore SA1019 older clients use it
		resp.TaskQueueStatus = &taskqueuepb.TaskQueueStatus{BacklogCountHint: d.Total().BacklogCount, RatePerSecond: d.Rate}
	}
	return resp, nil
}

func (h *taskQueueHandlers) describeQueue(ctx context.Context, queue *taskqueuepb.TaskQueue, queueType enumspb.TaskQueueType) (d matching.Description, err error) {
	t, ok := taskqueue.TaskType(queueType)
	if !ok {
		return d, nil // nobody polls a queue of another type, and nothing waits there
	}
	q, sticky := entity.Queue{Namespace: callOf(ctx).namespace.ID, Type: t, Name: queue.GetName()}, ""
	if queue.GetKind() == enumspb.TASK_QUEUE_KIND_STICKY {
		q.Name, sticky = queue.GetNormalName(), queue.GetName()
	}
	return h.matching.Describe(ctx, q, sticky)
}

func pollerInfos(pollers []matching.Poller) []*taskqueuepb.PollerInfo {
	infos := make([]*taskqueuepb.PollerInfo, 0, len(pollers))
	for _, p := range pollers {
		info := &taskqueuepb.PollerInfo{
			Identity:       p.Identity,
			LastAccessTime: timestamppb.New(p.LastAccess),
			RatePerSecond:  matching.SystemRate,
			//lint:ignore SA1019 older clients use it
			WorkerVersionCapabilities: p.Capabilities,
			DeploymentOptions:         p.Deployment,
		}
		if p.Rate != nil {
			info.RatePerSecond = *p.Rate
		}
		infos = append(infos, info)
	}
	return infos
}

func queueStats(d matching.Description, s matching.Stats) *taskqueuepb.TaskQueueStats {
	return &taskqueuepb.TaskQueueStats{
		ApproximateBacklogCount: s.BacklogCount,
		ApproximateBacklogAge:   durationpb.New(s.BacklogAge),
		TasksAddRate:            s.AddRate,
		TasksDispatchRate:       s.DispatchRate,
		RateLimitingActive:      d.RateLimited,
	}
}

// effectiveRate is the limit that a queue keeps to, and who has set it.
func effectiveRate(d matching.Description) *workflowservice.DescribeTaskQueueResponse_EffectiveRateLimit {
	source := enumspb.RATE_LIMIT_SOURCE_SYSTEM
	switch d.RateSource {
	case matching.LimitByWorker:
		source = enumspb.RATE_LIMIT_SOURCE_WORKER
	case matching.LimitByConfig:
		source = enumspb.RATE_LIMIT_SOURCE_API
	}
	return &workflowservice.DescribeTaskQueueResponse_EffectiveRateLimit{RequestsPerSecond: float32(d.Rate), RateLimitSource: source}
}
