package frontend

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/matching"
)

// versioningInfo tells to which versions of workers the tasks of a queue go.
func versioningInfo(routes *deployment.Routes) *taskqueuepb.TaskQueueVersioningInfo {
	if routes == nil {
		routes = new(deployment.Routes)
	}
	changed := routes.Current.Changed
	info := &taskqueuepb.TaskQueueVersioningInfo{
		CurrentDeploymentVersion: routes.Current.Version.Proto(),
		//lint:ignore SA1019 older clients use it
		CurrentVersion: routes.Current.Version.Old(),
	}
	if routes.Ramps {
		info.RampingDeploymentVersion, info.RampingVersionPercentage = routes.Ramping.Version.Proto(), routes.Percentage
		//lint:ignore SA1019 older clients use it
		info.RampingVersion = routes.Ramping.Version.Old()
		if routes.Ramping.Changed.After(changed) {
			changed = routes.Ramping.Changed
		}
	}
	if changed.Unix() <= 0 {
		changed = time.Time{} // it has never been another
	}
	info.UpdateTime = timestamppb.New(changed)
	return info
}

// describeTaskQueueByVersion answers the form of the request that reports by version: of
// worker deployments, written as older or as newer clients write them, or build ids without
// one, of which there is nothing and which cannot be reached.
func (h *taskQueueHandlers) describeTaskQueueByVersion(ctx context.Context, req *workflowservice.DescribeTaskQueueRequest) (*workflowservice.DescribeTaskQueueResponse, error) {
	if req.GetTaskQueue().GetKind() == enumspb.TASK_QUEUE_KIND_STICKY {
		return nil, serviceerror.NewInvalidArgument("Enhanced DescribeTaskQueue is not valid for a sticky queue, use api_mode=UNSPECIFIED or a normal queue.")
	}
	//lint:ignore SA1019 older clients use it
	types := req.GetTaskQueueTypes()
	if len(types) == 0 {
		types = []enumspb.TaskQueueType{enumspb.TASK_QUEUE_TYPE_WORKFLOW, enumspb.TASK_QUEUE_TYPE_ACTIVITY}
	}
	queues := make(map[enumspb.TaskQueueType]matching.Description, len(types))
	for _, queueType := range types {
		var err error
		if queues[queueType], err = h.describeQueue(ctx, req.GetTaskQueue(), queueType); err != nil {
			return nil, err
		}
	}
	infos := make(map[string]*taskqueuepb.TaskQueueVersionInfo)
	//lint:ignore SA1019 older clients use it
	for name, part := range selectedVersions(req.GetVersions(), queues) {
		info := &taskqueuepb.TaskQueueVersionInfo{TypesInfo: make(map[int32]*taskqueuepb.TaskQueueTypeInfo, len(queues))}
		//lint:ignore SA1019 older clients use it
		if req.GetReportTaskReachability() {
			info.TaskReachability = reachability(part, queues)
		}
		for queueType, queue := range queues {
			d, typeInfo := part.of(queue), new(taskqueuepb.TaskQueueTypeInfo)
			//lint:ignore SA1019 older clients use it
			if req.GetReportPollers() {
				typeInfo.Pollers = pollerInfos(d.Pollers)
			}
			if req.GetReportStats() {
				typeInfo.Stats = queueStats(d, d.Total())
			}
			info.TypesInfo[int32(queueType)] = typeInfo
		}
		infos[name] = info
	}
	return &workflowservice.DescribeTaskQueueResponse{
		//lint:ignore SA1019 older clients use it
		VersionsInfo: infos,
	}, nil
}

// queuePart is what of a queue belongs to a version: the zero version is workers without
// one. Of one that is unknown there is nothing.
type queuePart struct {
	version deployment.Version
	unknown bool
}

// of describes the part of the queue.
func (p queuePart) of(queue matching.Description) matching.Description {
	if p.unknown {
		return matching.Description{}
	}
	return queue.Of(p.version.String())
}

// selectedVersions are the parts that are asked for, by the names that the response gives
// them: the versions that are named, workers without versions if they are asked for or
// nothing else is, and all versions that have pollers or tasks.
func selectedVersions(selection *taskqueuepb.TaskQueueVersionSelection, queues map[enumspb.TaskQueueType]matching.Description) map[string]queuePart {
	parts := make(map[string]queuePart)
	if selection == nil || selection.GetUnversioned() || selection.GetAllActive() {
		parts[""] = queuePart{}
	}
	for _, name := range selection.GetBuildIds() {
		v, err := deployment.Parse(name)
		if err != nil {
			parts[name] = queuePart{unknown: name != ""}
			continue
		}
		parts[v.String()] = queuePart{version: v}
	}
	if selection.GetAllActive() {
		for _, queue := range queues {
			for _, name := range queue.Routes.Parts() {
				if d := queue.Of(name); len(d.Pollers) > 0 || d.Total().BacklogCount > 0 {
					parts[name] = queuePart{version: deployment.FromString(name)}
				}
			}
		}
	}
	return parts
}

// reachability tells whether tasks may still go to a part: by what is known of its version,
// and by what waits for it.
func reachability(part queuePart, queues map[enumspb.TaskQueueType]matching.Description) enumspb.BuildIdTaskReachability {
	if part.unknown {
		return enumspb.BUILD_ID_TASK_REACHABILITY_UNREACHABLE
	}
	if part.version.IsZero() {
		return enumspb.BUILD_ID_TASK_REACHABILITY_REACHABLE
	}
	found := enumspb.BUILD_ID_TASK_REACHABILITY_UNREACHABLE
	for _, queue := range queues {
		if part.of(queue).Total().BacklogCount > 0 {
			return enumspb.BUILD_ID_TASK_REACHABILITY_REACHABLE
		}
		if !queue.Routes.Has(part.version) {
			continue
		}
		switch queue.Routes.Members[part.version] {
		case enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT, enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_RAMPING, enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING:
			return enumspb.BUILD_ID_TASK_REACHABILITY_REACHABLE
		case enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED:
			found = enumspb.BUILD_ID_TASK_REACHABILITY_CLOSED_WORKFLOWS_ONLY
		}
	}
	return found
}
