//lint:file-ignore SA1019 the builds of a queue are described in this way only

// Package taskqueue are the commands below `perdure task-queue`. Flags, and fields of JSON
// output, are those of the Temporal CLI.
package taskqueue

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
)

// New makes the command.
func New(app *command.App) *cobra.Command {
	cmd := command.NewParent("task-queue", "See who polls a task queue and what waits in it; limit its rate",
		`See which workers poll a task queue and what waits in it, and limit its rate.`,
		`  perdure task-queue describe --task-queue orders
  perdure task-queue config set --task-queue orders --task-queue-type activity --queue-rps-limit 50`)
	g := app.NewGroup(cmd)
	cmd.AddCommand(newDescribe(g), newListPartition(g), newConfig(g))
	return cmd
}

func queueFlag(cmd *cobra.Command, name *string) {
	cmd.Args = command.NoArguments
	cmd.Flags().StringVarP(name, "task-queue", "t", "", "name of the task queue; required")
	_ = cmd.MarkFlagRequired("task-queue")
}

// kinds are the types of task queues, in the order in which they are shown.
var kinds = []enumspb.TaskQueueType{enumspb.TASK_QUEUE_TYPE_WORKFLOW, enumspb.TASK_QUEUE_TYPE_ACTIVITY, enumspb.TASK_QUEUE_TYPE_NEXUS}

func kindName(kind enumspb.TaskQueueType) string { return strings.ToLower(kind.String()) }

// unversioned is how tasks are named that are for no certain build.
const unversioned = "UNVERSIONED"

// description is what describe prints as JSON.
type description struct {
	Reachability []reachability `json:"reachability"`
	Pollers      []poller       `json:"pollers"`
	Stats        []stats        `json:"stats"`
}

type reachability struct {
	BuildID      string `json:"buildId"`
	Reachability string `json:"reachability"`
}

type poller struct {
	BuildID        string    `json:"buildId"`
	TaskQueueType  string    `json:"taskQueueType"`
	Identity       string    `json:"identity"`
	LastAccessTime time.Time `json:"lastAccessTime"`
	RatePerSecond  float64   `json:"ratePerSecond"`
}

type stats struct {
	BuildID                 string  `json:"buildId"`
	TaskQueueType           string  `json:"taskQueueType"`
	ApproximateBacklogCount int64   `json:"approximateBacklogCount"`
	ApproximateBacklogAge   string  `json:"approximateBacklogAge"`
	BacklogIncreaseRate     float32 `json:"backlogIncreaseRate"`
	TasksAddRate            float32 `json:"tasksAddRate"`
	TasksDispatchRate       float32 `json:"tasksDispatchRate"`
}

// describing are the flags of describe.
type describing struct {
	queue                         string
	kinds                         *flags.Enums
	builds                        []string
	unversioned, allActive        bool
	reachability, noStats, config bool
	legacy                        bool
	legacyKind                    *flags.Enum
	partitions                    int
}

func newDescribe(g *command.Group) *cobra.Command {
	var d describing
	cmd := &cobra.Command{
		Use:   "describe",
		Short: "Show who polls a task queue, and what waits in it",
		Long: `Show which workers have polled a task queue in the last minutes, and how many tasks wait in
it.`,
		Example: `  perdure task-queue describe --task-queue orders
  perdure task-queue describe --task-queue orders --task-queue-type activity --report-config`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error { return d.run(ctx, s) }),
	}
	queueFlag(cmd, &d.queue)
	set := cmd.Flags()
	d.kinds = flags.NewEnums("workflow", "activity", "nexus")
	d.legacyKind = flags.NewEnum("workflow", "workflow", "activity")
	set.Var(d.kinds, "task-queue-type", "type of the queue: "+d.kinds.Choices()+"; workflow and activity if not given; may be repeated")
	set.BoolVar(&d.noStats, "disable-stats", false, "do not show what waits")
	set.BoolVar(&d.config, "report-config", false, "show what is configured of it")
	set.StringArrayVar(&d.builds, "select-build-id", nil, "show this build; may be repeated")
	set.BoolVar(&d.unversioned, "select-unversioned", false, "show tasks that are for no certain build")
	set.BoolVar(&d.allActive, "select-all-active", false, "show all builds that have been active lately")
	set.BoolVar(&d.reachability, "report-reachability", false, "show whether builds may still get tasks; slow")
	set.BoolVar(&d.legacy, "legacy-mode", false, "ask as older servers understand")
	set.Var(d.legacyKind, "task-queue-type-legacy", "type of the queue with --legacy-mode: "+d.legacyKind.Choices())
	set.IntVar(&d.partitions, "partitions-legacy", 1, "accepted; partitions are the server's business")
	_ = set.MarkHidden("partitions-legacy")
	return cmd
}

func (d *describing) run(ctx context.Context, s *command.Session) error {
	if d.legacy {
		return d.runLegacy(ctx, s)
	}
	request := &workflowservice.DescribeTaskQueueRequest{
		Namespace:              s.Namespace,
		TaskQueue:              &taskqueuepb.TaskQueue{Name: d.queue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		ApiMode:                enumspb.DESCRIBE_TASK_QUEUE_MODE_ENHANCED,
		ReportPollers:          true,
		ReportTaskReachability: d.reachability,
		ReportStats:            !d.noStats,
		ReportConfig:           d.config,
	}
	for _, kind := range kinds {
		if slices.Contains(d.kinds.Values(), kindName(kind)) {
			request.TaskQueueTypes = append(request.TaskQueueTypes, kind)
		}
	}
	if len(d.builds) > 0 || d.unversioned || d.allActive {
		request.Versions = &taskqueuepb.TaskQueueVersionSelection{BuildIds: d.builds, Unversioned: d.unversioned, AllActive: d.allActive}
	}
	response, err := s.WorkflowService().DescribeTaskQueue(ctx, request)
	if err != nil {
		return fmt.Errorf("describing the task queue: %w", err)
	}
	described := d.collect(response)
	if s.Out.JSON() {
		return s.Out.Value(described)
	}
	d.print(s.Out, described)
	if d.config {
		s.Out.Heading("Configuration:")
		printConfig(s.Out, response.GetConfig())
	}
	return nil
}

// collect makes rows of what the server says, by builds and types.
func (d *describing) collect(response *workflowservice.DescribeTaskQueueResponse) description {
	var result description
	builds := make([]string, 0, len(response.GetVersionsInfo()))
	for build := range response.GetVersionsInfo() {
		builds = append(builds, build)
	}
	slices.Sort(builds) // the unversioned one, whose name is empty, is the first
	for _, build := range builds {
		version, name := response.GetVersionsInfo()[build], build
		if name == "" {
			name = unversioned
		}
		if d.reachability {
			result.Reachability = append(result.Reachability, reachability{name, lowerFirst(version.GetTaskReachability().String())})
		}
		for _, kind := range kinds {
			info := version.GetTypesInfo()[int32(kind)]
			if info == nil {
				continue
			}
			for _, p := range info.GetPollers() {
				result.Pollers = append(result.Pollers, poller{name, kindName(kind), p.GetIdentity(), p.GetLastAccessTime().AsTime(), p.GetRatePerSecond()})
			}
			if !d.noStats {
				result.Stats = append(result.Stats, statsOf(name, kind, info.GetStats()))
			}
		}
	}
	return result
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

func statsOf(build string, kind enumspb.TaskQueueType, s *taskqueuepb.TaskQueueStats) stats {
	return stats{
		BuildID:                 build,
		TaskQueueType:           kindName(kind),
		ApproximateBacklogCount: s.GetApproximateBacklogCount(),
		ApproximateBacklogAge:   output.Duration(s.GetApproximateBacklogAge().AsDuration()),
		BacklogIncreaseRate:     s.GetTasksAddRate() - s.GetTasksDispatchRate(),
		TasksAddRate:            s.GetTasksAddRate(),
		TasksDispatchRate:       s.GetTasksDispatchRate(),
	}
}

func (d *describing) print(out *output.Printer, described description) {
	if d.reachability {
		out.Heading("Task Reachability:")
		table := out.Table(output.Col("BuildID"), output.Col("Reachability"))
		for _, r := range described.Reachability {
			table.Rows([]any{r.BuildID, r.Reachability})
		}
	}
	if !d.noStats {
		out.Heading("Task Queue Statistics:")
		var rows [][]any
		for _, s := range described.Stats {
			rows = append(rows, []any{s.BuildID, s.TaskQueueType, s.ApproximateBacklogCount, s.ApproximateBacklogAge, rate(s.TasksAddRate), rate(s.TasksDispatchRate)})
		}
		out.Table(output.Col("BuildID"), output.Col("Type"), output.Number("Backlog"), output.Number("Age"), output.Number("Add/s"), output.Number("Dispatch/s")).Rows(rows...)
	}
	out.Heading("Pollers:")
	var rows [][]any
	for _, p := range described.Pollers {
		rows = append(rows, []any{p.BuildID, p.TaskQueueType, p.Identity, p.LastAccessTime, p.RatePerSecond})
	}
	if len(rows) == 0 {
		out.Printf("  None in the last minutes: tasks wait until a worker polls this task queue.")
		return
	}
	out.Table(output.Col("BuildID"), output.Col("Type"), output.Col("Identity"), output.Col("LastAccessTime"), output.Number("RatePerSecond")).Rows(rows...)
}

func rate(r float32) string { return fmt.Sprintf("%.1f", r) }
