package workflow

import (
	"cmp"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// startParams is what a new run is made of, whoever asks for it: a client, a
// parent workflow, or the run that it continues.
type startParams struct {
	requestID string
	identity  string

	workflowType *commonpb.WorkflowType
	taskQueue    string
	// queue is the task queue as the Started event has it, if a client has said more than its
	// name; nil: a normal one.
	queue              *taskqueuepb.TaskQueue
	input              *commonpb.Payloads
	header             *commonpb.Header
	memo               *commonpb.Memo
	searchAttributes   *commonpb.SearchAttributes
	priority           *commonpb.Priority
	versioningOverride *workflowpb.VersioningOverride
	// inheritedPin, inheritedUpgrade and declined are what the run inherits of another one
	// about versions: see inheritance.go.
	inheritedPin     *deploymentpb.WorkerDeploymentVersion
	inheritedUpgrade *deploymentpb.InheritedAutoUpgradeInfo
	declined         *historypb.DeclinedTargetVersionUpgrade
	userMetadata     *sdkpb.UserMetadata
	links            []*commonpb.Link
	retryPolicy      *commonpb.RetryPolicy
	cronSchedule     string

	// Timeouts; 0 is no limit for the first two and the default for the last.
	executionTimeout, runTimeout, taskTimeout time.Duration
	// writeZero* have the Started event say 0 where there is no timeout, as it does
	// if the caller has said so.
	writeZeroExecutionTimeout, writeZeroRunTimeout bool
	// firstTaskBackoff delays the first workflow task.
	firstTaskBackoff time.Duration
	// omitZeroBackoff has the Started event not mention a backoff of 0.
	omitZeroBackoff bool

	// timeSkipping has the run skip time, and skipped is what it has of that from the run
	// that it continues or that has started it.
	timeSkipping *commonpb.TimeSkippingConfig
	skipped      *commonpb.TimeSkippingStatePropagation

	// callbacks are called when the last of the runs that continue each other has closed.
	callbacks []*commonpb.Callback

	// onConflict says what is attached to a run that is running already and is used.
	onConflict *workflowpb.OnConflictOptions

	reusePolicy    enumspb.WorkflowIdReusePolicy
	conflictPolicy enumspb.WorkflowIdConflictPolicy

	// parent and root are set for children only.
	parent *records.Parent
	root   *commonpb.WorkflowExecution

	// flow is the pass of the run; nil: it needs none. lenient has it start although the key of a
	// policy cannot be found.
	flow    *records.FlowPass
	lenient bool

	// eager has the first workflow task started at once, for the caller.
	eager bool
	// eagerVersion is the version of the caller's worker.
	eagerVersion deployment.Version

	// Set for runs that continue another one.
	runID                string
	continuedRunID       string
	firstRunID           string
	executionExpiration  *timestamppb.Timestamp // default: from executionTimeout
	initiator            enumspb.ContinueAsNewInitiator
	attempt              int32 // default 1
	continuedFailure     *failurepb.Failure
	lastCompletionResult *commonpb.Payloads
	resetPoints          *workflowpb.ResetPoints
}

// maxTaskTimeout is the longest timeout of workflow tasks.
const maxTaskTimeout = 2 * time.Minute

// capTimeouts fills in timeouts that are not set and keeps each within the one
// that encloses it.
func (c *Chain) capTimeouts(execution, run, task time.Duration) (runTimeout, taskTimeout time.Duration) {
	if run == 0 || execution > 0 && execution < run {
		run = execution
	}
	if task == 0 {
		task = c.limits().DefaultTaskTimeout
	}
	task = min(task, maxTaskTimeout)
	if run > 0 {
		task = min(task, run)
	}
	return run, task
}

// runDefinition is what every message has that says what a run is to be: requests,
// commands, and the events they turn into.
type runDefinition interface {
	GetWorkflowType() *commonpb.WorkflowType
	GetTaskQueue() *taskqueuepb.TaskQueue
	GetInput() *commonpb.Payloads
	GetHeader() *commonpb.Header
	GetMemo() *commonpb.Memo
	GetSearchAttributes() *commonpb.SearchAttributes
	GetRetryPolicy() *commonpb.RetryPolicy
	GetCronSchedule() string
	GetWorkflowRunTimeout() *durationpb.Duration
	GetWorkflowTaskTimeout() *durationpb.Duration
}

func definedBy(d runDefinition) startParams {
	return startParams{
		workflowType:        d.GetWorkflowType(),
		taskQueue:           d.GetTaskQueue().GetName(),
		input:               d.GetInput(),
		header:              d.GetHeader(),
		memo:                d.GetMemo(),
		searchAttributes:    d.GetSearchAttributes(),
		retryPolicy:         d.GetRetryPolicy(),
		cronSchedule:        d.GetCronSchedule(),
		runTimeout:          d.GetWorkflowRunTimeout().AsDuration(),
		writeZeroRunTimeout: d.GetWorkflowRunTimeout() != nil,
		taskTimeout:         d.GetWorkflowTaskTimeout().AsDuration(),
	}
}

// startedQueue is the task queue as the Started event has it.
func (p *startParams) startedQueue() *taskqueuepb.TaskQueue {
	if p.queue != nil {
		return p.queue
	}
	return &taskqueuepb.TaskQueue{Name: p.taskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL}
}

// limitExecution sets the execution timeout, which begins with this run.
func (p *startParams) limitExecution(timeout *durationpb.Duration) {
	p.executionTimeout, p.writeZeroExecutionTimeout = timeout.AsDuration(), timeout != nil
}

// waitForCron delays the first run of a cron workflow until the first tick.
func (p *startParams) waitForCron(now time.Time) {
	if p.cronSchedule != "" {
		p.initiator = enumspb.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE
		p.firstTaskBackoff, _ = nextCron(p.cronSchedule, now, now)
	}
}

// requestToStart is what the requests that start workflows have in common.
type requestToStart interface {
	runDefinition
	GetRequestId() string
	GetIdentity() string
	GetPriority() *commonpb.Priority
	GetVersioningOverride() *workflowpb.VersioningOverride
	GetUserMetadata() *sdkpb.UserMetadata
	GetLinks() []*commonpb.Link
	GetWorkflowExecutionTimeout() *durationpb.Duration
	GetWorkflowStartDelay() *durationpb.Duration
	GetWorkflowIdReusePolicy() enumspb.WorkflowIdReusePolicy
	GetWorkflowIdConflictPolicy() enumspb.WorkflowIdConflictPolicy
	GetTimeSkippingConfig() *commonpb.TimeSkippingConfig
}

// requestParams are those of a run that a client asks for. The request has been
// checked for form.
func requestParams(req requestToStart, now time.Time) *startParams {
	p := definedBy(req)
	p.queue = req.GetTaskQueue()
	p.requestID = req.GetRequestId()
	p.identity = req.GetIdentity()
	p.priority = req.GetPriority()
	p.versioningOverride = req.GetVersioningOverride()
	p.userMetadata = req.GetUserMetadata()
	p.links = req.GetLinks()
	p.firstTaskBackoff = req.GetWorkflowStartDelay().AsDuration()
	p.reusePolicy = req.GetWorkflowIdReusePolicy()
	p.conflictPolicy = req.GetWorkflowIdConflictPolicy()
	p.timeSkipping = req.GetTimeSkippingConfig()
	p.limitExecution(req.GetWorkflowExecutionTimeout())
	p.waitForCron(now)
	return &p
}

// childParams are those of a child, as the event says by which its parent has asked
// for it.
func childParams(initiated *historypb.HistoryEvent, start *records.StartChild, parent *records.Parent, now time.Time) *startParams {
	attr := initiated.GetStartChildWorkflowExecutionInitiatedEventAttributes()
	p := definedBy(attr)
	p.requestID = childRequestID(cmp.Or(start.ResetRunId, parent.RunId), initiated.EventId)
	p.priority = start.Priority
	p.userMetadata = initiated.UserMetadata
	p.versioningOverride = attr.GetVersioningOverride()
	p.inherit(start.Inheritance)
	p.reusePolicy = attr.GetWorkflowIdReusePolicy()
	p.conflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL
	p.lenient = true
	p.parent, p.root = parent, start.Root
	p.timeSkipping, p.skipped = attr.GetTimeSkippingConfig(), attr.GetTimeSkippingStatePropagation()
	p.limitExecution(attr.GetWorkflowExecutionTimeout())
	p.waitForCron(now.Add(p.skipped.GetInitialSkippedDuration().AsDuration()))
	return &p
}

// continuation is the run that is to follow one that ends.
type continuation struct{ params startParams }

// id is the run id of the continuation; empty for none.
func (n *continuation) id() string {
	if n == nil {
		return ""
	}
	return n.params.runID
}

// continueWith is the run that continues this one as d says, after the backoff.
func (r *Run) continueWith(step *entity.Step, d runDefinition, backoff time.Duration) *continuation {
	p := definedBy(d)
	p.requestID = step.NewID()
	p.runID = step.NewID()
	p.continuedRunID = r.info.RunId
	p.firstRunID = r.info.FirstRunId
	p.limitExecution(r.info.ExecutionTimeout)
	p.executionExpiration = r.info.ExecutionExpiration
	p.firstTaskBackoff = r.restBefore(step.Now, backoff)
	p.resetPoints = r.resetPointsForNext(step.Now)
	p.callbacks = r.callbacks.all()
	p.timeSkipping, p.skipped = r.timeSkippingForNext()
	if r.info.Parent != nil {
		p.parent, p.root = r.info.Parent, r.root()
	}
	return &continuation{p}
}
