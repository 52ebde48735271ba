package client

import (
	"time"

	"github.com/perdure/perdure/sdk/internal/policy"
)

// TaskQueueType is what kind of tasks a task queue has.
type TaskQueueType int

// Values of TaskQueueType.
const (
	// TaskQueueTypeUnspecified is no choice.
	TaskQueueTypeUnspecified = iota
	// TaskQueueTypeWorkflow are workflow tasks.
	TaskQueueTypeWorkflow
	// TaskQueueTypeActivity are activity tasks.
	TaskQueueTypeActivity
	// TaskQueueTypeNexus are Nexus tasks.
	TaskQueueTypeNexus
)

// BuildIDTaskReachability says which workflows may send tasks to workers of a build.
type BuildIDTaskReachability int

// Values of BuildIDTaskReachability.
const (
	// BuildIDTaskReachabilityUnspecified means that the server was not asked or does not
	// know.
	BuildIDTaskReachabilityUnspecified = iota
	// BuildIDTaskReachabilityReachable means that new or open workflows may: the workers are
	// needed.
	BuildIDTaskReachabilityReachable
	// BuildIDTaskReachabilityClosedWorkflowsOnly means that only queries of closed workflows
	// may.
	BuildIDTaskReachabilityClosedWorkflowsOnly
	// BuildIDTaskReachabilityUnreachable means that nothing may: the workers can go.
	BuildIDTaskReachabilityUnreachable
)

// WorkerVersioningMode says whether workers choose what they run by their version.
type WorkerVersioningMode int

// Values of WorkerVersioningMode.
const (
	// WorkerVersioningModeUnspecified is no answer.
	WorkerVersioningModeUnspecified = iota
	// WorkerVersioningModeUnversioned workers run whatever comes.
	WorkerVersioningModeUnversioned
	// WorkerVersioningModeVersioned workers run what belongs to their version.
	WorkerVersioningModeVersioned
)

// TaskQueueVersionSelection selects builds by any of its fields.
type TaskQueueVersionSelection struct {
	// BuildIDs are the builds to tell about, by name.
	BuildIDs []string
	// Unversioned are the workers without a build id.
	Unversioned bool
	// AllActive are the builds that have polled lately or have tasks waiting.
	AllActive bool
}

// DescribeTaskQueueEnhancedOptions are the options of DescribeTaskQueueEnhanced.
type DescribeTaskQueueEnhancedOptions struct {
	// TaskQueue is the task queue to describe. It is required.
	TaskQueue string
	// Versions are the builds to describe. The default is the one that new workflows run on.
	Versions *TaskQueueVersionSelection
	// TaskQueueTypes are the types to describe. The default is all.
	TaskQueueTypes []TaskQueueType
	// ReportPollers asks for the workers that have polled in the last few minutes.
	ReportPollers bool
	// ReportTaskReachability asks whether the builds may still get tasks. It is costly.
	ReportTaskReachability bool
	// ReportStats asks for the tasks that wait, and the rates at which they come and go.
	ReportStats bool
}

// WorkerVersionCapabilities is how a worker says what its build is.
//
// Deprecated: use WorkerDeploymentPollerOptions.
type WorkerVersionCapabilities struct {
	// BuildID is the worker's build.
	BuildID string
	// UseVersioning tells whether it chooses what it runs by its build.
	UseVersioning bool
	// DeploymentSeriesName is the deployment that it belongs to.
	DeploymentSeriesName string
}

// WorkerDeploymentPollerOptions is how a worker says which version of which deployment it
// is.
type WorkerDeploymentPollerOptions struct {
	// DeploymentName is the worker's deployment.
	DeploymentName string
	// BuildID is its build within the deployment.
	BuildID string
	// WorkerVersioningMode tells whether it chooses what it runs by its version.
	WorkerVersioningMode WorkerVersioningMode
}

// TaskQueuePollerInfo is a worker that polls a task queue.
type TaskQueuePollerInfo struct {
	// LastAccessTime is when it last polled.
	LastAccessTime time.Time
	// Identity is the worker's identity.
	Identity string
	// RatePerSecond is how many activities a second it asks for at most.
	RatePerSecond float64
	// WorkerVersionCapabilities is its build, or nil.
	//
	// Deprecated: use WorkerDeploymentPollerOptions.
	WorkerVersionCapabilities *WorkerVersionCapabilities
	// WorkerDeploymentPollerOptions is its version, or nil.
	WorkerDeploymentPollerOptions *WorkerDeploymentPollerOptions
}

// TaskQueueStats are figures about the tasks of a task queue. They are estimates, and
// leave out tasks that are handed to a waiting worker without being stored.
type TaskQueueStats struct {
	// ApproximateBacklogCount is how many tasks wait.
	ApproximateBacklogCount int64
	// ApproximateBacklogAge is how long the oldest of them has waited.
	ApproximateBacklogAge time.Duration
	// BacklogIncreaseRate is by how many tasks a second the backlog grows, or shrinks if it
	// is negative: TasksAddRate less TasksDispatchRate.
	BacklogIncreaseRate float32
	// TasksAddRate is how many tasks a second come, over the last 30 seconds.
	TasksAddRate float32
	// TasksDispatchRate is how many tasks a second go to workers, over the last 30 seconds.
	TasksDispatchRate float32
}

// TaskQueueTypeInfo describes a task queue for one type of tasks.
type TaskQueueTypeInfo struct {
	// Pollers are the workers that have polled lately, if they were asked for.
	Pollers []TaskQueuePollerInfo
	// Stats are about the tasks, or nil if they were not asked for.
	Stats *TaskQueueStats
}

// TaskQueueVersionInfo describes a task queue for one build.
type TaskQueueVersionInfo struct {
	// TypesInfo is what is known for each type of task that was asked for.
	TypesInfo map[TaskQueueType]TaskQueueTypeInfo
	// TaskReachability tells whether the build may still get tasks, if that was asked for.
	// It is for the task queue alone: the build may be reachable in another one.
	TaskReachability BuildIDTaskReachability
}

// TaskQueueVersioningInfo says which versions of a worker deployment a task queue's tasks
// go to.
type TaskQueueVersioningInfo struct {
	// CurrentVersion gets new workflows. It is nil for workers without a version.
	CurrentVersion *policy.WorkerDeploymentVersion
	// RampingVersion gets a part of new workflows. It is nil if there is none, or if the
	// ramp is to workers without a version.
	RampingVersion *policy.WorkerDeploymentVersion
	// RampingVersionPercentage is that part, from 0 to 100.
	RampingVersionPercentage float32
	// UpdateTime is when this last changed.
	UpdateTime time.Time
}

// TaskQueueDescription is the response of DescribeTaskQueueEnhanced.
type TaskQueueDescription struct {
	// VersionsInfo is by build id, [UnversionedBuildID] for workers that have none.
	VersionsInfo map[string]TaskQueueVersionInfo
	// VersioningInfo is nil for a task queue that no worker deployment has.
	VersioningInfo *TaskQueueVersioningInfo
}
