package taskqueue

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
)

func newConfig(g *command.Group) *cobra.Command {
	cmd := command.NewParent("config", "Limit the rate of a task queue",
		`Limit how many tasks of a queue are handed out per second, in all or for each fairness key.`,
		`  perdure task-queue config get --task-queue orders --task-queue-type activity`)
	cmd.AddCommand(newConfigGet(g), newConfigSet(g))
	return cmd
}

// configured are the flags that name a queue.
type configured struct {
	queue string
	kind  *flags.Enum
}

func (c *configured) addTo(cmd *cobra.Command) {
	queueFlag(cmd, &c.queue)
	c.kind = flags.NewEnum("", "workflow", "activity", "nexus")
	cmd.Flags().Var(c.kind, "task-queue-type", "type of the queue: "+c.kind.Choices()+"; required")
	_ = cmd.MarkFlagRequired("task-queue-type")
}

func (c *configured) value() enumspb.TaskQueueType {
	return flags.ValueOf[enumspb.TaskQueueType](c.kind, enumspb.TaskQueueType_shorthandValue)
}

func newConfigGet(g *command.Group) *cobra.Command {
	var c configured
	cmd := &cobra.Command{
		Use:     "get",
		Short:   "Show the limits of a task queue",
		Long:    `Show the limits of a task queue.`,
		Example: `  perdure task-queue config get --task-queue orders --task-queue-type activity`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			response, err := s.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
				Namespace:     s.Namespace,
				TaskQueue:     &taskqueuepb.TaskQueue{Name: c.queue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
				TaskQueueType: c.value(),
				ReportConfig:  true,
			})
			if err != nil {
				return fmt.Errorf("asking for the task queue's configuration: %w", err)
			}
			printConfig(s.Out, response.GetConfig())
			if response.GetConfig() == nil {
				return nil
			}
			return s.Out.Value(response.GetConfig())
		}),
	}
	c.addTo(cmd)
	return cmd
}

func printConfig(out *output.Printer, config *taskqueuepb.TaskQueueConfig) {
	var rows [][]any
	limit := func(name string, l *taskqueuepb.RateLimitConfig) {
		if l == nil {
			return
		}
		value := "Not Set"
		if l.GetRateLimit() != nil {
			value = fmt.Sprintf("%.2f rps", l.GetRateLimit().GetRequestsPerSecond())
		}
		rows = append(rows, []any{name, value, l.GetMetadata().GetReason(), l.GetMetadata().GetUpdateIdentity(), l.GetMetadata().GetUpdateTime()})
	}
	limit("Queue Rate Limit", config.GetQueueRateLimit())
	limit("Fairness Key Rate Limit Default", config.GetFairnessKeysRateLimitDefault())
	for _, key := range slices.Sorted(maps.Keys(config.GetFairnessWeightOverrides())) {
		rows = append(rows, []any{"Fairness Weight of " + key, config.GetFairnessWeightOverrides()[key], "", "", nil})
	}
	if len(rows) == 0 {
		out.Printf("No configuration found for task queue")
		return
	}
	out.Table(output.Col("Setting"), output.Col("Value"), output.Shrinks("Reason"), output.Shrinks("UpdatedBy"), output.Col("UpdatedTime")).Rows(rows...)
}

// limit is a rate, or "default", which takes it away.
func limit(flag, text string) (*taskqueuepb.RateLimit, error) {
	if strings.EqualFold(text, "default") {
		return nil, nil
	}
	rps, err := strconv.ParseFloat(text, 32)
	if err != nil || !(rps >= 0) {
		return nil, flags.Usagef("--%s must be a number of tasks per second, or 'default', not %q", flag, text)
	}
	return &taskqueuepb.RateLimit{RequestsPerSecond: float32(rps)}, nil
}

func newConfigSet(g *command.Group) *cobra.Command {
	var c configured
	var queueLimit, queueReason, keyLimit, keyReason string
	cmd := &cobra.Command{
		Use:   "set",
		Short: "Set or take away the limits of a task queue",
		Long:  `Set limits of a task queue, or take them away with 'default'. They hold at once, for all workers together.`,
		Example: `  perdure task-queue config set --task-queue orders --task-queue-type activity \
      --queue-rps-limit 50 --queue-rps-limit-reason 'spare the database'
  perdure task-queue config set --task-queue orders --task-queue-type activity --queue-rps-limit default`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			request := &workflowservice.UpdateTaskQueueConfigRequest{
				Namespace: s.Namespace, Identity: s.Identity, TaskQueue: c.queue, TaskQueueType: c.value(),
			}
			switch {
			case queueLimit == "" && keyLimit == "":
				return flags.Usagef("nothing to set: give --queue-rps-limit or --fairness-key-rps-limit-default")
			case queueLimit == "" && queueReason != "":
				return flags.Usagef("--queue-rps-limit-reason is for --queue-rps-limit, which is not given")
			case keyLimit == "" && keyReason != "":
				return flags.Usagef("--fairness-key-rps-limit-reason is for --fairness-key-rps-limit-default, which is not given")
			case queueLimit != "" && c.kind.Value() == "workflow":
				return flags.Usagef("setting rate limit on workflow task queues is not allowed")
			}
			if queueLimit != "" {
				rate, err := limit("queue-rps-limit", queueLimit)
				if err != nil {
					return err
				}
				request.UpdateQueueRateLimit = &workflowservice.UpdateTaskQueueConfigRequest_RateLimitUpdate{RateLimit: rate, Reason: queueReason}
			}
			if keyLimit != "" {
				rate, err := limit("fairness-key-rps-limit-default", keyLimit)
				if err != nil {
					return err
				}
				request.UpdateFairnessKeyRateLimitDefault = &workflowservice.UpdateTaskQueueConfigRequest_RateLimitUpdate{RateLimit: rate, Reason: keyReason}
			}
			response, err := s.WorkflowService().UpdateTaskQueueConfig(ctx, request)
			if err != nil {
				return fmt.Errorf("updating the task queue's configuration: %w", err)
			}
			s.Out.Printf("Successfully updated task queue configuration")
			if !s.Out.JSON() {
				printConfig(s.Out, response.GetConfig())
			}
			return s.Out.Value(response)
		}),
	}
	c.addTo(cmd)
	set := cmd.Flags()
	set.StringVar(&queueLimit, "queue-rps-limit", "", "tasks per second at most; 'default' takes the limit away")
	set.StringVar(&queueReason, "queue-rps-limit-reason", "", "why")
	set.StringVar(&keyLimit, "fairness-key-rps-limit-default", "", "tasks per second at most of each fairness key; 'default' takes the limit away")
	set.StringVar(&keyReason, "fairness-key-rps-limit-reason", "", "why")
	return cmd
}
