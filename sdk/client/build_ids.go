package client

//lint:file-ignore SA1019 what is deprecated stays in the API

import iclient "github.com/perdure/perdure/sdk/internal/client"

// UnversionedBuildID stands, among build ids, for the workers that have none.
const UnversionedBuildID string = iclient.UnversionedBuildID

type (
	// TaskReachability says which workflows may send tasks to workers of a build.
	//
	// Deprecated: use BuildIDTaskReachability.
	TaskReachability = iclient.TaskReachability

	// UpdateWorkerBuildIdCompatibilityOptions are the options of
	// UpdateWorkerBuildIdCompatibility.
	UpdateWorkerBuildIdCompatibilityOptions = iclient.UpdateWorkerBuildIdCompatibilityOptions

	// BuildIDOpAddNewIDInNewDefaultSet adds a build in a set of its own, which becomes the
	// default of the task queue.
	BuildIDOpAddNewIDInNewDefaultSet = iclient.BuildIDOpAddNewIDInNewDefaultSet

	// BuildIDOpAddNewCompatibleVersion adds a build to the set of another, as the default of
	// that set.
	BuildIDOpAddNewCompatibleVersion = iclient.BuildIDOpAddNewCompatibleVersion

	// BuildIDOpPromoteSet makes the set of a build the default of the task queue.
	BuildIDOpPromoteSet = iclient.BuildIDOpPromoteSet

	// BuildIDOpPromoteIDWithinSet makes a build the default of its set.
	BuildIDOpPromoteIDWithinSet = iclient.BuildIDOpPromoteIDWithinSet

	// GetWorkerBuildIdCompatibilityOptions are the options of GetWorkerBuildIdCompatibility.
	GetWorkerBuildIdCompatibilityOptions = iclient.GetWorkerBuildIdCompatibilityOptions

	// WorkerBuildIDVersionSets are the version sets of a task queue.
	WorkerBuildIDVersionSets = iclient.WorkerBuildIDVersionSets

	// GetWorkerTaskReachabilityOptions are the options of GetWorkerTaskReachability.
	GetWorkerTaskReachabilityOptions = iclient.GetWorkerTaskReachabilityOptions

	// WorkerTaskReachability is the response of GetWorkerTaskReachability.
	WorkerTaskReachability = iclient.WorkerTaskReachability

	// BuildIDReachability says where a build may still get tasks.
	BuildIDReachability = iclient.BuildIDReachability

	// TaskQueueReachability says which workflows may send tasks of a task queue to a build.
	TaskQueueReachability = iclient.TaskQueueReachability
)

const (
	// TaskReachabilityUnspecified is no answer, or, in a question, the server's choice.
	TaskReachabilityUnspecified = iclient.TaskReachabilityUnspecified
	// TaskReachabilityNewWorkflows are workflows that are yet to start.
	TaskReachabilityNewWorkflows = iclient.TaskReachabilityNewWorkflows
	// TaskReachabilityExistingWorkflows are open workflows, and closed ones that may be
	// queried.
	TaskReachabilityExistingWorkflows = iclient.TaskReachabilityExistingWorkflows
	// TaskReachabilityOpenWorkflows are workflows that are running.
	TaskReachabilityOpenWorkflows = iclient.TaskReachabilityOpenWorkflows
	// TaskReachabilityClosedWorkflows are workflows that have closed and may be queried.
	TaskReachabilityClosedWorkflows = iclient.TaskReachabilityClosedWorkflows
)
