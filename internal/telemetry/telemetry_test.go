package telemetry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/api/methods"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/frontend"
	"github.com/perdure/perdure/internal/matching"
)

// read are the metrics as text.
func read(t testing.TB, tele *Telemetry) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	tele.Handler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	body, err := io.ReadAll(recorder.Body)
	if err != nil || recorder.Code != http.StatusOK {
		t.Fatalf("metrics are answered %d, %v", recorder.Code, err)
	}
	return string(body)
}

func hasLine(t testing.TB, text, line string) {
	t.Helper()
	if !strings.Contains(text, "\n"+line+"\n") {
		t.Errorf("there is no line %q", line)
	}
}

var describe = methods.Lookup("/" + methods.WorkflowService + "/DescribeWorkflowExecution")

// inNamespace has one namespace with the id "id".
func inNamespace(options Options) *Telemetry {
	options.NamespaceName = func(id string) string { return strings.TrimPrefix(id, "id of ") }
	return New(options)
}

func TestWhatClientsChooseIsALabelUpToTheBound(t *testing.T) {
	tele := inNamespace(Options{Namespaces: 2, Types: 2, TaskQueues: 1})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 100 {
				name := fmt.Sprint("n", (i+g)%10)
				tele.Calls(nil).End(context.Background(), frontend.CallEnd{Method: describe, Namespace: name})
				tele.Steps().Occurred(entity.Key{Kind: entity.KindWorkflow, Namespace: "id of " + name},
					[]entity.Occurrence{{Kind: entity.WorkflowStarted, Type: fmt.Sprint("type", i)}})
				tele.Polls().Added(entity.Queue{Namespace: "id of " + name, Type: entity.TaskActivity, Name: fmt.Sprint("q", i)}, false, true)
			}
		})
	}
	wg.Wait()
	text := read(t, tele)
	count := func(metric, label string) (series int, sum float64) {
		seen := map[string]bool{}
		for line := range strings.SplitSeq(text, "\n") {
			if !strings.HasPrefix(line, metric+"{") {
				continue
			}
			_, rest, _ := strings.Cut(line, label+`="`)
			value, _, _ := strings.Cut(rest, `"`)
			seen[value] = true
			var n float64
			_, _ = fmt.Sscan(line[strings.LastIndexByte(line, ' ')+1:], &n)
			sum += n
		}
		return len(seen), sum
	}
	for _, test := range []struct {
		metric, label string
		most          int
	}{
		{"service_requests", "namespace", 3},
		{"perdure_workflow_started_total", "namespace", 3},
		{"perdure_workflow_started_total", "workflowType", 3},
		{"tasks_added", "taskqueue", 2},
	} {
		if series, sum := count(test.metric, test.label); series > test.most || sum != 400 {
			t.Errorf("%s has %d values of %s and counts %v, want at most %d and 400", test.metric, series, test.label, sum, test.most)
		}
	}
}

func TestTextsThatAreNoTextsAreLabelsAllTheSame(t *testing.T) {
	tele := inNamespace(Options{})
	tele.Steps().Occurred(entity.Key{Namespace: "id of n"}, []entity.Occurrence{{Kind: entity.WorkflowStarted, Type: "\xff\"\n"}})
	hasLine(t, read(t, tele), `perdure_workflow_started_total{namespace="n",workflowType="`+"\uFFFD"+`\"\n"} 1`)
}

func TestStepsOfNamespacesThatAreNotKnownYetDoNotWait(t *testing.T) {
	known := false
	tele := New(Options{NamespaceName: func(string) string {
		if known {
			return "n"
		}
		return ""
	}})
	occurred := func() {
		tele.Steps().Occurred(entity.Key{Namespace: "id"}, []entity.Occurrence{{Kind: entity.WorkflowStarted, Type: "t"}})
	}
	occurred()
	known = true
	occurred()
	text := read(t, tele)
	hasLine(t, text, `perdure_workflow_started_total{namespace="_unknown_",workflowType="t"} 1`)
	hasLine(t, text, `perdure_workflow_started_total{namespace="n",workflowType="t"} 1`)
}

func TestWhatTheAPIMayAddLaterIsCounted(t *testing.T) {
	tele := inNamespace(Options{})
	tele.Steps().Occurred(entity.Key{Namespace: "id of n"}, []entity.Occurrence{
		{Kind: entity.WorkflowClosed, Type: "t", Detail: 1000},
		{Kind: entity.WorkflowTaskFailed, Detail: -1},
		{Kind: entity.WorkflowTaskTimedOut, Detail: 99},
		{Kind: entity.WorkflowCommand, Detail: 1 << 30, Count: 3},
		{Kind: entity.ActivityTimedOut, Type: "a", Detail: 77, Final: true},
		{Kind: 200, Type: "a"},
	})
	tele.Polls().Polled(matching.Polled{Queue: entity.Queue{Namespace: "id of n", Type: 'x'}})
	text := read(t, tele)
	hasLine(t, text, `command{commandType="Unspecified",namespace="n",service_name="history"} 3`)
	hasLine(t, text, `poll_timeouts{namespace="n",partition="__normal__",service_name="matching",task_type="Nexus",taskqueue="__omitted__"} 1`)
}

func TestCountingAllocatesNothing(t *testing.T) {
	tele := inNamespace(Options{})
	calls, steps, polls := tele.Calls(nil), tele.Steps(), tele.Polls()
	ctx, key := context.Background(), entity.Key{Kind: entity.KindWorkflow, Namespace: "id of n", ID: "w"}
	queue := entity.Queue{Namespace: "id of n", Type: entity.TaskWorkflow, Name: "q"}
	occurrences := []entity.Occurrence{
		{Kind: entity.WorkflowTaskCompleted, Took: time.Millisecond},
		{Kind: entity.WorkflowCommand, Detail: 1, Count: 2},
		{Kind: entity.ActivityCompleted, Type: "a", Final: true, Took: time.Second, Total: time.Minute},
		{Kind: entity.WorkflowClosed, Type: "t", Detail: 2, Took: time.Hour, Count: 11, Bytes: 2000},
	}
	for name, count := range map[string]func(){
		"a call": func() {
			calls.End(calls.Begin(ctx, describe), frontend.CallEnd{Method: describe, Namespace: "n", Took: time.Millisecond})
		},
		"a step":  func() { steps.Occurred(key, occurrences) },
		"a task":  func() { polls.Added(queue, false, true) },
		"a poll":  func() { polls.Polled(matching.Polled{Queue: queue, Result: matching.PollTask, Age: time.Millisecond}) },
		"a timer": func() { steps.TimerDue(time.Millisecond) },
	} {
		if allocations := testing.AllocsPerRun(100, count); allocations > 0 {
			t.Errorf("%s costs %v allocations", name, allocations)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	calls := inNamespace(Options{}).Calls(nil)
	ctx := context.Background()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			calls.End(ctx, frontend.CallEnd{Method: describe, Namespace: "n", Took: time.Millisecond})
		}
	})
}
