package server_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/server"
)

// bench is a server in memory, called through the channel inside the process,
// with what a worker and a client do by hand.
type bench struct {
	t      *testing.T
	server *server.Server
	client workflowservice.WorkflowServiceClient
}

func start(t *testing.T, options server.Options) *bench {
	t.Helper()
	if count := testNodes(t, options); count > 0 {
		return clusterOf(t, count, options).bench()
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	s, err := server.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Errorf("stopping the server: %v", err)
		}
	})
	return &bench{t, s, workflowservice.NewWorkflowServiceClient(s.ClientConn())}
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(line []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(line)))
	return len(line), nil
}

const (
	ns    = "default"
	queue = "work"
)

// ctx is long enough for anything and short enough to end a test that hangs.
func (b *bench) ctx() context.Context {
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	b.t.Cleanup(cancel)
	return ctx
}

func payload(text string) *commonpb.Payloads {
	return &commonpb.Payloads{Payloads: []*commonpb.Payload{{
		Metadata: map[string][]byte{"encoding": []byte("json/plain")},
		Data:     []byte(`"` + text + `"`),
	}}}
}

func text(p *commonpb.Payloads) string {
	if len(p.GetPayloads()) == 0 {
		return ""
	}
	return strings.Trim(string(p.GetPayloads()[0].GetData()), `"`)
}

func (b *bench) startWorkflow(id string, changes ...func(*workflowservice.StartWorkflowExecutionRequest)) *workflowservice.StartWorkflowExecutionResponse {
	b.t.Helper()
	req := &workflowservice.StartWorkflowExecutionRequest{
		Namespace:    ns,
		WorkflowId:   id,
		WorkflowType: &commonpb.WorkflowType{Name: "order"},
		TaskQueue:    &taskqueuepb.TaskQueue{Name: queue},
		Input:        payload("input"),
	}
	for _, change := range changes {
		change(req)
	}
	resp, err := b.client.StartWorkflowExecution(b.ctx(), req)
	if err != nil {
		b.t.Fatalf("starting %s: %v", id, err)
	}
	return resp
}

// pollWorkflow polls until there is a workflow task.
func (b *bench) pollWorkflow() *workflowservice.PollWorkflowTaskQueueResponse {
	b.t.Helper()
	resp, err := b.client.PollWorkflowTaskQueue(b.ctx(), &workflowservice.PollWorkflowTaskQueueRequest{
		Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, Identity: "worker",
	})
	if err != nil {
		b.t.Fatalf("polling for a workflow task: %v", err)
	}
	if len(resp.GetTaskToken()) == 0 {
		b.t.Fatal("there was no workflow task")
	}
	return resp
}

func (b *bench) pollActivity() *workflowservice.PollActivityTaskQueueResponse {
	b.t.Helper()
	resp, err := b.client.PollActivityTaskQueue(b.ctx(), &workflowservice.PollActivityTaskQueueRequest{
		Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, Identity: "worker",
	})
	if err != nil {
		b.t.Fatalf("polling for an activity task: %v", err)
	}
	if len(resp.GetTaskToken()) == 0 {
		b.t.Fatal("there was no activity task")
	}
	return resp
}

func (b *bench) complete(task *workflowservice.PollWorkflowTaskQueueResponse, commands ...*commandpb.Command) *workflowservice.RespondWorkflowTaskCompletedResponse {
	b.t.Helper()
	resp, err := b.client.RespondWorkflowTaskCompleted(b.ctx(), &workflowservice.RespondWorkflowTaskCompletedRequest{
		Namespace: ns, TaskToken: task.GetTaskToken(), Identity: "worker", Commands: commands,
	})
	if err != nil {
		b.t.Fatalf("completing a workflow task: %v", err)
	}
	return resp
}

func scheduleActivity(id string) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
		Attributes: &commandpb.Command_ScheduleActivityTaskCommandAttributes{ScheduleActivityTaskCommandAttributes: &commandpb.ScheduleActivityTaskCommandAttributes{
			ActivityId:             id,
			ActivityType:           &commonpb.ActivityType{Name: "charge"},
			TaskQueue:              &taskqueuepb.TaskQueue{Name: queue},
			Input:                  payload("amount"),
			ScheduleToCloseTimeout: durationpb.New(time.Minute),
		}},
	}
}

func startTimer(id string, after time.Duration) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_START_TIMER,
		Attributes: &commandpb.Command_StartTimerCommandAttributes{StartTimerCommandAttributes: &commandpb.StartTimerCommandAttributes{
			TimerId: id, StartToFireTimeout: durationpb.New(after),
		}},
	}
}

func completeWorkflow(result string) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
		Attributes: &commandpb.Command_CompleteWorkflowExecutionCommandAttributes{CompleteWorkflowExecutionCommandAttributes: &commandpb.CompleteWorkflowExecutionCommandAttributes{
			Result: payload(result),
		}},
	}
}

func execution(id string) *commonpb.WorkflowExecution {
	return &commonpb.WorkflowExecution{WorkflowId: id}
}

// history reads the whole history of the current run.
func (b *bench) history(id string) []*historypb.HistoryEvent {
	b.t.Helper()
	var events []*historypb.HistoryEvent
	req := &workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: ns, Execution: execution(id)}
	for {
		resp, err := b.client.GetWorkflowExecutionHistory(b.ctx(), req)
		if err != nil {
			b.t.Fatalf("reading the history of %s: %v", id, err)
		}
		events = append(events, resp.GetHistory().GetEvents()...)
		if req.NextPageToken = resp.GetNextPageToken(); len(req.NextPageToken) == 0 {
			return events
		}
	}
}

// checkEvents compares the types of events, and that their ids are contiguous.
func (b *bench) checkEvents(events []*historypb.HistoryEvent, want ...enumspb.EventType) {
	b.t.Helper()
	var got []string
	for i, event := range events {
		if event.GetEventId() != events[0].GetEventId()+int64(i) {
			b.t.Errorf("event %d has id %d", i, event.GetEventId())
		}
		got = append(got, event.GetEventType().String())
	}
	var wanted []string
	for _, eventType := range want {
		wanted = append(wanted, eventType.String())
	}
	if strings.Join(got, " ") != strings.Join(wanted, " ") {
		b.t.Errorf("events are %v, want %v", got, wanted)
	}
}
