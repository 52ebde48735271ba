package frontend

import (
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
)

// The texts are part of the protocol: SDKs and their tests match some of them.
var (
	errNamespaceAndID          = serviceerror.NewInvalidArgument("GetNamespace operation failed.  Both ID and Name specified in request.")
	errTokenNamespace          = serviceerror.NewInvalidArgument("Operation requested with a token from a different namespace.")
	errPageTokenRun            = serviceerror.NewInvalidArgument("RunId in the request does not match the NextPageToken.")
	errNamespaceEmpty          = serviceerror.NewInvalidArgument("Namespace is empty.")
	errQueryNotSet             = serviceerror.NewInvalidArgument("WorkflowQuery is not set on request.")
	errDeadlineTooShort        = serviceerror.NewFailedPrecondition("Context timeout is too short.")
	errUpdateMetaNotSet        = serviceerror.NewInvalidArgument("Update meta is not set on request.")
	errUpdateInputNotSet       = serviceerror.NewInvalidArgument("Update input is not set on request.")
	errUpdateNameNotSet        = serviceerror.NewInvalidArgument("Update name is not set on request.")
	errUpdateIDTooLong         = serviceerror.NewInvalidArgument("UpdateId length exceeds limit.")
	errUpdateRefNotSet         = serviceerror.NewInvalidArgument("UpdateRef is not set on request.")
	errUpdateAdmitted          = serviceerror.NewPermissionDenied("UpdateWorkflowExecution issued asynchronously and waiting on update admitted is not supported.", "")
	errMultiNotStartUpdate     = serviceerror.NewInvalidArgument("Operations have to be exactly [Start, Update].")
	errMultiNamespace          = serviceerror.NewInvalidArgument("Operation namespace did not match request's namespace.")
	errMultiWorkflowID         = serviceerror.NewInvalidArgument("WorkflowId is not consistent with previous operation(s).")
	errMultiCron               = serviceerror.NewInvalidArgument("CronSchedule is not allowed.")
	errMultiEager              = serviceerror.NewInvalidArgument("RequestEagerExecution is not supported.")
	errMultiStartDelay         = serviceerror.NewInvalidArgument("WorkflowStartDelay is not supported.")
	errMultiFirstRunID         = serviceerror.NewInvalidArgument("FirstExecutionRunId is not allowed.")
	errMultiRunID              = serviceerror.NewInvalidArgument("RunId is not allowed.")
	errMultiAborted            = serviceerror.NewMultiOperationAborted("Operation was aborted.")
	errUpdateMaskNotSet        = serviceerror.NewInvalidArgument("UpdateMask is required")
	errOptionsNotSet           = serviceerror.NewInvalidArgument("WorkflowExecutionOptions is required")
	errAttributesNotSet        = serviceerror.NewInvalidArgument("SearchAttributes are not set on request.")
	errConflictFail            = serviceerror.NewInvalidArgument("Invalid WorkflowIDConflictPolicy: WORKFLOW_ID_CONFLICT_POLICY_FAIL is not supported for this operation.")
	errAttachWithoutRequest    = serviceerror.NewInvalidArgument("attaching request ID is required for attaching completion callbacks")
	errVersioningBehavior      = serviceerror.NewInvalidArgument("versioning behavior cannot be specified without deployment options being set with versioned mode")
	errQueryTimeout            = serviceerror.NewDeadlineExceeded("query timed out before a worker could process it")
	errQueryNotWaiting         = serviceerror.NewNotFound("query task not found, or already expired")
	errActivityTargetNotSet    = serviceerror.NewInvalidArgument("Either Activity.Id or Activity.Type should be set on request.")
	errActivityOptionsNotSet   = serviceerror.NewInvalidArgument("ActivityOptions are not provided")
	errListTimes               = serviceerror.NewInvalidArgument("EarliestTime in StartTimeFilter should not be larger than LatestTime.")
	errListStatus              = serviceerror.NewInvalidArgument("StatusFilter must be specified and must be not Running.")
	errNotArchived             = serviceerror.NewInvalidArgument("Cluster is not configured for visibility archival.")
	errOptionsMaskNotSet       = serviceerror.NewInvalidArgument("UpdateMask is not provided")
	errOptionsMaskEmpty        = serviceerror.NewInvalidArgument("UpdateMask must specify at least one path")
	errOptionsMaskAndRestore   = serviceerror.NewInvalidArgument("Both UpdateMask and RestoreOriginal are provided")
	errActivityTokenRun        = serviceerror.NewInvalidArgument("run id is required when long poll token is provided")
	errActivityAttachCallbacks = serviceerror.NewInvalidArgument("on_conflict_options: attach_completion_callbacks requires attach_request_id to be set")
	errActivityAttachRequest   = serviceerror.NewInvalidArgument("on_conflict_options: attach_request_id requires at least one completion callback or link")
	errTooManyLongPolls        = serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT, "Too many long polls are open on this server; retry later.")
	errTooManyQueries          = serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT, "Too many queries are waiting for workers on this server; retry later.")
	errDraining                = serviceerror.NewUnavailable("The server is shutting down; retry on another connection.")
)

// What a termination that says no more is recorded with.
const (
	defaultTerminateReason   = "terminated by user via frontend"
	defaultTerminateIdentity = "frontend-service"
)
