package frontend

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// The checks of this file are about form: what is wrong with a request whatever
// the state of the workflow. They fill in defaults as they go, in the request,
// which belongs to the server.

func invalid(format string, args ...any) error {
	return serviceerror.NewInvalidArgumentf(format, args...)
}

func checkExecution(execution *commonpb.WorkflowExecution) error {
	if execution == nil {
		return errExecutionNotSet
	}
	if err := checkWorkflowID(execution.GetWorkflowId()); err != nil {
		return err
	}
	return checkRunID(execution.GetRunId())
}

func checkWorkflowID(id string) error {
	if id == "" {
		return errWorkflowIDNotSet
	}
	if len(id) > maxIDLength {
		return errWorkflowIDTooLong
	}
	return nil
}

// checkRunID accepts a run id or none.
func checkRunID(id string) error {
	if id != "" && (len(id) != 36 || uuid.Validate(id) != nil) {
		return errRunIDInvalid
	}
	return nil
}

func checkWorkflowType(workflowType *commonpb.WorkflowType) error {
	if workflowType.GetName() == "" {
		return errWorkflowTypeNotSet
	}
	if len(workflowType.GetName()) > maxIDLength {
		return errWorkflowTypeTooLong
	}
	return nil
}

func checkSignalName(name string) error {
	if name == "" {
		return errSignalNameNotSet
	}
	if len(name) > maxIDLength {
		return errSignalNameTooLong
	}
	return nil
}

func checkIdentity(identity string) error {
	if len(identity) > maxIDLength {
		return errIdentityTooLong
	}
	return nil
}

// fillRequestID gives a request without an id one of its own, so that everything
// behind the frontend can count on it.
func fillRequestID(id *string) error {
	if *id == "" {
		*id = uuid.NewString()
	}
	if len(*id) > maxIDLength {
		return errRequestIDTooLong
	}
	return nil
}

// reservedQueuePrefix begins the names of what a task queue is made of inside
// some servers; no user's queue may be called so.
const reservedQueuePrefix = "/_sys/"

// internalQueue is the name of the task queue of a namespace's own workers.
const internalQueue = "temporal-sys-per-ns-tq"

func checkTaskQueueName(name string) error {
	switch {
	case name == "":
		return invalid("missing task queue name")
	case len(name) > maxIDLength:
		return invalid("taskQueue length exceeds limit")
	case strings.HasPrefix(name, reservedQueuePrefix):
		return invalid("task queue name cannot start with reserved prefix %v", reservedQueuePrefix)
	}
	return nil
}

// checkTaskQueue checks a queue that is polled or described: normal or sticky.
func checkTaskQueue(queue *taskqueuepb.TaskQueue) error {
	if queue == nil {
		return invalid("taskQueue is not set")
	}
	if queue.Kind == enumspb.TASK_QUEUE_KIND_UNSPECIFIED {
		queue.Kind = enumspb.TASK_QUEUE_KIND_NORMAL
	}
	if err := checkTaskQueueName(queue.GetName()); err != nil {
		return err
	}
	if queue.Kind == enumspb.TASK_QUEUE_KIND_STICKY && queue.GetNormalName() != "" {
		return checkTaskQueueName(queue.GetNormalName())
	}
	return nil
}

// checkStartTaskQueue checks a queue that workflows are to be started on.
func checkStartTaskQueue(queue *taskqueuepb.TaskQueue) error {
	if err := checkTaskQueue(queue); err != nil {
		return err
	}
	if queue.GetName() == internalQueue {
		return invalid("cannot use internal per-namespace task queue")
	}
	return nil
}

// checkDuration accepts nil, and cuts what is longer than maxDuration.
func checkDuration(d *durationpb.Duration) error {
	if d == nil {
		return nil
	}
	if d.Seconds > 0 && d.Nanos < 0 || d.Seconds < 0 && d.Nanos > 0 {
		return fmt.Errorf("seconds and nanos of the duration have different signs")
	}
	if d.AsDuration() < 0 {
		return fmt.Errorf("negative duration")
	}
	if d.AsDuration() > maxDuration {
		d.Seconds, d.Nanos = int64(maxDuration/time.Second), 0
	}
	return nil
}

// timeouts are the timeouts of a start in its two forms.
type timeouts interface {
	GetWorkflowExecutionTimeout() *durationpb.Duration
	GetWorkflowRunTimeout() *durationpb.Duration
	GetWorkflowTaskTimeout() *durationpb.Duration
}

func checkTimeouts(t timeouts) error {
	for _, timeout := range []struct {
		value   *durationpb.Duration
		problem error
	}{
		{t.GetWorkflowExecutionTimeout(), errExecutionTimeout},
		{t.GetWorkflowRunTimeout(), errRunTimeout},
		{t.GetWorkflowTaskTimeout(), errTaskTimeout},
	} {
		if err := checkDuration(timeout.value); err != nil {
			return invalid("%v cause: %v", timeout.problem, err)
		}
	}
	return nil
}

func checkStartDelay(cron string, delay *durationpb.Duration) error {
	if cron != "" && delay != nil {
		return errCronAndDelay
	}
	if err := checkDuration(delay); err != nil {
		return invalid("%v cause: %v", errStartDelay, err)
	}
	return nil
}

// timeoutErrorType begins those error types of a retry policy that stand for
// timeouts.
const timeoutErrorType = "TemporalTimeout:"

// checkRetryPolicy fills in what the policy leaves open and checks the rest. No
// policy means no retries.
func checkRetryPolicy(policy *commonpb.RetryPolicy) error {
	if policy == nil {
		return nil
	}
	if policy.GetInitialInterval().AsDuration() == 0 {
		policy.InitialInterval = durationpb.New(time.Second)
	}
	if policy.GetBackoffCoefficient() == 0 {
		policy.BackoffCoefficient = 2
	}
	if policy.GetMaximumInterval().AsDuration() == 0 {
		policy.MaximumInterval = durationpb.New(100 * min(policy.InitialInterval.AsDuration(), maxDuration/100))
	}
	if policy.GetMaximumAttempts() == 1 {
		// No retry at all: the rest does not matter.
		return nil
	}
	if err := checkDuration(policy.GetInitialInterval()); err != nil {
		return invalid("invalid InitialInterval set on retry policy: %v", err)
	}
	// Not "< 1": that would let a coefficient pass that is not a number.
	if !(policy.GetBackoffCoefficient() >= 1) {
		return invalid("BackoffCoefficient cannot be less than 1 on retry policy.")
	}
	if err := checkDuration(policy.GetMaximumInterval()); err != nil {
		return invalid("invalid MaximumInterval set on retry policy: %v", err)
	}
	if policy.GetMaximumInterval().AsDuration() < policy.GetInitialInterval().AsDuration() {
		return invalid("MaximumInterval cannot be less than InitialInterval on retry policy.")
	}
	if policy.GetMaximumAttempts() < 0 {
		return invalid("MaximumAttempts cannot be negative on retry policy.")
	}
	for _, errorType := range policy.GetNonRetryableErrorTypes() {
		name, isTimeout := strings.CutPrefix(errorType, timeoutErrorType)
		if !isTimeout {
			continue
		}
		value, err := enumspb.TimeoutTypeFromString(name)
		if err != nil || value == enumspb.TIMEOUT_TYPE_UNSPECIFIED {
			return invalid("Invalid timeout type value: %v.", name)
		}
	}
	return nil
}

func checkPriority(priority *commonpb.Priority) error {
	switch {
	case priority.GetPriorityKey() < 0:
		return invalid("priority key can't be negative")
	case len(priority.GetFairnessKey()) > maxFairnessKeyLength:
		return invalid("fairness key length exceeds limit")
	case !(priority.GetFairnessWeight() >= 0):
		return invalid("must be greater than zero")
	}
	return nil
}

// checkBlob bounds the encoded size of payloads, a header or a failure.
func checkBlob(blob proto.Message) error {
	if proto.Size(blob) > maxBlobSize {
		return errBlobTooBig
	}
	return nil
}

func checkMemo(memo *commonpb.Memo) error {
	if proto.Size(memo) > maxMemoSize {
		return errMemoTooBig
	}
	return nil
}

func checkUserMetadata(metadata *sdkpb.UserMetadata) error {
	if size := proto.Size(metadata.GetSummary()); size > maxSummarySize {
		return invalid("UserMetadata.Summary payload length %d exceeds limit %d.", size, maxSummarySize)
	}
	if size := proto.Size(metadata.GetDetails()); size > maxDetailsSize {
		return invalid("UserMetadata.Details payload length %d exceeds limit %d.", size, maxDetailsSize)
	}
	return nil
}

// checkLinks checks the links of a request: how many, how big, and that each
// says enough to be followed.
func checkLinks(links []*commonpb.Link) error {
	if len(links) > maxLinks {
		return invalid("cannot attach more than %d links per request, got %d", maxLinks, len(links))
	}
	for _, link := range links {
		if size := proto.Size(link); size > maxLinkSize {
			return invalid("link exceeds allowed size of %d, got %d", maxLinkSize, size)
		}
		var missing string
		var kind string
		switch v := link.GetVariant().(type) {
		case *commonpb.Link_WorkflowEvent_:
			kind, missing = "workflow event", firstEmpty("namespace field", v.WorkflowEvent.GetNamespace(),
				"workflow ID field", v.WorkflowEvent.GetWorkflowId(), "run ID field", v.WorkflowEvent.GetRunId())
			if ref := v.WorkflowEvent.GetEventRef(); ref.GetEventType() == enumspb.EVENT_TYPE_UNSPECIFIED && ref.GetEventId() != 0 {
				return invalid("workflow event link ref cannot have an unspecified event type and a non-zero event ID")
			}
		case *commonpb.Link_BatchJob_:
			kind, missing = "batch job", firstEmpty("job ID", v.BatchJob.GetJobId())
		case *commonpb.Link_NexusOperation_:
			kind, missing = "nexus operation", firstEmpty("namespace field", v.NexusOperation.GetNamespace(),
				"operation ID field", v.NexusOperation.GetOperationId(), "run ID field", v.NexusOperation.GetRunId())
		case *commonpb.Link_Activity_:
			kind, missing = "activity", firstEmpty("namespace field", v.Activity.GetNamespace(),
				"activity ID field", v.Activity.GetActivityId(), "run ID field", v.Activity.GetRunId())
		case *commonpb.Link_Workflow_:
			kind, missing = "workflow", firstEmpty("namespace field", v.Workflow.GetNamespace(),
				"workflow ID field", v.Workflow.GetWorkflowId(), "run ID field", v.Workflow.GetRunId())
		default:
			return invalid("unsupported link variant")
		}
		if missing != "" {
			return invalid("%s link must not have an empty %s", kind, missing)
		}
	}
	return nil
}

// firstEmpty takes names and values in turn and returns the name of the first
// empty value.
func firstEmpty(pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			return pairs[i]
		}
	}
	return ""
}

// buildID is what the older forms of worker versioning have in common.
type buildID interface {
	GetUseVersioning() bool
	GetBuildId() string
}

// checkWorkerVersion refuses workers that want their tasks chosen by version:
// they would be given tasks of any.
func checkWorkerVersion(id buildID, options *deploymentpb.WorkerDeploymentOptions, queue *taskqueuepb.TaskQueue) error {
	if id.GetUseVersioning() {
		return errVersionSets
	}
	if len(id.GetBuildId()) > maxBuildIDLength || len(options.GetBuildId()) > maxBuildIDLength {
		return errBuildIDTooLong
	}
	if options == nil {
		return nil
	}
	if queue.GetKind() == enumspb.TASK_QUEUE_KIND_STICKY && queue.GetNormalName() == "" {
		return errStickyWithoutNormal
	}
	if options.GetWorkerVersioningMode() != enumspb.WORKER_VERSIONING_MODE_VERSIONED {
		return nil
	}
	if options.GetDeploymentName() == "" || options.GetBuildId() == "" {
		return errDeploymentNotSet
	}
	return errDeployments
}
