// Package worker are the commands below `perdure worker`. Flags, and fields of JSON output,
// are those of the Temporal CLI.
package worker

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	deploymentpb "go.temporal.io/api/deployment/v1"
	workerpb "go.temporal.io/api/worker/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
)

// New makes the command.
func New(app *command.App) *cobra.Command {
	cmd := command.NewParent("worker", "See which workers there are, and how they are",
		`See which workers there are, by the heartbeats they send, and how busy they are.`,
		`  perdure worker list --query 'TaskQueue = "orders"'`)
	g := app.NewGroup(cmd)
	cmd.AddCommand(newList(g), newDescribe(g), newDeployment(g))
	return cmd
}

func newList(g *command.Group) *cobra.Command {
	var query string
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List workers",
		Long:  `List workers that have sent heartbeats lately, or those that a query finds.`,
		Example: `  perdure worker list
  perdure worker list --query 'TaskQueue = "orders"' --output jsonl`,
		Args: command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			table := s.Out.Table(output.Col("WorkerInstanceKey"), output.Col("Status"), output.Col("TaskQueue"), output.Shrinks("WorkerIdentity"),
				output.Shrinks("HostName"), output.Shrinks("Deployment"), output.Col("HeartbeatTime"))
			return command.List(s.Out, limit, func(token []byte) ([]*workerpb.WorkerInfo, []byte, error) {
				page, err := s.WorkflowService().ListWorkers(ctx, &workflowservice.ListWorkersRequest{Namespace: s.Namespace, NextPageToken: token, Query: query})
				if err != nil {
					return nil, nil, fmt.Errorf("listing workers: %w", err)
				}
				//lint:ignore SA1019 it is what scripts read
				return page.GetWorkersInfo(), page.GetNextPageToken(), nil
			}, table, func(info *workerpb.WorkerInfo) []any {
				h := info.GetWorkerHeartbeat()
				return []any{h.GetWorkerInstanceKey(), h.GetStatus(), h.GetTaskQueue(), h.GetWorkerIdentity(),
					h.GetHostInfo().GetHostName(), deployment(h.GetDeploymentVersion()), h.GetHeartbeatTime()}
			})
		}),
	}
	cmd.Flags().StringVarP(&query, "query", "q", "", "list what this finds")
	cmd.Flags().IntVar(&limit, "limit", 0, "list this many at most; all if 0")
	return cmd
}

func deployment(v *deploymentpb.WorkerDeploymentVersion) string {
	if v.GetDeploymentName() == "" || v.GetBuildId() == "" {
		return v.GetDeploymentName() + v.GetBuildId()
	}
	return v.GetDeploymentName() + "@" + v.GetBuildId()
}

func newDescribe(g *command.Group) *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:     "describe",
		Short:   "Show how a worker is",
		Long:    `Show what a worker has said in its last heartbeat: its host, its slots, its pollers, its cache.`,
		Example: `  perdure worker describe --worker-instance-key 5b2e`,
		Args:    command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			response, err := s.WorkflowService().DescribeWorker(ctx, &workflowservice.DescribeWorkerRequest{Namespace: s.Namespace, WorkerInstanceKey: key})
			if err != nil {
				return fmt.Errorf("describing the worker: %w", err)
			}
			show(s.Out, response.GetWorkerInfo().GetWorkerHeartbeat())
			return s.Out.Value(response.GetWorkerInfo())
		}),
	}
	cmd.Flags().StringVar(&key, "worker-instance-key", "", "key of the worker, as 'perdure worker list' shows it; required")
	_ = cmd.MarkFlagRequired("worker-instance-key")
	return cmd
}

func show(out *output.Printer, h *workerpb.WorkerHeartbeat) {
	host := h.GetHostInfo()
	out.Card(
		output.F("WorkerInstanceKey", h.GetWorkerInstanceKey()),
		output.F("WorkerIdentity", h.GetWorkerIdentity()),
		output.F("Status", h.GetStatus()),
		output.F("TaskQueue", h.GetTaskQueue()),
		output.Optional("Deployment", deployment(h.GetDeploymentVersion())),
		output.F("Sdk", h.GetSdkName()+" "+h.GetSdkVersion()),
		output.F("StartTime", h.GetStartTime()),
		output.F("HeartbeatTime", h.GetHeartbeatTime()),
		output.F("HostName", host.GetHostName()),
		output.Optional("ProcessId", host.GetProcessId()),
		output.F("CPU", percent(host.GetCurrentHostCpuUsage())),
		output.F("Memory", percent(host.GetCurrentHostMemUsage())),
		output.F("StickyCache", fmt.Sprintf("%d workflows, %d hits, %d misses", h.GetCurrentStickyCacheSize(), h.GetTotalStickyCacheHit(), h.GetTotalStickyCacheMiss())),
	)
	var rows [][]any
	for _, kind := range []struct {
		name   string
		slots  *workerpb.WorkerSlotsInfo
		poller *workerpb.WorkerPollerInfo
	}{
		{"workflow", h.GetWorkflowTaskSlotsInfo(), h.GetWorkflowPollerInfo()},
		{"workflow, sticky", nil, h.GetWorkflowStickyPollerInfo()},
		{"activity", h.GetActivityTaskSlotsInfo(), h.GetActivityPollerInfo()},
		{"local activity", h.GetLocalActivitySlotsInfo(), nil},
		{"nexus", h.GetNexusTaskSlotsInfo(), h.GetNexusPollerInfo()},
	} {
		if kind.slots == nil && kind.poller == nil {
			continue
		}
		rows = append(rows, []any{kind.name, kind.slots.GetCurrentUsedSlots(), kind.slots.GetCurrentAvailableSlots(),
			kind.slots.GetTotalProcessedTasks(), kind.slots.GetTotalFailedTasks(), kind.poller.GetCurrentPollers(), kind.poller.GetLastSuccessfulPollTime()})
	}
	out.Printf("")
	out.Table(output.Col("Tasks"), output.Number("Used"), output.Number("Free"), output.Number("Done"), output.Number("Failed"), output.Number("Pollers"), output.Col("LastPoll")).Rows(rows...)
}

func percent(share float32) string { return fmt.Sprintf("%.0f %%", share*100) }
