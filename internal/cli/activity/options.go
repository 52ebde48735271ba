package activity

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	activitypb "go.temporal.io/api/activity/v1"
	batchpb "go.temporal.io/api/batch/v1"
	commonpb "go.temporal.io/api/common/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
)

// options are the flags of an activity's options; those that are given are changed.
type options struct {
	taskQueue                                                 string
	scheduleToClose, scheduleToStart, startToClose, heartbeat flags.Duration
	initialInterval, maximumInterval                          flags.Duration
	backoff                                                   float32
	attempts                                                  int32
	restore                                                   bool
}

func (o *options) addTo(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringVar(&o.taskQueue, "task-queue", "", "task queue")
	set.Var(&o.scheduleToClose, "schedule-to-close-timeout", "how long it may take with all its attempts")
	set.Var(&o.scheduleToStart, "schedule-to-start-timeout", "how long it may wait for a worker")
	set.Var(&o.startToClose, "start-to-close-timeout", "how long one attempt may take")
	set.Var(&o.heartbeat, "heartbeat-timeout", "how long it may be silent")
	set.Var(&o.initialInterval, "retry-initial-interval", "how long to wait before the second attempt")
	set.Var(&o.maximumInterval, "retry-maximum-interval", "how long to wait between attempts at most")
	set.Float32Var(&o.backoff, "retry-backoff-coefficient", 0, "by how much the wait gets longer from attempt to attempt; 1 or more")
	set.Int32Var(&o.attempts, "retry-maximum-attempts", 0, "how often it is tried at most; 0 is no limit")
	set.BoolVar(&o.restore, "restore-original-options", false, "give it the options again that it was scheduled with")
}

// proto are the options that are given, and the mask that says which.
func (o *options) proto(cmd *cobra.Command) (*activitypb.ActivityOptions, *fieldmaskpb.FieldMask) {
	result, mask := &activitypb.ActivityOptions{}, &fieldmaskpb.FieldMask{}
	given := func(flag, path string, set func()) {
		if cmd.Flags().Changed(flag) {
			set()
			mask.Paths = append(mask.Paths, path)
		}
	}
	duration := func(target **durationpb.Duration, d flags.Duration) func() {
		return func() { *target = durationpb.New(time.Duration(d)) }
	}
	retry := &commonpb.RetryPolicy{}
	given("task-queue", "task_queue_name", func() { result.TaskQueue = &taskqueuepb.TaskQueue{Name: o.taskQueue} })
	given("schedule-to-close-timeout", "schedule_to_close_timeout", duration(&result.ScheduleToCloseTimeout, o.scheduleToClose))
	given("schedule-to-start-timeout", "schedule_to_start_timeout", duration(&result.ScheduleToStartTimeout, o.scheduleToStart))
	given("start-to-close-timeout", "start_to_close_timeout", duration(&result.StartToCloseTimeout, o.startToClose))
	given("heartbeat-timeout", "heartbeat_timeout", duration(&result.HeartbeatTimeout, o.heartbeat))
	timeouts := len(mask.Paths)
	given("retry-initial-interval", "retry_policy.initial_interval", duration(&retry.InitialInterval, o.initialInterval))
	given("retry-maximum-interval", "retry_policy.maximum_interval", duration(&retry.MaximumInterval, o.maximumInterval))
	given("retry-backoff-coefficient", "retry_policy.backoff_coefficient", func() { retry.BackoffCoefficient = float64(o.backoff) })
	given("retry-maximum-attempts", "retry_policy.maximum_attempts", func() { retry.MaximumAttempts = o.attempts })
	if len(mask.Paths) > timeouts {
		result.RetryPolicy = retry
	}
	return result, mask
}

func newUpdateOptions(g *command.Group) *cobra.Command {
	var selection command.Selection
	var w which
	var o options
	cmd := &cobra.Command{
		Use:   "update-options",
		Short: "Change timeouts, retries or the task queue of an activity",
		Long: `Change options of a pending activity: those that are given as flags. With --query, those of
activities of all workflows that it finds, as a batch job.`,
		Example: `  perdure activity update-options order-17 --activity-id 5 --start-to-close-timeout 5m
  perdure activity update-options order-17 --activity-id 5 --restore-original-options`,
	}
	cmd.RunE = g.Run(func(ctx context.Context, s *command.Session) error {
		if err := w.check(&selection); err != nil {
			return err
		}
		changed, mask := o.proto(cmd)
		if len(mask.GetPaths()) == 0 && !o.restore {
			return flags.Usagef("nothing to change is given")
		}
		return selection.Do(ctx, s, false, func(e *commonpb.WorkflowExecution) error {
			request := &workflowservice.UpdateActivityOptionsRequest{
				Namespace: s.Namespace, Execution: e, ActivityOptions: changed, UpdateMask: mask, Identity: s.Identity, RestoreOriginal: o.restore,
			}
			if w.id != "" {
				request.Activity = &workflowservice.UpdateActivityOptionsRequest_Id{Id: w.id}
			} else {
				request.Activity = &workflowservice.UpdateActivityOptionsRequest_Type{Type: w.kind}
			}
			response, err := s.WorkflowService().UpdateActivityOptions(ctx, request)
			if err != nil {
				return fmt.Errorf("updating the activity's options: %w", err)
			}
			return show(s.Out, response.GetActivityOptions())
		}, func(request *workflowservice.StartBatchOperationRequest) {
			operation := &batchpb.BatchOperationUpdateActivityOptions{
				Identity: s.Identity, ActivityOptions: changed, UpdateMask: mask, RestoreOriginal: o.restore,
			}
			if w.all {
				operation.Activity = &batchpb.BatchOperationUpdateActivityOptions_MatchAll{MatchAll: true}
			} else {
				operation.Activity = &batchpb.BatchOperationUpdateActivityOptions_Type{Type: w.kind}
			}
			request.Operation = &workflowservice.StartBatchOperationRequest_UpdateActivityOptionsOperation{UpdateActivityOptionsOperation: operation}
		})
	})
	selection.AddTo(cmd)
	w.addTo(cmd, true)
	o.addTo(cmd)
	return cmd
}

// shown are the options of an activity in JSON: with the names, and durations in
// nanoseconds, that the Temporal CLI has for them.
type shown struct {
	TaskQueue              string
	ScheduleToCloseTimeout time.Duration
	ScheduleToStartTimeout time.Duration
	StartToCloseTimeout    time.Duration
	HeartbeatTimeout       time.Duration
	InitialInterval        time.Duration
	BackoffCoefficient     float64
	MaximumInterval        time.Duration
	MaximumAttempts        int32
}

func show(out *output.Printer, o *activitypb.ActivityOptions) error {
	retry := o.GetRetryPolicy()
	if out.JSON() {
		return out.Value(shown{
			TaskQueue:              o.GetTaskQueue().GetName(),
			ScheduleToCloseTimeout: o.GetScheduleToCloseTimeout().AsDuration(),
			ScheduleToStartTimeout: o.GetScheduleToStartTimeout().AsDuration(),
			StartToCloseTimeout:    o.GetStartToCloseTimeout().AsDuration(),
			HeartbeatTimeout:       o.GetHeartbeatTimeout().AsDuration(),
			InitialInterval:        retry.GetInitialInterval().AsDuration(),
			BackoffCoefficient:     retry.GetBackoffCoefficient(),
			MaximumInterval:        retry.GetMaximumInterval().AsDuration(),
			MaximumAttempts:        retry.GetMaximumAttempts(),
		})
	}
	out.Heading("Activity options:")
	out.Card(
		output.F("TaskQueue", o.GetTaskQueue().GetName()),
		output.F("ScheduleToCloseTimeout", o.GetScheduleToCloseTimeout()),
		output.F("ScheduleToStartTimeout", o.GetScheduleToStartTimeout()),
		output.F("StartToCloseTimeout", o.GetStartToCloseTimeout()),
		output.F("HeartbeatTimeout", o.GetHeartbeatTimeout()),
		output.F("InitialInterval", retry.GetInitialInterval()),
		output.F("BackoffCoefficient", retry.GetBackoffCoefficient()),
		output.F("MaximumInterval", retry.GetMaximumInterval()),
		output.F("MaximumAttempts", retry.GetMaximumAttempts()),
	)
	return nil
}
