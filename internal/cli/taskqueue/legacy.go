//lint:file-ignore SA1019 it is what older servers understand

package taskqueue

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
)

// runLegacy asks in the way that older servers understand, for one type.
func (d *describing) runLegacy(ctx context.Context, s *command.Session) error {
	kind := enumspb.TASK_QUEUE_TYPE_WORKFLOW
	if d.legacyKind.Value() == "activity" {
		kind = enumspb.TASK_QUEUE_TYPE_ACTIVITY
	}
	response, err := s.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace:              s.Namespace,
		TaskQueue:              &taskqueuepb.TaskQueue{Name: d.queue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		TaskQueueType:          kind,
		IncludeTaskQueueStatus: true,
		ReportConfig:           d.config,
	})
	if err != nil {
		return fmt.Errorf("describing the task queue: %w", err)
	}
	if s.Out.JSON() {
		return legacyJSON(s.Out, response)
	}
	s.Out.Heading("Pollers:")
	table := s.Out.Table(output.Col("Identity"), output.Col("LastAccessTime"), output.Number("RatePerSecond"))
	for _, p := range response.GetPollers() {
		table.Rows([]any{p.GetIdentity(), p.GetLastAccessTime(), p.GetRatePerSecond()})
	}
	if d.config {
		s.Out.Heading("Configuration:")
		printConfig(s.Out, response.GetConfig())
	}
	return nil
}

// legacyJSON prints messages by the names of their fields in Go, as the Temporal CLI does
// here.
func legacyJSON(out *output.Printer, response *workflowservice.DescribeTaskQueueResponse) error {
	ofPartition := func(v any) (map[string]any, error) {
		object := map[string]any{}
		encoded, err := json.Marshal(v)
		if err == nil {
			err = json.Unmarshal(encoded, &object)
		}
		if object == nil { // of null
			object = map[string]any{}
		}
		object["partition"] = 0
		return object, err
	}
	status, err := ofPartition(response.GetTaskQueueStatus())
	if err != nil {
		return err
	}
	var pollers []map[string]any
	for _, p := range response.GetPollers() {
		object, err := ofPartition(p)
		if err != nil {
			return err
		}
		pollers = append(pollers, object)
	}
	printed := map[string]any{"taskQueues": []any{status}, "pollers": pollers}
	if config := response.GetConfig(); config != nil {
		printed["config"] = config
	}
	return out.Value(printed)
}

func newListPartition(g *command.Group) *cobra.Command {
	var queue string
	cmd := &cobra.Command{
		Use:     "list-partition",
		Short:   "List the partitions of a task queue",
		Long:    `List the partitions of a task queue, and the hosts they are on.`,
		Example: `  perdure task-queue list-partition --task-queue orders`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			response, err := s.WorkflowService().ListTaskQueuePartitions(ctx, &workflowservice.ListTaskQueuePartitionsRequest{
				Namespace: s.Namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: queue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
			})
			if err != nil {
				return fmt.Errorf("listing the partitions: %w", err)
			}
			for _, kind := range []struct {
				heading    string
				partitions []*taskqueuepb.TaskQueuePartitionMetadata
			}{
				{"Workflow Task Queue Partitions", response.GetWorkflowTaskQueuePartitions()},
				{"Activity Task Queue Partitions", response.GetActivityTaskQueuePartitions()},
			} {
				s.Out.Heading("%s", kind.heading)
				table := s.Out.Table(output.Col("Key"), output.Col("OwnerHostName"))
				for _, p := range kind.partitions {
					table.Rows([]any{p.GetKey(), p.GetOwnerHostName()})
				}
			}
			return s.Out.Value(response)
		}),
	}
	queueFlag(cmd, &queue)
	return cmd
}
