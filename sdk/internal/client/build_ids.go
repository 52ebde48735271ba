package client

//lint:file-ignore SA1019 versioning by build ids is deprecated, and kept for the servers that have it

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// UnversionedBuildID stands, among build ids, for the workers that have none.
const UnversionedBuildID = ""

// TaskReachability says which workflows may send tasks to workers of a build.
//
// Deprecated: use BuildIDTaskReachability.
type TaskReachability int

// Values of TaskReachability.
const (
	// TaskReachabilityUnspecified is no answer, or, in a question, the server's choice.
	TaskReachabilityUnspecified = iota
	// TaskReachabilityNewWorkflows are workflows that are yet to start.
	TaskReachabilityNewWorkflows
	// TaskReachabilityExistingWorkflows are open workflows, and closed ones that may be
	// queried.
	TaskReachabilityExistingWorkflows
	// TaskReachabilityOpenWorkflows are workflows that are running.
	TaskReachabilityOpenWorkflows
	// TaskReachabilityClosedWorkflows are workflows that have closed and may be queried.
	TaskReachabilityClosedWorkflows
)

// UpdateWorkerBuildIdCompatibilityOptions are the options of
// UpdateWorkerBuildIdCompatibility.
type UpdateWorkerBuildIdCompatibilityOptions struct {
	// TaskQueue is the task queue whose version sets change. It is required.
	TaskQueue string
	// Operation is the change: [*BuildIDOpAddNewIDInNewDefaultSet],
	// [*BuildIDOpAddNewCompatibleVersion], [*BuildIDOpPromoteSet] or
	// [*BuildIDOpPromoteIDWithinSet]. It is required.
	Operation UpdateBuildIDOp
}

// UpdateBuildIDOp is a change of the version sets of a task queue.
type UpdateBuildIDOp interface {
	targetedBuildId() string
}

// BuildIDOpAddNewIDInNewDefaultSet adds a build in a set of its own, which becomes the
// default of the task queue.
type BuildIDOpAddNewIDInNewDefaultSet struct {
	// BuildID is the build to add. It must not be in any set of the task queue. It is required.
	BuildID string
}

// BuildIDOpAddNewCompatibleVersion adds a build to the set of another, as the default of
// that set.
type BuildIDOpAddNewCompatibleVersion struct {
	// BuildID is the build to add. It is required.
	BuildID string
	// ExistingCompatibleBuildID is a build that is in the set already. It is required.
	ExistingCompatibleBuildID string
	// MakeSetDefault makes the set the default of the task queue as well.
	MakeSetDefault bool
}

// BuildIDOpPromoteSet makes the set of a build the default of the task queue.
type BuildIDOpPromoteSet struct {
	// BuildID is any build of the set. It is required.
	BuildID string
}

// BuildIDOpPromoteIDWithinSet makes a build the default of its set.
type BuildIDOpPromoteIDWithinSet struct {
	// BuildID is the build that becomes the default of the set that it is in. It is required.
	BuildID string
}

func (o *BuildIDOpAddNewIDInNewDefaultSet) targetedBuildId() string { return o.BuildID }
func (o *BuildIDOpAddNewCompatibleVersion) targetedBuildId() string { return o.BuildID }
func (o *BuildIDOpPromoteSet) targetedBuildId() string              { return o.BuildID }
func (o *BuildIDOpPromoteIDWithinSet) targetedBuildId() string      { return o.BuildID }

// GetWorkerBuildIdCompatibilityOptions are the options of GetWorkerBuildIdCompatibility.
type GetWorkerBuildIdCompatibilityOptions struct {
	// TaskQueue is the task queue to ask about.
	TaskQueue string
	// MaxSets bounds the number of sets returned, the newest ones. The default, 0, is no
	// bound.
	MaxSets int
}

// WorkerBuildIDVersionSets are the version sets of a task queue.
type WorkerBuildIDVersionSets struct {
	// Sets are in order, the default one last.
	Sets []*CompatibleVersionSet
}

// Default returns the build that new workflows run on, or an empty string.
func (s *WorkerBuildIDVersionSets) Default() string {
	if len(s.Sets) == 0 {
		return ""
	}
	ids := s.Sets[len(s.Sets)-1].BuildIDs
	if len(ids) == 0 {
		return ""
	}
	return ids[len(ids)-1]
}

// CompatibleVersionSet is a set of builds that can take over workflows of one another.
type CompatibleVersionSet struct {
	// BuildIDs are in order, the default one last.
	BuildIDs []string
}

// GetWorkerTaskReachabilityOptions are the options of GetWorkerTaskReachability.
type GetWorkerTaskReachabilityOptions struct {
	// BuildIDs to ask about. UnversionedBuildID stands for workers without one.
	BuildIDs []string
	// TaskQueues to ask about. The default is all that the builds are in.
	TaskQueues []string
	// Reachability says which workflows to look for. The default is the server's choice.
	Reachability TaskReachability
}

// WorkerTaskReachability is the response of GetWorkerTaskReachability.
type WorkerTaskReachability struct {
	// BuildIDReachability is by build id.
	BuildIDReachability map[string]*BuildIDReachability
}

// BuildIDReachability says where a build may still get tasks.
type BuildIDReachability struct {
	// TaskQueueReachable is by task queue. A build that is not in use has no task queue.
	TaskQueueReachable map[string]*TaskQueueReachability
	// UnretrievedTaskQueues are those the server did not answer for, because they were too
	// many. Ask for them alone.
	UnretrievedTaskQueues []string
}

// TaskQueueReachability says which workflows may send tasks of a task queue to a build.
type TaskQueueReachability struct {
	// TaskQueueReachability is empty if none may.
	TaskQueueReachability []TaskReachability
}

// UpdateWorkerBuildIdCompatibility changes the version sets of a task queue.
func (c *Client) UpdateWorkerBuildIdCompatibility(ctx context.Context, options *UpdateWorkerBuildIdCompatibilityOptions) error {
	request, err := options.toProto()
	if err != nil {
		return err
	}
	request.Namespace = c.namespace
	_, err = c.service.UpdateWorkerBuildIdCompatibility(ctx, request)
	return err
}

func (options *UpdateWorkerBuildIdCompatibilityOptions) toProto() (*workflowservice.UpdateWorkerBuildIdCompatibilityRequest, error) {
	switch {
	case options.TaskQueue == "":
		return nil, errors.New("missing TaskQueue field")
	case options.Operation == nil:
		return nil, errors.New("missing Operation field")
	case options.Operation.targetedBuildId() == "":
		return nil, errors.New("missing Operation BuildID field")
	}
	request := &workflowservice.UpdateWorkerBuildIdCompatibilityRequest{TaskQueue: options.TaskQueue}
	switch o := options.Operation.(type) {
	case *BuildIDOpAddNewIDInNewDefaultSet:
		request.Operation = &workflowservice.UpdateWorkerBuildIdCompatibilityRequest_AddNewBuildIdInNewDefaultSet{
			AddNewBuildIdInNewDefaultSet: o.BuildID,
		}
	case *BuildIDOpAddNewCompatibleVersion:
		if o.ExistingCompatibleBuildID == "" {
			return nil, errors.New("missing ExistingCompatibleBuildID")
		}
		request.Operation = &workflowservice.UpdateWorkerBuildIdCompatibilityRequest_AddNewCompatibleBuildId{
			AddNewCompatibleBuildId: &workflowservice.UpdateWorkerBuildIdCompatibilityRequest_AddNewCompatibleVersion{
				NewBuildId:                o.BuildID,
				ExistingCompatibleBuildId: o.ExistingCompatibleBuildID,
				MakeSetDefault:            o.MakeSetDefault,
			},
		}
	case *BuildIDOpPromoteSet:
		request.Operation = &workflowservice.UpdateWorkerBuildIdCompatibilityRequest_PromoteSetByBuildId{
			PromoteSetByBuildId: o.BuildID,
		}
	case *BuildIDOpPromoteIDWithinSet:
		request.Operation = &workflowservice.UpdateWorkerBuildIdCompatibilityRequest_PromoteBuildIdWithinSet{
			PromoteBuildIdWithinSet: o.BuildID,
		}
	}
	return request, nil
}

// GetWorkerBuildIdCompatibility returns the version sets of a task queue.
func (c *Client) GetWorkerBuildIdCompatibility(ctx context.Context, options *GetWorkerBuildIdCompatibilityOptions) (*WorkerBuildIDVersionSets, error) {
	if options.MaxSets < 0 {
		return nil, errors.New("MaxSets must not be negative")
	}
	response, err := c.service.GetWorkerBuildIdCompatibility(ctx, &workflowservice.GetWorkerBuildIdCompatibilityRequest{
		Namespace: c.namespace,
		TaskQueue: options.TaskQueue,
		MaxSets:   int32(options.MaxSets),
	})
	if err != nil {
		return nil, err
	}
	sets := &WorkerBuildIDVersionSets{}
	for _, set := range response.GetMajorVersionSets() {
		sets.Sets = append(sets.Sets, &CompatibleVersionSet{BuildIDs: set.GetBuildIds()})
	}
	return sets, nil
}

// GetWorkerTaskReachability tells which builds may still get tasks, and where.
func (c *Client) GetWorkerTaskReachability(ctx context.Context, options *GetWorkerTaskReachabilityOptions) (*WorkerTaskReachability, error) {
	if _, ok := enumspb.TaskReachability_name[int32(options.Reachability)]; !ok {
		return nil, fmt.Errorf("unknown task reachability %d", options.Reachability)
	}
	response, err := c.service.GetWorkerTaskReachability(ctx, &workflowservice.GetWorkerTaskReachabilityRequest{
		Namespace:  c.namespace,
		BuildIds:   options.BuildIDs,
		TaskQueues: options.TaskQueues,
		// The numbers are the same.
		Reachability: enumspb.TaskReachability(options.Reachability),
	})
	if err != nil {
		return nil, err
	}
	reachability := &WorkerTaskReachability{BuildIDReachability: make(map[string]*BuildIDReachability)}
	for _, build := range response.GetBuildIdReachability() {
		reachability.BuildIDReachability[build.GetBuildId()] = buildIDReachabilityFromProto(build.GetTaskQueueReachability())
	}
	return reachability, nil
}

func buildIDReachabilityFromProto(queues []*taskqueuepb.TaskQueueReachability) *BuildIDReachability {
	reachability := &BuildIDReachability{TaskQueueReachable: make(map[string]*TaskQueueReachability)}
	for _, queue := range queues {
		values := queue.GetReachability()
		if len(values) == 1 && values[0] == enumspb.TASK_REACHABILITY_UNSPECIFIED {
			// How the server says that it did not look.
			reachability.UnretrievedTaskQueues = append(reachability.UnretrievedTaskQueues, queue.GetTaskQueue())
			continue
		}
		reachable := &TaskQueueReachability{TaskQueueReachability: make([]TaskReachability, len(values))}
		for i, value := range values {
			reachable.TaskQueueReachability[i] = TaskReachability(value)
		}
		reachability.TaskQueueReachable[queue.GetTaskQueue()] = reachable
	}
	return reachability
}
