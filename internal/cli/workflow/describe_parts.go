package workflow

import (
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/cli/output"
)

func showVersioning(out *output.Printer, v *workflowpb.WorkflowExecutionVersioningInfo) {
	if v == nil {
		return
	}
	override := v.GetVersioningOverride()
	fields := []output.Field{
		output.F("Behavior", v.GetBehavior()),
		output.F("DeploymentName", v.GetDeploymentVersion().GetDeploymentName()),
		output.F("BuildId", v.GetDeploymentVersion().GetBuildId()),
	}
	switch o := override.GetOverride().(type) {
	case *workflowpb.VersioningOverride_Pinned:
		fields = append(fields, output.F("OverrideBehavior", "Pinned"),
			output.F("OverridePinnedVersionDeploymentName", o.Pinned.GetVersion().GetDeploymentName()),
			output.F("OverridePinnedVersionBuildId", o.Pinned.GetVersion().GetBuildId()))
	case *workflowpb.VersioningOverride_AutoUpgrade:
		fields = append(fields, output.F("OverrideBehavior", "AutoUpgrade"))
	}
	fields = append(fields,
		output.Optional("TransitionVersionDeploymentName", v.GetVersionTransition().GetDeploymentVersion().GetDeploymentName()),
		output.Optional("TransitionVersionBuildId", v.GetVersionTransition().GetDeploymentVersion().GetBuildId()))
	out.Printf("")
	out.Heading("Versioning Info:")
	out.Card(fields...)
}

func showCallbacks(out *output.Printer, callbacks []*workflowpb.CallbackInfo) {
	if len(callbacks) == 0 {
		return
	}
	out.Printf("")
	out.Heading("Callbacks: %d", len(callbacks))
	for i, c := range callbacks {
		if i > 0 {
			out.Printf("")
		}
		out.Card(
			output.F("URL", c.GetCallback().GetNexus().GetUrl()),
			output.F("State", c.GetState()),
			output.F("Attempt", c.GetAttempt()),
			output.Optional("RegistrationTime", c.GetRegistrationTime()),
			output.Optional("NextAttemptScheduleTime", c.GetNextAttemptScheduleTime()),
			output.Optional("LastAttemptCompleteTime", c.GetLastAttemptCompleteTime()),
			output.Optional("LastAttemptFailure", c.GetLastAttemptFailure()),
			output.Optional("BlockedReason", c.GetBlockedReason()),
		)
	}
}

// showPending shows what an open workflow waits for.
func showPending(out *output.Printer, d *workflowservice.DescribeWorkflowExecutionResponse) {
	if task := d.GetPendingWorkflowTask(); task != nil {
		out.Printf("")
		out.Heading("Pending Workflow Task:")
		out.Card(
			output.F("State", task.GetState()),
			output.F("ScheduledTime", task.GetScheduledTime()),
			output.Optional("StartedTime", task.GetStartedTime()),
			output.F("Attempt", task.GetAttempt()),
		)
	}
	out.Printf("")
	out.Heading("Pending Activities: %d", len(d.GetPendingActivities()))
	for i, a := range d.GetPendingActivities() {
		if i > 0 {
			out.Printf("")
		}
		out.Card(activityFields(a)...)
	}
	out.Printf("")
	out.Heading("Pending Child Workflows: %d", len(d.GetPendingChildren()))
	table := out.Table(output.Col("WorkflowId"), output.Col("RunId"), output.Shrinks("Type"))
	for _, c := range d.GetPendingChildren() {
		table.Rows([]any{c.GetWorkflowId(), c.GetRunId(), c.GetWorkflowTypeName()})
	}
	if operations := d.GetPendingNexusOperations(); len(operations) > 0 {
		out.Printf("")
		out.Heading("Pending Nexus Operations: %d", len(operations))
		for i, o := range operations {
			if i > 0 {
				out.Printf("")
			}
			out.Card(nexusFields(o)...)
		}
	}
}

func activityFields(a *workflowpb.PendingActivityInfo) []output.Field {
	var limit any
	if a.GetMaximumAttempts() > 0 {
		limit = a.GetMaximumAttempts()
	}
	fields := []output.Field{
		output.F("ActivityId", a.GetActivityId()),
		output.F("Type", a.GetActivityType().GetName()),
		output.F("State", a.GetState()),
		output.F("Attempt", a.GetAttempt()),
		output.Optional("MaximumAttempts", limit),
		output.Optional("ScheduledTime", a.GetScheduledTime()),
		output.Optional("LastStartedTime", a.GetLastStartedTime()),
		output.Optional("NextAttemptScheduleTime", a.GetNextAttemptScheduleTime()),
		output.Optional("LastHeartbeatTime", a.GetLastHeartbeatTime()),
		output.Optional("LastHeartbeatDetails", a.GetHeartbeatDetails()),
		output.Optional("ExpirationTime", a.GetExpirationTime()),
		output.Optional("LastFailure", a.GetLastFailure()),
		output.Optional("LastWorkerIdentity", a.GetLastWorkerIdentity()),
	}
	if a.GetPaused() {
		fields = append(fields, output.F("Paused", a.GetPauseInfo()))
	}
	return fields
}

func nexusFields(o *workflowpb.PendingNexusOperationInfo) []output.Field {
	cancellation := o.GetCancellationInfo()
	fields := []output.Field{
		output.F("Endpoint", o.GetEndpoint()),
		output.F("Service", o.GetService()),
		output.F("Operation", o.GetOperation()),
		output.Optional("OperationToken", o.GetOperationToken()),
		output.F("State", o.GetState()),
		output.F("Attempt", o.GetAttempt()),
		output.Optional("NextAttemptScheduleTime", o.GetNextAttemptScheduleTime()),
		output.Optional("LastAttemptCompleteTime", o.GetLastAttemptCompleteTime()),
		output.Optional("LastAttemptFailure", o.GetLastAttemptFailure()),
		output.Optional("BlockedReason", o.GetBlockedReason()),
	}
	if cancellation != nil {
		fields = append(fields,
			output.F("CancelationState", cancellation.GetState()),
			output.F("CancelationAttempt", cancellation.GetAttempt()),
			output.Optional("CancelationRequestedTime", cancellation.GetRequestedTime()),
			output.Optional("CancelationLastAttemptFailure", cancellation.GetLastAttemptFailure()))
	}
	return fields
}
