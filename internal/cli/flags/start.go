package flags

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/temporal"
)

// StartShared are the flags of a workflow to start, now or by a schedule.
type StartShared struct {
	WorkflowID, Type, TaskQueue string
	run, execution, task        Duration
	searchAttributes, memo      []string
	Summary, Details            string
	priorityKey                 int
	fairnessKey                 string
	fairnessWeight              float32
}

// AddTo adds the flags to a command. --name is another name of --type.
func (s *StartShared) AddTo(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringVarP(&s.WorkflowID, "workflow-id", "w", "", "id of the workflow; made up if not given")
	set.StringVar(&s.Type, "type", "", "type of the workflow (also --name); required")
	set.StringVarP(&s.TaskQueue, "task-queue", "t", "", "task queue of the workflow; required")
	s.task = Duration(10 * time.Second)
	set.Var(&s.run, "run-timeout", "how long one run may take; no limit if not given")
	set.Var(&s.execution, "execution-timeout", "how long the workflow may take with all its runs; no limit if not given")
	set.Var(&s.task, "task-timeout", "how long a worker may take for one workflow task")
	set.StringArrayVar(&s.searchAttributes, "search-attribute", nil, "search attribute, as KEY=JSON; may be repeated")
	set.StringArrayVar(&s.memo, "memo", nil, "memo, as KEY=JSON; may be repeated")
	set.StringVar(&s.Summary, "static-summary", "", "one line about the workflow, for people; Markdown")
	set.StringVar(&s.Details, "static-details", "", "text about the workflow, for people; Markdown")
	set.IntVar(&s.priorityKey, "priority-key", 0, "priority of its tasks, 1 is the highest; 0 is the default one")
	set.StringVar(&s.fairnessKey, "fairness-key", "", "tasks with different keys take turns")
	set.Float32Var(&s.fairnessWeight, "fairness-weight", 0, "how often it is the turn of its fairness key, from 0.001 to 1000")
	_ = cmd.MarkFlagRequired("type")
	_ = cmd.MarkFlagRequired("task-queue")
	Alias(set, map[string]string{"name": "type"})
}

// Alias makes names of flags mean other ones.
func Alias(set *pflag.FlagSet, names map[string]string) {
	before := set.GetNormalizeFunc()
	set.SetNormalizeFunc(func(set *pflag.FlagSet, name string) pflag.NormalizedName {
		if actual, ok := names[name]; ok {
			return pflag.NormalizedName(actual)
		}
		return before(set, name)
	})
}

// Options are the options of a start.
func (s *StartShared) Options() (client.StartWorkflowOptions, error) {
	options := client.StartWorkflowOptions{
		ID:                       s.WorkflowID,
		TaskQueue:                s.TaskQueue,
		WorkflowRunTimeout:       time.Duration(s.run),
		WorkflowExecutionTimeout: time.Duration(s.execution),
		WorkflowTaskTimeout:      time.Duration(s.task),
		StaticSummary:            s.Summary,
		StaticDetails:            s.Details,
		Priority: temporal.Priority{
			PriorityKey:    s.priorityKey,
			FairnessKey:    s.fairnessKey,
			FairnessWeight: s.fairnessWeight,
		},
	}
	var err error
	if options.Memo, err = JSONValues("memo", s.memo); err != nil {
		return options, err
	}
	//lint:ignore SA1019 they are given without their types
	options.SearchAttributes, err = JSONValues("search-attribute", s.searchAttributes)
	return options, err
}

// Start are the flags of a workflow to start now.
type Start struct {
	StartShared
	cron         string
	FailExisting bool
	delay        Duration
	reuse        *Enum
	conflict     *Enum
}

// AddTo adds the flags to a command.
func (s *Start) AddTo(cmd *cobra.Command) {
	s.StartShared.AddTo(cmd)
	set := cmd.Flags()
	set.StringVar(&s.cron, "cron", "", "start it anew by this cron specification; schedules do more")
	set.BoolVar(&s.FailExisting, "fail-existing", false, "fail if the workflow is running already, rather than show the one that is")
	set.Var(&s.delay, "start-delay", "how long to wait before its first workflow task")
	s.reuse = ProtoEnum(enumspb.WorkflowIdReusePolicy_shorthandValue)
	s.conflict = ProtoEnum(enumspb.WorkflowIdConflictPolicy_shorthandValue)
	set.Var(s.reuse, "id-reuse-policy", "what to do if a closed workflow has the id: "+s.reuse.Choices())
	set.Var(s.conflict, "id-conflict-policy", "what to do if a running workflow has the id: "+s.conflict.Choices())
}

// ConflictPolicyGiven reports whether --id-conflict-policy is set.
func (s *Start) ConflictPolicyGiven() bool { return s.conflict.Changed() }

// Options are the options of a start.
func (s *Start) Options() (client.StartWorkflowOptions, error) {
	options, err := s.StartShared.Options()
	options.CronSchedule = s.cron
	options.WorkflowExecutionErrorWhenAlreadyStarted = s.FailExisting
	options.StartDelay = time.Duration(s.delay)
	options.WorkflowIDReusePolicy = ValueOf[enumspb.WorkflowIdReusePolicy](s.reuse, enumspb.WorkflowIdReusePolicy_shorthandValue)
	options.WorkflowIDConflictPolicy = ValueOf[enumspb.WorkflowIdConflictPolicy](s.conflict, enumspb.WorkflowIdConflictPolicy_shorthandValue)
	return options, err
}
