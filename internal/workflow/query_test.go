package workflow

import (
	"testing"

	querypb "go.temporal.io/api/query/v1"
)

func TestTaskOfADirectQueryHasTheHistoryUnlessTheWorkerHasIt(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.completeSticky(w.poll())
	ask := func(sticky bool) *workflowTask {
		task, err := w.chain().DirectQueryTask(w.reader(), w.runID(), &querypb.WorkflowQuery{QueryType: "q"}, sticky, []byte("token"))
		if err != nil {
			t.Fatal(err)
		}
		return overWire(t, task)
	}
	if task := ask(false); names(task.History.GetEvents()) != "Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskCompleted" || task.Query == nil {
		t.Errorf("query task is %v", task)
	}
	if task := ask(true); task.History == nil || len(task.History.Events) != 0 {
		t.Errorf("sticky query task is %v", task)
	}
}
