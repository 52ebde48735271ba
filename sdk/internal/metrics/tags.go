package metrics

import (
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
)

// Keys of tags.
const (
	TagNamespace      = "namespace"
	TagClientName     = "client_name"
	TagPollerType     = "poller_type"
	TagWorkerType     = "worker_type"
	TagWorkflowType   = "workflow_type"
	TagActivityType   = "activity_type"
	TagNexusService   = "nexus_service"
	TagNexusOperation = "nexus_operation"
	TagFailureReason  = "failure_reason"
	TagTaskQueue      = "task_queue"
	TagOperation      = "operation"
	TagCause          = "cause"
	TagStatusCode     = "status_code"
)

// none is the value of tags that do not apply: all metrics of a name have the same
// keys, as some systems want it.
const none = "none"

// clientName is the value of TagClientName.
const clientName = "temporal_go"

// Values of TagPollerType.
const (
	PollerWorkflowTask       = "workflow_task"
	PollerWorkflowStickyTask = "workflow_sticky_task"
	PollerActivityTask       = "activity_task"
	PollerNexusTask          = "nexus_task"
)

// Values of TagWorkerType.
const (
	WorkerWorkflow      = "WorkflowWorker"
	WorkerActivity      = "ActivityWorker"
	WorkerLocalActivity = "LocalActivityWorker"
	WorkerNexus         = "NexusWorker"
	WorkerSession       = "SessionWorker"
)

// Values of TagFailureReason.
const (
	FailureWorkflowError       = "WorkflowError"
	FailureActivityError       = "ActivityError"
	FailureNonDeterminism      = "NonDeterminismError"
	FailurePayloadsTooLarge    = "PayloadsTooLarge"
	FailureGRPCMessageTooLarge = "GrpcMessageTooLarge"
	FailureRequestTooLarge     = "RequestTooLarge"
)

// RootTags are those of all metrics of a client; namespace "" is for clients that
// belong to none.
func RootTags(namespace string) map[string]string {
	if namespace == "" {
		namespace = none
	}
	return map[string]string{
		TagNamespace:    namespace,
		TagClientName:   clientName,
		TagWorkerType:   none,
		TagWorkflowType: none,
		TagActivityType: none,
		TagTaskQueue:    none,
	}
}

// TaskQueueTags are those of a worker.
func TaskQueueTags(taskQueue string) map[string]string {
	return map[string]string{TagTaskQueue: taskQueue}
}

// WorkerTags are those of a part of a worker.
func WorkerTags(workerType string) map[string]string {
	return map[string]string{TagWorkerType: workerType}
}

// PollerTags are those of a kind of poller.
func PollerTags(pollerType string) map[string]string {
	return map[string]string{TagPollerType: pollerType}
}

// WorkflowTags are those of a type of workflow.
func WorkflowTags(workflowType string) map[string]string {
	return map[string]string{TagWorkflowType: workflowType}
}

// ActivityTags are those of a type of activity. workflowType is empty for an activity
// that no workflow scheduled, and taskQueue for a local one.
func ActivityTags(workflowType, activityType, taskQueue string) map[string]string {
	tags := map[string]string{TagWorkflowType: workflowType, TagActivityType: activityType}
	if taskQueue != "" {
		tags[TagTaskQueue] = taskQueue
	}
	return tags
}

// NexusTags are those of a Nexus operation.
func NexusTags(service, operation, taskQueue string) map[string]string {
	return map[string]string{TagNexusService: service, TagNexusOperation: operation, TagTaskQueue: taskQueue}
}

// FailureTags say why something failed.
func FailureTags(reason string) map[string]string {
	return map[string]string{TagFailureReason: reason}
}

// RPCTags are those of calls about a workflow or an activity; what is empty does not
// apply.
func RPCTags(workflowType, activityType, taskQueue string) map[string]string {
	return map[string]string{
		TagWorkflowType: orNone(workflowType),
		TagActivityType: orNone(activityType),
		TagTaskQueue:    orNone(taskQueue),
	}
}

func orNone(value string) string {
	if value == "" {
		return none
	}
	return value
}

// StatusCode is a code as the value of TagStatusCode: as in the proto of gRPC codes.
func StatusCode(code codes.Code) string {
	if code > codes.Unauthenticated {
		return "CODE(" + strconv.FormatInt(int64(code), 10) + ")"
	}
	if code == codes.Canceled {
		return "CANCELLED"
	}
	if code == codes.OK {
		return "OK"
	}
	var b strings.Builder
	for i, r := range code.String() {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}
