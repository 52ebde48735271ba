package frontend

import (
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
)

// The texts are part of the protocol: SDKs and their tests match some of them.
var (
	errNamespaceNotSet      = serviceerror.NewInvalidArgument("Namespace not set on request.")
	errNamespaceTooLong     = serviceerror.NewInvalidArgument("Namespace length exceeds limit.")
	errNamespaceAndID       = serviceerror.NewInvalidArgument("Only one of namespace name or Id should be set on request.")
	errTokenNotSet          = serviceerror.NewInvalidArgument("Task token not set on request.")
	errTokenMalformed       = serviceerror.NewInvalidArgument("Error deserializing task token.")
	errTokenInvalid         = serviceerror.NewInvalidArgument("Invalid TaskToken.")
	errTokenNamespace       = serviceerror.NewInvalidArgument("Operation requested with a token from a different namespace.")
	errPageToken            = serviceerror.NewInvalidArgument("Invalid NextPageToken.")
	errPageTokenRun         = serviceerror.NewInvalidArgument("RunId in the request does not match the NextPageToken.")
	errExecutionNotSet      = serviceerror.NewInvalidArgument("Execution is not set on request.")
	errWorkflowIDNotSet     = serviceerror.NewInvalidArgument("WorkflowId is not set on request.")
	errWorkflowIDTooLong    = serviceerror.NewInvalidArgument("WorkflowId length exceeds limit.")
	errRunIDInvalid         = serviceerror.NewInvalidArgument("Invalid RunId.")
	errWorkflowTypeNotSet   = serviceerror.NewInvalidArgument("WorkflowType is not set on request.")
	errWorkflowTypeTooLong  = serviceerror.NewInvalidArgument("WorkflowType length exceeds limit.")
	errSignalNameNotSet     = serviceerror.NewInvalidArgument("SignalName is not set on request.")
	errSignalNameTooLong    = serviceerror.NewInvalidArgument("SignalName length exceeds limit.")
	errRequestIDTooLong     = serviceerror.NewInvalidArgument("RequestId length exceeds limit.")
	errIdentityTooLong      = serviceerror.NewInvalidArgument("Identity length exceeds limit.")
	errActivityIDNotSet     = serviceerror.NewInvalidArgument("ActivityId is not set on request.")
	errActivityIDTooLong    = serviceerror.NewInvalidArgument("ActivityId length exceeds limit.")
	errQueryNotSet          = serviceerror.NewInvalidArgument("WorkflowQuery is not set on request.")
	errQueryTypeNotSet      = serviceerror.NewInvalidArgument("QueryType is not set on request.")
	errBlobTooBig           = serviceerror.NewInvalidArgument("Blob data size exceeds limit.")
	errMemoTooBig           = serviceerror.NewInvalidArgument("Memo size exceeds limit.")
	errDeadlineTooShort     = serviceerror.NewFailedPrecondition("Context timeout is too short.")
	errAttributesNotSet     = serviceerror.NewInvalidArgument("SearchAttributes are not set on request.")
	errFailureKind          = serviceerror.NewInvalidArgument("Failure must have ApplicationFailureInfo.")
	errExecutionTimeout     = serviceerror.NewInvalidArgument("An invalid WorkflowExecutionTimeoutSeconds is set on request.")
	errRunTimeout           = serviceerror.NewInvalidArgument("An invalid WorkflowRunTimeoutSeconds is set on request.")
	errTaskTimeout          = serviceerror.NewInvalidArgument("An invalid WorkflowTaskTimeoutSeconds is set on request.")
	errStartDelay           = serviceerror.NewInvalidArgument("An invalid WorkflowStartDelaySeconds is set on request.")
	errCronAndDelay         = serviceerror.NewInvalidArgument("CronSchedule and WorkflowStartDelay may not be used together.")
	errReuseTerminate       = serviceerror.NewInvalidArgument("Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING cannot be used together with a WorkflowIDConflictPolicy")
	errReuseReject          = serviceerror.NewInvalidArgument("Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE cannot be used together with WorkflowIdConflictPolicy WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING")
	errReusePolicy          = serviceerror.NewInvalidArgument("Unknown WorkflowIDReusePolicy.")
	errConflictPolicy       = serviceerror.NewInvalidArgument("Unknown WorkflowIDConflictPolicy.")
	errConflictFail         = serviceerror.NewInvalidArgument("Invalid WorkflowIDConflictPolicy: WORKFLOW_ID_CONFLICT_POLICY_FAIL is not supported for this operation.")
	errAttachWithoutRequest = serviceerror.NewInvalidArgument("attaching request ID is required for attaching completion callbacks")
	errBuildIDTooLong       = serviceerror.NewInvalidArgument("Build ID exceeds configured limit.workerBuildIdSize, use a shorter build ID.")
	errDeploymentNotSet     = serviceerror.NewInvalidArgument("Deployment name and build id must be set together.")
	errStickyWithoutNormal  = serviceerror.NewInvalidArgument("NormalName must be set on sticky queue when UseVersioning is true or DeploymentOptions are set.")
	errVersionSets          = serviceerror.NewPermissionDenied("Worker versioning v0.2 (Rules-based, deprecated) is disabled on this namespace.", "")
	errVersioningBehavior   = serviceerror.NewInvalidArgument("A versioning behavior needs deployment options with versioning mode VERSIONED.")
	errQueryTimeout         = serviceerror.NewDeadlineExceeded("query timed out before a worker could process it")
	errQueryNotWaiting      = serviceerror.NewNotFound("query task not found, or already expired")
	errTooManyLongPolls     = serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT, "Too many long polls are open on this server; retry later.")
	errTooManyQueries       = serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT, "Too many queries are waiting for workers on this server; retry later.")
	errDraining             = serviceerror.NewUnavailable("The server is shutting down; retry on another connection.")
)

// What a client may ask for that this server does not do is refused, never
// ignored: a workflow without its callback or its pinned version would be wrong
// without anyone noticing.
var (
	errCallbacks       = serviceerror.NewUnimplemented("Completion callbacks are not implemented by this server.")
	errVersionOverride = serviceerror.NewUnimplemented("Versioning overrides are not implemented by this server.")
	errTimeSkipping    = serviceerror.NewUnimplemented("The Time-Skipping feature is not enabled for namespace.")
	errDeployments     = serviceerror.NewUnimplemented("Worker deployment versioning is not implemented by this server: run the worker without versioning.")
	errPagedCompletion = serviceerror.NewUnimplemented("Paginated workflow task completion is not implemented by this server.")
)

// reasonFailureTooBig is what a failure that is beyond its limit is replaced by.
const reasonFailureTooBig = "Failure exceeds size limit."

// What a termination that says no more is recorded with.
const (
	defaultTerminateReason   = "terminated by user via frontend"
	defaultTerminateIdentity = "frontend-service"
)
