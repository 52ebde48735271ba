package worker

import (
	"testing"
	"testing/synctest"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/registry"
)

// nonsense is what a server may hand out that is broken: tasks in which something is missing or of which the history is
// none of this workflow.
func nonsense() map[string]*workflowservice.PollWorkflowTaskQueueResponse {
	task := func(change func(*workflowservice.PollWorkflowTaskQueueResponse)) *workflowservice.PollWorkflowTaskQueueResponse {
		task := newScript("echo").started().task(0)
		task.WorkflowExecution.RunId = "broken"
		change(task)
		return task
	}
	type response = workflowservice.PollWorkflowTaskQueueResponse
	return map[string]*response{
		"only a token":  {TaskToken: []byte("token")},
		"no execution":  task(func(r *response) { r.WorkflowExecution = nil }),
		"no type":       task(func(r *response) { r.WorkflowType = nil }),
		"another type":  task(func(r *response) { r.WorkflowType = &commonpb.WorkflowType{Name: "other"} }),
		"no history":    task(func(r *response) { r.History = nil }),
		"empty history": task(func(r *response) { r.History = &historypb.History{} }),
		"a nil event":   task(func(r *response) { r.History.Events[1] = nil }),
		"events without attributes": task(func(r *response) {
			for _, event := range r.History.Events {
				event.Attributes = nil
			}
		}),
		"attributes of another event": task(func(r *response) { r.History.Events[0].Attributes = r.History.Events[1].Attributes }),
		"no start of the workflow":    task(func(r *response) { r.History.Events = r.History.Events[1:] }),
		"no start of the task":        task(func(r *response) { r.History.Events = r.History.Events[:2] }),
		"a start that is elsewhere":   task(func(r *response) { r.StartedEventId, r.PreviousStartedEventId = 700, 600 }),
		"a past that is negative":     task(func(r *response) { r.PreviousStartedEventId = -1 }),
		"a page that is not there":    task(func(r *response) { r.NextPageToken = []byte("nowhere") }),
		"a type of event from later": task(func(r *response) {
			r.History.Events[1].EventType = enumspb.EventType(32000)
		}),
		"an empty query":        task(func(r *response) { r.Query = &querypb.WorkflowQuery{} }),
		"a query that is nil":   task(func(r *response) { r.Queries = map[string]*querypb.WorkflowQuery{"q": nil} }),
		"a message that is nil": task(func(r *response) { r.Messages = append(r.Messages, nil) }),
	}
}

func TestATaskThatMakesNoSenseCostsTheWorkerNothingButThatTask(t *testing.T) {
	for name, broken := range nonsense() {
		t.Run(name, func(t *testing.T) {
			echoTest(t, func(t *testing.T, _ *Worker, f *fakeServer) {
				f.normal <- broken
				synctest.Wait()
				time.Sleep(time.Hour) // whatever it tries again has come to its end
				for len(f.answers) > 0 {
					<-f.answers
				}
				f.normal <- newScript("echo").started().task(0)
				if got := answer[*completedRequest](t, f); string(got.GetTaskToken()) != "task-3" {
					t.Errorf("the answer is %v", got)
				}
			})
		})
	}
}

func TestAnActivityTaskThatMakesNoSenseCostsTheWorkerNothingButThatTask(t *testing.T) {
	for name, broken := range map[string]*workflowservice.PollActivityTaskQueueResponse{
		"only a token": {TaskToken: []byte("token")},
		"no type":      {TaskToken: []byte("token"), WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "wf"}, ActivityId: "1"},
		"a payload that is nil": {
			TaskToken: []byte("token"), ActivityType: &commonpb.ActivityType{Name: "act"},
			Input: &commonpb.Payloads{Payloads: []*commonpb.Payload{nil}}, HeartbeatDetails: &commonpb.Payloads{Payloads: []*commonpb.Payload{nil}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			workerTest(t, withActivity(t, func(int) error { return nil }), func(t *testing.T, _ *Worker, f *fakeServer) {
				f.activities <- broken
				synctest.Wait()
				time.Sleep(time.Hour)
				for len(f.answers) > 0 {
					<-f.answers
				}
				f.activities <- activityOf("act")
				answer[*workflowservice.RespondActivityTaskCompletedRequest](t, f)
			})
		})
	}
}

func TestWhatIsRegisteredAfterTheStartIsRun(t *testing.T) {
	var later *registry.Registry
	workerTest(t, func(c *config, _ *fakeServer) { later = c.registry }, func(t *testing.T, _ *Worker, f *fakeServer) {
		synctest.Wait() // the worker polls
		if err := later.RegisterWorkflow(func(flow.Context) (string, error) { return "late", nil }, registry.WorkflowOptions{Name: "late"}); err != nil {
			t.Fatal(err)
		}
		if err := later.RegisterActivity(func() error { return nil }, registry.ActivityOptions{Name: "act"}); err != nil {
			t.Fatal(err)
		}
		f.normal <- newScript("late").started().task(0)
		if got := closing(answer[*completedRequest](t, f)); got != `"late"` {
			t.Errorf("the workflow ended with %s", got)
		}
		f.activities <- activityOf("act")
		answer[*workflowservice.RespondActivityTaskCompletedRequest](t, f)
	})
}
