package batch

import (
	"cmp"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/api/check"
)

var (
	errParametersNotSet    = serviceerror.NewInvalidArgument("must provide required parameters: BatchType,Reason,Namespace, AND one of (Query OR Executions OR TargetExecutions)")
	errJobIDNotSet         = serviceerror.NewInvalidArgument("JobId is not set on request.")
	errReasonNotSet        = serviceerror.NewInvalidArgument("Reason is not set on request.")
	errTargetsExclusive    = serviceerror.NewInvalidArgument("visibility query, executions, and target executions are mutually exclusive")
	errSignalNotSet        = serviceerror.NewInvalidArgument("must provide signal name")
	errOptionsNotSet       = serviceerror.NewInvalidArgument("must provide UpdateOptions")
	errMaskNotSet          = serviceerror.NewInvalidArgument("must provide UpdateMask")
	errResetNotSet         = serviceerror.NewInvalidArgument("reset operation is not set")
	errResetTargetNotSet   = serviceerror.NewInvalidArgument("batch reset missing target")
	errUnpauseNotSet       = serviceerror.NewInvalidArgument("unpause activities operation is not set")
	errActivityNotSet      = serviceerror.NewInvalidArgument("activity filter must be set")
	errActivityEmpty       = serviceerror.NewInvalidArgument("Either activity type must be set, or match all should be set to true")
	errResetActivityNotSet = serviceerror.NewInvalidArgument("reset activities operation is not set")
	errActivityFilter      = serviceerror.NewInvalidArgument("must provide ActivityType or MatchAll")
	errUpdateNotSet        = serviceerror.NewInvalidArgument("update activity options operation is not set")
	errOptionsAndRestore   = serviceerror.NewInvalidArgument("cannot set both activity options and restore original")
	errNoOptionsNoRestore  = serviceerror.NewInvalidArgument("Either activity type must be set, or restore original should be set to true")
)

// CheckJobID refuses requests without a job id.
func CheckJobID(id string, limits *check.Limits) error {
	if id == "" {
		return errJobIDNotSet
	}
	return limits.CheckLength("JobId", id, check.Request)
}

// CheckStop checks a request to stop a job.
func CheckStop(req *workflowservice.StopBatchOperationRequest, limits *check.Limits) error {
	if err := CheckJobID(req.GetJobId(), limits); err != nil {
		return err
	}
	if req.GetReason() == "" {
		return errReasonNotSet
	}
	return limits.CheckIdentity(req.GetIdentity())
}

// Check checks a request to start a job, but for its query. Most is how many executions it
// may name.
func Check(req *workflowservice.StartBatchOperationRequest, limits *check.Limits, most int) error {
	//lint:ignore SA1019 clients still use it
	old := req.GetExecutions()
	selectors := 0
	for _, set := range []bool{req.GetVisibilityQuery() != "", len(old) > 0, len(req.GetTargetExecutions()) > 0} {
		if set {
			selectors++
		}
	}
	switch {
	case req.GetOperation() == nil, req.GetReason() == "", selectors == 0:
		return errParametersNotSet
	case req.GetJobId() == "":
		return errJobIDNotSet
	case selectors > 1:
		return errTargetsExclusive
	}
	want := executionType(req)
	for i, execution := range req.GetTargetExecutions() {
		if execution.GetType() != want {
			return invalid("target_executions[%d] has type %v, but operation %T requires %v", i, execution.GetType(), req.GetOperation(), want)
		}
	}
	if err := checkOperation(req, limits); err != nil {
		return err
	}
	if n := len(old) + len(req.GetTargetExecutions()); n > most {
		return invalid("the request names %d executions, the maximum is %d: use a query", n, most)
	}
	if perSecond := req.GetMaxOperationsPerSecond(); !(perSecond >= 0) {
		return invalid("MaxOperationsPerSecond has to be a number that is not negative: %v", perSecond)
	}
	for _, execution := range Executions(req) {
		if err := cmp.Or(limits.CheckWorkflowID(execution.GetBusinessId(), check.Request), check.RunID(execution.GetRunId(), check.Request)); err != nil {
			return err
		}
	}
	return cmp.Or(CheckJobID(req.GetJobId(), limits), limits.CheckIdentity(Identity(req)), check.BlobSize(len(req.GetReason()), check.MaxMemo))
}

// checkOperation checks what the operation itself has to say.
func checkOperation(req *workflowservice.StartBatchOperationRequest, limits *check.Limits) error {
	switch o := req.GetOperation().(type) {
	case *signal:
		if o.SignalOperation.GetSignal() == "" {
			return errSignalNotSet
		}
		return limits.CheckSignalName(o.SignalOperation.GetSignal(), check.Request)
	case *updateWorkflowOptions:
		switch {
		case o.UpdateWorkflowOptionsOperation.GetWorkflowExecutionOptions() == nil:
			return errOptionsNotSet
		case o.UpdateWorkflowOptionsOperation.GetUpdateMask() == nil:
			return errMaskNotSet
		}
	case *reset:
		return checkReset(o)
	case *unpauseActivities:
		switch u := o.UnpauseActivitiesOperation; {
		case u == nil:
			return errUnpauseNotSet
		case u.GetActivity() == nil:
			return errActivityNotSet
		case u.GetType() == "" && !u.GetMatchAll():
			return errActivityEmpty
		}
	case *resetActivities:
		switch r := o.ResetActivitiesOperation; {
		case r == nil:
			return errResetActivityNotSet
		case r.GetActivity() == nil:
			return errActivityFilter
		case r.GetType() == "" && !r.GetMatchAll():
			return errActivityEmpty
		}
	case *updateActivityOptions:
		return checkUpdateActivityOptions(o)
	}
	return nil
}

func checkReset(o *reset) error {
	switch r := o.ResetOperation; {
	case r == nil:
		return errResetNotSet
	case r.Options != nil:
		if r.Options.Target == nil {
			return errResetTargetNotSet
		}
	//lint:ignore SA1019 older clients use it
	case r.ResetType == enumspb.RESET_TYPE_UNSPECIFIED || enumspb.ResetType_name[int32(r.ResetType)] == "":
		//lint:ignore SA1019 older clients use it
		return invalid("unknown batch reset type %v", r.ResetType)
	}
	return nil
}

func checkUpdateActivityOptions(o *updateActivityOptions) error {
	u := o.UpdateActivityOptionsOperation
	switch {
	case u == nil:
		return errUpdateNotSet
	case u.GetActivityOptions() != nil && u.GetRestoreOriginal():
		return errOptionsAndRestore
	case u.GetActivityOptions() == nil && !u.GetRestoreOriginal():
		return errNoOptionsNoRestore
	case u.GetActivity() == nil:
		return errActivityFilter // a Temporal server accepts it, and fails for every workflow
	case u.GetType() == "" && !u.GetMatchAll():
		return errActivityEmpty
	case u.GetActivityOptions() != nil && u.GetUpdateMask() == nil:
		return errMaskNotSet // the same
	}
	return nil
}
