package workflow

import (
	"cmp"
	"slices"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
)

// The options of a run are what can be changed of it from outside while it runs: its
// priority, by which version of the worker it is run, and how it skips time. Each change is an event,
// WorkflowExecutionOptionsUpdated, which has all options as they are after it, and
// which the workflow does not learn of. The same event attaches to a running run what a
// request brings along that would have started it (request_ids.go).

// UpdateOptions changes the options of a running run that the mask names. The reply
// has all of them. A change that changes nothing leaves no event.
func (c *Chain) UpdateOptions(step *entity.Step, req *workflowservice.UpdateWorkflowExecutionOptionsRequest) (*workflowservice.UpdateWorkflowExecutionOptionsResponse, error) {
	r, err := c.runningRun(step, req.GetWorkflowExecution().GetRunId())
	if err != nil {
		return nil, err
	}
	options, err := r.updateOptions(step, req.GetWorkflowExecutionOptions(), req.GetUpdateMask(), req.GetIdentity())
	if err != nil {
		return nil, err
	}
	return &workflowservice.UpdateWorkflowExecutionOptionsResponse{WorkflowExecutionOptions: options}, nil
}

// updateOptions changes the options of the run, which is running, to those of the
// wanted ones that the mask names, and returns all of them. It fails with
// InvalidArgument, and with FailedPrecondition for a version that there is not.
func (r *Run) updateOptions(step *entity.Step, wanted *workflowpb.WorkflowExecutionOptions, mask *fieldmaskpb.FieldMask, identity string) (*workflowpb.WorkflowExecutionOptions, error) {
	after, err := r.optionsAfter(wanted, mask)
	if err != nil {
		return nil, err
	}
	// A fast-forward begins anew, even if it is the same.
	forward := slices.Contains(mask.GetPaths(), "time_skipping_config") && wanted.GetTimeSkippingConfig().GetFastForwardConfig() != nil
	if !forward && proto.Equal(r.options(), after) {
		return after, nil
	}
	r.addOptionsUpdated(step, &historypb.WorkflowExecutionOptionsUpdatedEventAttributes{
		VersioningOverride:      after.GetVersioningOverride(),
		UnsetVersioningOverride: after.GetVersioningOverride() == nil,
		Identity:                identity,
		Priority:                after.GetPriority(),

		TimeSkippingConfig:        after.GetTimeSkippingConfig(),
		TimeSkippingConfigUpdated: forward || !proto.Equal(r.state.TimeSkipping.GetConfig(), after.GetTimeSkippingConfig()),
	}, nil)
	r.chain.reactivate(step, after.GetVersioningOverride(), r.info.TaskQueue)
	return after, nil
}

// optionsAfter are the options as updateOptions would leave them. Whether it fails does
// not depend on those that there are.
func (r *Run) optionsAfter(wanted *workflowpb.WorkflowExecutionOptions, mask *fieldmaskpb.FieldMask) (*workflowpb.WorkflowExecutionOptions, error) {
	if pin := wanted.GetVersioningOverride().GetPinned(); pin.GetBehavior() != workflowpb.VersioningOverride_PINNED_OVERRIDE_BEHAVIOR_UNSPECIFIED && pin.GetVersion() == nil {
		if r.versioningBehavior() != pinned {
			return nil, serviceerror.NewFailedPreconditionf(
				"must specify a specific pinned override version because workflow with id %v has behavior %s and is not yet pinned to any version",
				r.chain.key.ID, r.versioningBehavior())
		}
		wanted = proto.CloneOf(wanted)
		wanted.GetVersioningOverride().GetPinned().Version = r.version().Proto()
	}
	if err := cmp.Or(
		check.VersioningOverride(wanted.GetVersioningOverride()),
		r.chain.checkVersionPresent(wanted.GetVersioningOverride(), r.info.TaskQueue),
	); err != nil {
		return nil, err
	}
	after, err := mergeOptions(r.options(), wanted, mask)
	if err != nil {
		return nil, serviceerror.NewInvalidArgumentf("error applying update_options: %v", err)
	}
	return after, nil
}

// options are those that the run has now.
func (r *Run) options() *workflowpb.WorkflowExecutionOptions {
	return &workflowpb.WorkflowExecutionOptions{
		VersioningOverride: r.info.VersioningOverride,
		Priority:           r.info.Priority,
		TimeSkippingConfig: r.state.TimeSkipping.GetConfig(),
	}
}

// mergeOptions replaces what the mask names, which may be a whole option, or a field
// of the priority. The arguments are left alone.
func mergeOptions(options, wanted *workflowpb.WorkflowExecutionOptions, mask *fieldmaskpb.FieldMask) (*workflowpb.WorkflowExecutionOptions, error) {
	if _, err := fieldmaskpb.New(options, mask.GetPaths()...); err != nil {
		return nil, err
	}
	const override, timeSkipping = "versioning_override", "time_skipping_config"
	named := make(map[string]bool, len(mask.GetPaths()))
	for _, path := range mask.GetPaths() {
		named[path] = true
		switch name, field, nested := strings.Cut(path, "."); {
		case !nested, name != override && name != timeSkipping:
		case name == timeSkipping:
			return nil, serviceerror.NewInvalidArgument("time_skipping_config doesn't support partial update")
		case field != "behavior" && field != "deployment":
			return nil, serviceerror.NewInvalidArgument("versioning_override doesn't support partial updates")
		}
	}
	// Older clients name the two fields that made up the override then.
	if named[override+".behavior"] != named[override+".deployment"] {
		return nil, serviceerror.NewInvalidArgument("versioning_override fields must be updated together")
	}
	merged := &workflowpb.WorkflowExecutionOptions{
		VersioningOverride: options.GetVersioningOverride(),
		Priority:           options.GetPriority(),
		TimeSkippingConfig: options.GetTimeSkippingConfig(),
	}
	if named[timeSkipping] {
		merged.TimeSkippingConfig = wanted.GetTimeSkippingConfig()
	}
	if named[override] || named[override+".behavior"] {
		merged.VersioningOverride = wanted.GetVersioningOverride()
	}
	if named["priority"] {
		merged.Priority = wanted.GetPriority()
	}
	merged.Priority = mergePriorityFields(merged.Priority, wanted.GetPriority(), named)
	if merged.Priority == nil && options.GetPriority() != nil {
		merged.Priority = new(commonpb.Priority) // in the event none means no change
	}
	return merged, nil
}

// mergePriorityFields replaces those fields of a priority that are named. The
// arguments are left alone.
func mergePriorityFields(priority, wanted *commonpb.Priority, named map[string]bool) *commonpb.Priority {
	key, fairnessKey, weight := named["priority.priority_key"], named["priority.fairness_key"], named["priority.fairness_weight"]
	if !key && !fairnessKey && !weight {
		return priority
	}
	merged := &commonpb.Priority{
		PriorityKey:    priority.GetPriorityKey(),
		FairnessKey:    priority.GetFairnessKey(),
		FairnessWeight: priority.GetFairnessWeight(),
	}
	if key {
		merged.PriorityKey = wanted.GetPriorityKey()
	}
	if fairnessKey {
		merged.FairnessKey = wanted.GetFairnessKey()
	}
	if weight {
		merged.FairnessWeight = wanted.GetFairnessWeight()
	}
	return merged
}

// addOptionsUpdated adds the event of a change of options. A workflow task that waits
// for a worker is offered anew, if it is to be done with another priority.
func (r *Run) addOptionsUpdated(step *entity.Step, attr *historypb.WorkflowExecutionOptionsUpdatedEventAttributes, links []*commonpb.Link) {
	priority, override := r.info.Priority, r.info.VersioningOverride
	behavior, version := r.versioningBehavior(), r.version()
	r.addEvent(step, workflowExecutionOptionsUpdated(attr, links))
	overridden := !proto.Equal(override, r.info.VersioningOverride)
	if overridden && (behavior != r.versioningBehavior() || version != r.version()) {
		r.clearSticky()
	}
	if overridden {
		r.redispatchActivities(step)
	}
	if overridden || !proto.Equal(priority, r.info.Priority) {
		r.redispatch(step)
	}
}

func workflowExecutionOptionsUpdated(attr *historypb.WorkflowExecutionOptionsUpdatedEventAttributes, links []*commonpb.Link) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType:       enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
		Links:           links,
		WorkerMayIgnore: true,
		Attributes:      &historypb.HistoryEvent_WorkflowExecutionOptionsUpdatedEventAttributes{WorkflowExecutionOptionsUpdatedEventAttributes: attr},
	}
}

func applyWorkflowExecutionOptionsUpdated(r *Run, e *historypb.HistoryEvent, attr *historypb.WorkflowExecutionOptionsUpdatedEventAttributes) error {
	behavior, version := r.versioningBehavior(), r.version()
	switch {
	case attr.GetUnsetVersioningOverride():
		r.info.VersioningOverride = nil
	case attr.GetVersioningOverride() != nil:
		r.info.VersioningOverride = attr.GetVersioningOverride()
	}
	if r.settledBehavior() != behavior || r.settledVersion() != version {
		if r.info.Versioning.GetTransition() != nil {
			r.versioning().Transition = nil // it does not go there any more
		}
		r.updateVersionAttributes(nil, deployment.Version{})
	}
	if attr.GetPriority() != nil {
		r.info.Priority = attr.GetPriority()
	}
	if id := attr.GetAttachedRequestId(); id != "" {
		r.requestIDs.attach(id, e)
	}
	r.callbacks.attach(attr.GetAttachedCompletionCallbacks(), attr.GetAttachedRequestId(), "", e)
	for _, u := range attr.GetWorkflowUpdateOptions() {
		r.applyToUpdate(e, u.GetUpdateId(), u.GetAttachedRequestId(), u.GetAttachedCompletionCallbacks())
	}
	if attr.GetTimeSkippingConfigUpdated() {
		r.changeTimeSkipping(e, attr.GetTimeSkippingConfig())
	}
	r.dirty.info = true
	return nil
}
