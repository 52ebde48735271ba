// Package execution names things that run: workflows and activities by type, and
// workflow executions by id.
package execution

import (
	commonpb "go.temporal.io/api/common/v1"
)

// WorkflowType identifies a workflow definition by the name it is registered under.
type WorkflowType struct {
	// Name under which workers know the workflow: that of its function, unless it was
	// registered with another.
	Name string
}

// ActivityType identifies an activity definition by the name it is registered under.
type ActivityType struct {
	// Name under which workers know the activity: that of its function, unless it was
	// registered with another.
	Name string
}

// Workflow identifies a workflow execution.
type Workflow struct {
	// ID is the workflow id, which the starter chose. All runs of a chain have it.
	ID string
	// RunID is the id of one run; where one is asked for, empty stands for the
	// current run.
	RunID string
}

// WorkflowFromProto returns the execution of p, which may be nil.
func WorkflowFromProto(p *commonpb.WorkflowExecution) Workflow {
	return Workflow{ID: p.GetWorkflowId(), RunID: p.GetRunId()}
}
