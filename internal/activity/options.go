package activity

import (
	"slices"
	"strings"

	activitypb "go.temporal.io/api/activity/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
)

// startDelayPath is the path of the option that only activities without a workflow have.
const startDelayPath = "start_delay"

// ExtraOptions are the options that only activities without a workflow have.
var ExtraOptions = map[string]attempt.Merge{
	startDelayPath: func(into, from *activitypb.ActivityOptions) bool {
		into.StartDelay = from.GetStartDelay()
		return true
	},
}

// NamesStartDelay reports whether the mask names the start delay.
func NamesStartDelay(mask *fieldmaskpb.FieldMask) bool { return namesOption(mask, startDelayPath) }

// namesOption reports whether the mask names the option, or a part of it.
func namesOption(mask *fieldmaskpb.FieldMask, option string) bool {
	return slices.ContainsFunc(mask.GetPaths(), func(path string) bool {
		name := attempt.SnakeCase(path)
		return name == option || strings.HasPrefix(name, option+".")
	})
}

// options are the options of the run.
func (r *Run) options() *activitypb.ActivityOptions {
	options := attempt.Options(r.act())
	options.TaskQueue.NormalName, options.TaskQueue.Kind = "", enumspb.TASK_QUEUE_KIND_NORMAL
	options.StartDelay = r.rec.StartDelay
	return options
}

// setOptions gives the run these options.
func (r *Run) setOptions(options *activitypb.ActivityOptions) {
	attempt.SetOptions(r.act(), options)
	r.setDelay(options.GetStartDelay())
	r.touch()
}

// restoreOptions gives the run the options back that it was started with; the start delay
// only if it still matters.
func (r *Run) restoreOptions() {
	options := proto.CloneOf(r.rec.OriginalOptions)
	if r.rec.LastStartedTime != nil {
		options.StartDelay = r.rec.StartDelay
	}
	r.setOptions(options)
	r.rec.RestoreOptions = false
}

// UpdateOptions changes the options that the mask names, or restores all, and returns
// all. An attempt that is running goes on, with the new timeouts; one that waits is
// planned anew. It fails with NotFound, with FailedPrecondition in states in which there
// is no use in it, and with InvalidArgument if what comes of the change would be refused
// at a start.
func (c *Chain) UpdateOptions(step *entity.Step, req *workflowservice.UpdateActivityExecutionOptionsRequest) (*activitypb.ActivityOptions, error) {
	r, err := c.Find(step.Reader, req.GetRunId())
	if err != nil {
		return nil, err
	}
	if repeated(req.GetRequestId(), r.rec.OptionsRequestId) {
		return r.options(), nil
	}
	at := r.state()
	if at != scheduled && at != started && at != paused && at != pauseRequested {
		return nil, serviceerror.NewFailedPreconditionf("Cannot update options for activity in state %s", at)
	}
	mask := req.GetUpdateMask()
	if waiting := r.act().FirstScheduledTime.AsTime().After(step.Now); NamesStartDelay(mask) && !waiting &&
		(r.rec.LastStartedTime != nil || at != paused) {
		return nil, serviceerror.NewFailedPrecondition("cannot update start_delay: the first activity attempt has already been dispatched")
	}
	options := proto.CloneOf(r.options())
	if !req.GetRestoreOriginal() {
		if err := attempt.MergeOptions(options, req.GetActivityOptions(), mask, &c.limits().Retry, ExtraOptions); err != nil {
			return nil, err
		}
		if err := attempt.CompleteOptions(options, r.act().ActivityId, r.act().ActivityType); err != nil {
			return nil, err
		}
	}
	r.undispatch(step) // from the queue it is on
	if req.GetRestoreOriginal() {
		r.restoreOptions()
	} else {
		r.setOptions(options)
	}
	r.rec.OptionsRequestId = req.GetRequestId()
	if policy := req.GetRestoreOriginal() || namesOption(mask, "retry_policy"); policy && r.rec.RetryInterval != nil && !r.rec.RetryIntervalByWorker {
		r.setRest(attempt.ExponentialInterval(r.act().RetryPolicy, r.act().Attempt-1), false)
	}
	if at == scheduled {
		next := r.restOver()
		if next.IsZero() {
			next = r.afterDelay(step.Now)
		}
		r.plan(step, next)
	} else {
		r.act().Stamp++
	}
	return r.options(), nil
}
