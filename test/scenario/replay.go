package scenario

import (
	"errors"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Replay replays a history, of whichever SDK, with the workflows of the scenario. It fails unless
// those that one of its workers has registered do what the history says.
func (p *Played) Replay(history *historypb.History) error {
	// Ids of children are made from that of the workflow.
	started := history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
	var failures error
	for _, register := range p.registrations {
		replayer := worker.NewWorkflowReplayer()
		register(workflowsOnly{replayer: replayer})
		err := replayer.ReplayWorkflowHistoryWithOptions(quiet{}, history, worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{
			ID: started.GetWorkflowId(), RunID: started.GetOriginalExecutionRunId(),
		}})
		if err == nil {
			return nil
		}
		failures = errors.Join(failures, err)
	}
	return failures
}

// workflowsOnly tells a replayer of workflows, and passes over activities.
type workflowsOnly struct {
	worker.Registry // nil: of operations there are none
	replayer        worker.WorkflowReplayer
}

func (w workflowsOnly) RegisterWorkflow(fn any) { w.replayer.RegisterWorkflow(fn) }

func (w workflowsOnly) RegisterWorkflowWithOptions(fn any, options workflow.RegisterOptions) {
	w.replayer.RegisterWorkflowWithOptions(fn, options)
}

func (w workflowsOnly) RegisterDynamicWorkflow(fn any, options workflow.DynamicRegisterOptions) {
	w.replayer.RegisterDynamicWorkflow(fn, options)
}

func (workflowsOnly) RegisterActivity(any) {}

func (workflowsOnly) RegisterActivityWithOptions(any, activity.RegisterOptions) {}

func (workflowsOnly) RegisterDynamicActivity(any, activity.DynamicRegisterOptions) {}
