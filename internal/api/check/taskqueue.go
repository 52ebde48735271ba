package check

import (
	"cmp"
	"strconv"
	"strings"

	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
)

// reservedQueuePrefix begins the names of what a task queue is made of inside
// some servers; no user's queue may be called so.
const reservedQueuePrefix = "/_sys/"

// InternalQueue is the name of the task queue of a namespace's own workers.
const InternalQueue = "temporal-sys-per-ns-tq"

// CheckTaskQueueName checks the name of a task queue.
func (l *Limits) CheckTaskQueueName(name string) error {
	switch {
	case name == "":
		return invalid("missing task queue name")
	case len(name) > l.ID:
		return invalid("taskQueue length exceeds limit")
	case strings.HasPrefix(name, reservedQueuePrefix):
		return invalid("task queue name cannot start with reserved prefix %v", reservedQueuePrefix)
	}
	return nil
}

// CheckTaskQueue checks a queue that is polled or described: normal or sticky.
func (l *Limits) CheckTaskQueue(queue *taskqueuepb.TaskQueue) error {
	if queue == nil {
		return invalid("taskQueue is not set")
	}
	if queue.Kind == enumspb.TASK_QUEUE_KIND_UNSPECIFIED {
		queue.Kind = enumspb.TASK_QUEUE_KIND_NORMAL
	}
	if err := l.CheckTaskQueueName(queue.GetName()); err != nil {
		return err
	}
	switch normal := queue.GetNormalName(); {
	case normal == "":
		return nil
	case queue.Kind != enumspb.TASK_QUEUE_KIND_STICKY:
		return invalid("only sticky queues can have normal name. tq: %s, normal name: %s", queue.GetName(), normal)
	default:
		return l.CheckTaskQueueName(normal)
	}
}

// CheckTaskQueuePartition checks a queue that is described, and may be named as one of its
// partitions, "/_sys/<name>/<number>". It returns the number, 0 for the queue itself.
func (l *Limits) CheckTaskQueuePartition(queue *taskqueuepb.TaskQueue) (int, error) {
	rest, named := strings.CutPrefix(queue.GetName(), reservedQueuePrefix)
	if !named {
		return 0, l.CheckTaskQueue(queue)
	}
	end := strings.LastIndexByte(rest, '/')
	partition, err := strconv.Atoi(rest[end+1:])
	if len(queue.GetName()) > l.ID {
		return 0, l.CheckTaskQueue(queue)
	}
	if end < 1 || err != nil || partition <= 0 {
		return 0, invalid("invalid task queue partition name %s", queue.GetName())
	}
	if strings.HasPrefix(rest, reservedQueuePrefix) {
		return 0, invalid("task queue family name cannot have prefix /_sys/ %s", rest[:end])
	}
	if queue.Kind == enumspb.TASK_QUEUE_KIND_STICKY {
		return 0, invalid("only partition 0 of a sticky queue can be described: %s", queue.GetName())
	}
	if queue.Kind == enumspb.TASK_QUEUE_KIND_UNSPECIFIED {
		queue.Kind = enumspb.TASK_QUEUE_KIND_NORMAL
	}
	return partition, nil
}

// maxReachabilityOf is how many build ids may be asked for at once whether they can be
// reached.
const maxReachabilityOf = 5

// ReachabilityOf checks how many build ids are to be reported on.
func ReachabilityOf(report bool, buildIDs []string) error {
	if report && len(buildIDs) > maxReachabilityOf {
		return invalid("Too many build ids queried at once with ReportTaskReachability==true, limit: %d", maxReachabilityOf)
	}
	return nil
}

// CheckUserTaskQueue checks a queue that something is to be put on. If it has no name,
// it is the one that it is put there from: that of the workflow whose command it is,
// "" for a request. The internal queue is for what comes from there only.
func (l *Limits) CheckUserTaskQueue(queue *taskqueuepb.TaskQueue, from string) error {
	if queue.GetName() == "" && queue != nil {
		queue.Name = from
	}
	return l.CheckNamedTaskQueue(queue, from)
}

// CheckNamedTaskQueue is UserTaskQueue for a queue that has to have a name.
func (l *Limits) CheckNamedTaskQueue(queue *taskqueuepb.TaskQueue, from string) error {
	if queue == nil {
		return l.CheckTaskQueue(nil)
	}
	if queue.Kind == enumspb.TASK_QUEUE_KIND_UNSPECIFIED {
		queue.Kind = enumspb.TASK_QUEUE_KIND_NORMAL
	}
	if err := l.CheckTaskQueueName(queue.GetName()); err != nil {
		return err
	}
	if queue.GetName() == InternalQueue && from != InternalQueue {
		return invalid("cannot use internal per-namespace task queue:%s", InternalQueue)
	}
	return nil
}

// errVersionSets: a worker that wants its tasks chosen by the older forms of versions would be
// given tasks of any.
var errVersionSets = serviceerror.NewPermissionDenied("Worker versioning v0.2 (Rules-based, deprecated) is disabled on this namespace.", "")

// stamp is what the older forms of worker versioning have in common.
type stamp interface {
	GetUseVersioning() bool
	GetBuildId() string
}

// CheckWorkerVersion checks what a worker says of its version: in the old form, in the
// new one, or not at all. A worker that says it in the new form says it in the old one
// as well. Besides InvalidArgument it fails with PermissionDenied for workers that want
// their tasks chosen by version sets or rules.
func (l *Limits) CheckWorkerVersion(old stamp, options *deploymentpb.WorkerDeploymentOptions, queue *taskqueuepb.TaskQueue) error {
	if err := l.CheckBuildID(old.GetBuildId()); err != nil {
		return err
	}
	if err := l.CheckDeploymentOptions(options, queue); err != nil {
		return err
	}
	if !old.GetUseVersioning() || options.GetWorkerVersioningMode() == enumspb.WORKER_VERSIONING_MODE_VERSIONED {
		return nil
	}
	// The one between the two: a deployment, named with the old form.
	if series, ok := old.(interface{ GetDeploymentSeriesName() string }); ok && series.GetDeploymentSeriesName() != "" {
		return cmp.Or(l.CheckDeploymentName(series.GetDeploymentSeriesName()), l.CheckDeploymentBuildID(old.GetBuildId()))
	}
	return errVersionSets
}

// CheckDeploymentOptions is CheckWorkerVersion for requests that have no place for the old
// form. The queue may be nil.
func (l *Limits) CheckDeploymentOptions(options *deploymentpb.WorkerDeploymentOptions, queue *taskqueuepb.TaskQueue) error {
	if options == nil {
		return nil
	}
	if err := l.CheckBuildID(options.GetBuildId()); err != nil {
		return err
	}
	if queue.GetKind() == enumspb.TASK_QUEUE_KIND_STICKY && queue.GetNormalName() == "" {
		return invalid("NormalName must be set on sticky queue when UseVersioning is true or DeploymentOptions are set.")
	}
	if options.GetWorkerVersioningMode() != enumspb.WORKER_VERSIONING_MODE_VERSIONED {
		return nil
	}
	if options.GetDeploymentName() == "" || options.GetBuildId() == "" {
		return invalid("Deployment name and build id must be set together.")
	}
	return cmp.Or(l.CheckDeploymentName(options.GetDeploymentName()), l.CheckDeploymentBuildID(options.GetBuildId()))
}
