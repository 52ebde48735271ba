package frontend

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/records"
)

func TestAHistoryWaitEndsWithATokenToGoOnWith(t *testing.T) {
	for name, c := range map[string]struct{ deadline, want time.Duration }{
		"after 20 s":                  {0, 20 * time.Second},
		"before the caller's end":     {10 * time.Second, 9 * time.Second},
		"even for those in a hurry":   {time.Second, 800 * time.Millisecond},
		"long before a late deadline": {time.Hour, 20 * time.Second},
	} {
		for _, filter := range []enumspb.HistoryEventFilterType{enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT} {
			t.Run(name+", "+filter.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := newDoor(t)
					ctx := t.Context()
					if c.deadline > 0 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, c.deadline)
						defer cancel()
					}
					began := time.Now()
					resp, err := d.call(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: "default",
						Execution: &commonpb.WorkflowExecution{WorkflowId: "w"}, WaitNewEvent: true, HistoryEventFilterType: filter})
					if took := time.Since(began); took != c.want {
						t.Errorf("took %v, want %v", took, c.want)
					}
					if err != nil {
						t.Fatal(err)
					}
					token, err := tokens.DecodeHistory(resp.(*workflowservice.GetWorkflowExecutionHistoryResponse).GetNextPageToken())
					if err != nil || token.GetRunId() != runID {
						t.Errorf("token is %v, %v", token, err)
					}
				})
			})
		}
	}
}

func TestWhoReadsAHistoryIsShownTheTaskThatIsPending(t *testing.T) {
	type shown struct{ started, transient bool }
	for name, c := range map[string]struct {
		client string
		wait   bool
		token  *records.HistoryToken
		want   shown
	}{
		"an SDK":                {"temporal-go", false, nil, shown{true, true}},
		"nobody knows who":      {"", false, nil, shown{true, true}},
		"the CLI":               {"temporal-cli", false, nil, shown{true, false}},
		"the UI":                {"temporal-ui", false, nil, shown{true, false}},
		"who follows it":        {"temporal-go", true, nil, shown{false, false}},
		"a worker":              {"temporal-cli", false, &records.HistoryToken{RunId: runID, LastEventId: 9, StartedEventId: 9}, shown{true, true}},
		"a worker with a query": {"temporal-go", false, &records.HistoryToken{RunId: runID, LastEventId: 9}, shown{false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("client-name", c.client))
			req := &workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: "default", Execution: &commonpb.WorkflowExecution{WorkflowId: "w"}, WaitNewEvent: c.wait}
			if c.token != nil {
				req.NextPageToken = tokens.EncodeHistory(c.token)
			}
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			if _, err := d.call(ctx, req); err != nil {
				t.Fatal(err)
			}
			if got := (shown{d.chain.read.IncludeStarted, d.chain.read.IncludeTransient}); got != c.want {
				t.Errorf("shown is %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestOldClientsSeeASuccessionAsContinueAsNew(t *testing.T) {
	encode := func(event *historypb.HistoryEvent) []byte {
		encoded, err := proto.Marshal(&historypb.History{Events: []*historypb.HistoryEvent{event}})
		if err != nil {
			t.Fatal(err)
		}
		return encoded
	}
	decode := func(events []byte) *historypb.HistoryEvent {
		history := new(historypb.History)
		if err := proto.Unmarshal(events, history); err != nil || len(history.GetEvents()) != 1 {
			t.Fatalf("%v, %v", history, err)
		}
		return history.GetEvents()[0]
	}
	completed := func(next string) *historypb.HistoryEvent {
		return &historypb.HistoryEvent{EventId: 9, EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
			Attributes: &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{
				WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{NewExecutionRunId: next}}}
	}
	got := decode(asContinuedAsNew(encode(completed("next"))))
	if got.GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW || got.GetEventId() != 9 ||
		got.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId() != "next" {
		t.Errorf("a run with a successor closes with %v", got)
	}
	if got := decode(asContinuedAsNew(encode(completed("")))); got.GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED {
		t.Errorf("a run without a successor closes with %v", got)
	}
}
