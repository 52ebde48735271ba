package client

//lint:file-ignore SA1019 parts of the description are deprecated, and the API keeps them

import (
	"context"
	"errors"
	"fmt"

	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/policy"
)

// DescribeTaskQueue returns the workers that have polled a task queue lately.
func (c *Client) DescribeTaskQueue(ctx context.Context, taskQueue string, taskQueueType enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	return c.service.DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace:     c.namespace,
		TaskQueue:     &taskqueuepb.TaskQueue{Name: taskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		TaskQueueType: taskQueueType,
	})
}

// errNotEnhanced says that the server described the task queue as DescribeTaskQueue does.
var errNotEnhanced = errors.New("server does not support `DescribeTaskQueueEnhanced`")

// DescribeTaskQueueEnhanced describes a task queue by builds and types of tasks.
func (c *Client) DescribeTaskQueueEnhanced(ctx context.Context, options DescribeTaskQueueEnhancedOptions) (TaskQueueDescription, error) {
	request, err := options.toProto()
	if err != nil {
		return TaskQueueDescription{}, err
	}
	request.Namespace = c.namespace
	response, err := c.service.DescribeTaskQueue(ctx, request)
	if err != nil {
		return TaskQueueDescription{}, err
	}
	if len(response.GetVersionsInfo()) == 0 && (len(response.GetPollers()) > 0 || response.GetTaskQueueStatus() != nil) {
		return TaskQueueDescription{}, errNotEnhanced
	}
	description := TaskQueueDescription{
		VersionsInfo:   make(map[string]TaskQueueVersionInfo, len(response.GetVersionsInfo())),
		VersioningInfo: taskQueueVersioningFromProto(response.GetVersioningInfo()),
	}
	for buildID, info := range response.GetVersionsInfo() {
		description.VersionsInfo[buildID] = taskQueueVersionFromProto(info)
	}
	return description, nil
}

func (options DescribeTaskQueueEnhancedOptions) toProto() (*workflowservice.DescribeTaskQueueRequest, error) {
	if options.TaskQueue == "" {
		return nil, errors.New("missing task queue field")
	}
	request := &workflowservice.DescribeTaskQueueRequest{
		TaskQueue:              &taskqueuepb.TaskQueue{Name: options.TaskQueue},
		ApiMode:                enumspb.DESCRIBE_TASK_QUEUE_MODE_ENHANCED,
		ReportPollers:          options.ReportPollers,
		ReportTaskReachability: options.ReportTaskReachability,
		ReportStats:            options.ReportStats,
	}
	for _, t := range options.TaskQueueTypes {
		// The numbers are the same.
		if _, ok := enumspb.TaskQueueType_name[int32(t)]; !ok {
			return nil, fmt.Errorf("unknown task queue type %d", t)
		}
		request.TaskQueueTypes = append(request.TaskQueueTypes, enumspb.TaskQueueType(t))
	}
	if v := options.Versions; v != nil {
		request.Versions = &taskqueuepb.TaskQueueVersionSelection{
			BuildIds:    v.BuildIDs,
			Unversioned: v.Unversioned,
			AllActive:   v.AllActive,
		}
	}
	return request, nil
}

func taskQueueVersionFromProto(p *taskqueuepb.TaskQueueVersionInfo) TaskQueueVersionInfo {
	info := TaskQueueVersionInfo{
		TypesInfo:        make(map[TaskQueueType]TaskQueueTypeInfo, len(p.GetTypesInfo())),
		TaskReachability: BuildIDTaskReachability(p.GetTaskReachability()),
	}
	for t, typeInfo := range p.GetTypesInfo() {
		info.TypesInfo[TaskQueueType(t)] = taskQueueTypeFromProto(typeInfo)
	}
	return info
}

func taskQueueTypeFromProto(p *taskqueuepb.TaskQueueTypeInfo) TaskQueueTypeInfo {
	info := TaskQueueTypeInfo{Pollers: make([]TaskQueuePollerInfo, 0, len(p.GetPollers()))}
	for _, poller := range p.GetPollers() {
		info.Pollers = append(info.Pollers, pollerFromProto(poller))
	}
	if stats := p.GetStats(); stats != nil {
		info.Stats = &TaskQueueStats{
			ApproximateBacklogCount: stats.GetApproximateBacklogCount(),
			ApproximateBacklogAge:   stats.GetApproximateBacklogAge().AsDuration(),
			BacklogIncreaseRate:     stats.GetTasksAddRate() - stats.GetTasksDispatchRate(),
			TasksAddRate:            stats.GetTasksAddRate(),
			TasksDispatchRate:       stats.GetTasksDispatchRate(),
		}
	}
	return info
}

func pollerFromProto(p *taskqueuepb.PollerInfo) TaskQueuePollerInfo {
	info := TaskQueuePollerInfo{
		LastAccessTime: timeOrZero(p.GetLastAccessTime()),
		Identity:       p.GetIdentity(),
		RatePerSecond:  p.GetRatePerSecond(),
	}
	if capabilities := p.GetWorkerVersionCapabilities(); capabilities != nil {
		info.WorkerVersionCapabilities = &WorkerVersionCapabilities{
			BuildID:              capabilities.GetBuildId(),
			UseVersioning:        capabilities.GetUseVersioning(),
			DeploymentSeriesName: capabilities.GetDeploymentSeriesName(),
		}
	}
	if options := p.GetDeploymentOptions(); options != nil {
		info.WorkerDeploymentPollerOptions = &WorkerDeploymentPollerOptions{
			DeploymentName:       options.GetDeploymentName(),
			BuildID:              options.GetBuildId(),
			WorkerVersioningMode: WorkerVersioningMode(options.GetWorkerVersioningMode()),
		}
	}
	return info
}

func taskQueueVersioningFromProto(p *taskqueuepb.TaskQueueVersioningInfo) *TaskQueueVersioningInfo {
	if p == nil {
		return nil
	}
	return &TaskQueueVersioningInfo{
		CurrentVersion:           optionalVersion(p.GetCurrentDeploymentVersion(), p.GetCurrentVersion()),
		RampingVersion:           optionalVersion(p.GetRampingDeploymentVersion(), p.GetRampingVersion()),
		RampingVersionPercentage: p.GetRampingVersionPercentage(),
		UpdateTime:               p.GetUpdateTime().AsTime(),
	}
}

// optionalVersion returns the version of p or, from an older server, of canonical; nil if
// neither is there.
func optionalVersion(p *deploymentpb.WorkerDeploymentVersion, canonical string) *policy.WorkerDeploymentVersion {
	if p != nil {
		version := policy.WorkerDeploymentVersionFromProto(p)
		return &version
	}
	return policy.ParseWorkerDeploymentVersion(canonical)
}
