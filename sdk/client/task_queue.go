package client

//lint:file-ignore SA1019 what is deprecated stays in the API

import iclient "github.com/perdure/perdure/sdk/internal/client"

type (
	// TaskQueueType is what kind of tasks a task queue has.
	TaskQueueType = iclient.TaskQueueType

	// BuildIDTaskReachability says which workflows may send tasks to workers of a build.
	BuildIDTaskReachability = iclient.BuildIDTaskReachability

	// WorkerVersioningMode says whether workers choose what they run by their version.
	WorkerVersioningMode = iclient.WorkerVersioningMode

	// TaskQueueVersionSelection selects builds by any of its fields.
	TaskQueueVersionSelection = iclient.TaskQueueVersionSelection

	// DescribeTaskQueueEnhancedOptions are the options of DescribeTaskQueueEnhanced.
	DescribeTaskQueueEnhancedOptions = iclient.DescribeTaskQueueEnhancedOptions

	// WorkerVersionCapabilities is how a worker says what its build is.
	//
	// Deprecated: use WorkerDeploymentPollerOptions.
	WorkerVersionCapabilities = iclient.WorkerVersionCapabilities

	// TaskQueuePollerInfo is a worker that polls a task queue.
	TaskQueuePollerInfo = iclient.TaskQueuePollerInfo

	// TaskQueueStats are figures about the tasks of a task queue. They are estimates, and
	// leave out tasks that are handed to a waiting worker without being stored.
	TaskQueueStats = iclient.TaskQueueStats

	// TaskQueueTypeInfo describes a task queue for one type of tasks.
	TaskQueueTypeInfo = iclient.TaskQueueTypeInfo

	// TaskQueueVersionInfo describes a task queue for one build.
	TaskQueueVersionInfo = iclient.TaskQueueVersionInfo

	// TaskQueueVersioningInfo says which versions of a worker deployment a task queue's tasks
	// go to.
	TaskQueueVersioningInfo = iclient.TaskQueueVersioningInfo

	// TaskQueueDescription is the response of DescribeTaskQueueEnhanced.
	TaskQueueDescription = iclient.TaskQueueDescription
)

const (
	// TaskQueueTypeUnspecified is no choice.
	TaskQueueTypeUnspecified = iclient.TaskQueueTypeUnspecified
	// TaskQueueTypeWorkflow has the tasks in which workflow code goes on.
	TaskQueueTypeWorkflow = iclient.TaskQueueTypeWorkflow
	// TaskQueueTypeActivity has the attempts of activities.
	TaskQueueTypeActivity = iclient.TaskQueueTypeActivity
	// TaskQueueTypeNexus is for tasks of Nexus services.
	TaskQueueTypeNexus = iclient.TaskQueueTypeNexus
)

const (
	// BuildIDTaskReachabilityUnspecified means that the server was not asked or does not
	// know.
	BuildIDTaskReachabilityUnspecified = iclient.BuildIDTaskReachabilityUnspecified
	// BuildIDTaskReachabilityReachable means that new or open workflows may: the workers are
	// needed.
	BuildIDTaskReachabilityReachable = iclient.BuildIDTaskReachabilityReachable
	// BuildIDTaskReachabilityClosedWorkflowsOnly means that only queries of closed workflows
	// may.
	BuildIDTaskReachabilityClosedWorkflowsOnly = iclient.BuildIDTaskReachabilityClosedWorkflowsOnly
	// BuildIDTaskReachabilityUnreachable means that nothing may: the workers can go.
	BuildIDTaskReachabilityUnreachable = iclient.BuildIDTaskReachabilityUnreachable
)

const (
	// WorkerVersioningModeUnspecified is no answer.
	WorkerVersioningModeUnspecified = iclient.WorkerVersioningModeUnspecified
	// WorkerVersioningModeUnversioned workers run whatever comes.
	WorkerVersioningModeUnversioned = iclient.WorkerVersioningModeUnversioned
	// WorkerVersioningModeVersioned workers run what belongs to their version.
	WorkerVersioningModeVersioned = iclient.WorkerVersioningModeVersioned
)
