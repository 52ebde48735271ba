package callback

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

var (
	key   = entity.Key{Kind: entity.KindCallback, Namespace: "ns", ID: "run/1"}
	owner = entity.Key{Kind: entity.KindWorkflow, Namespace: "ns", ID: "w"}
	begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// env is what steps need: numbers of tasks.
type env struct{ tasks int64 }

func (*env) NewID() string         { return "id" }
func (e *env) NextTaskID() int64   { e.tasks++; return e.tasks }
func (*env) Reader() entity.Reader { return nil }
func (*env) Indexed() bool         { return false }

// lab drives one delivery.
type lab struct {
	t   *testing.T
	env env
	now time.Time
	d   *Delivery
	out *entity.Outputs // of the last step
}

func newLab(t *testing.T) *lab {
	return &lab{t: t, now: begin, d: &Delivery{key: key}}
}

func (l *lab) step(do func(*entity.Step) error) {
	l.t.Helper()
	step := entity.NewStep(l.now, &l.env)
	if err := errors.Join(do(step), l.d.EndStep(step)); err != nil {
		l.t.Fatal(err)
	}
	l.out = step.Outputs()
}

func (l *lab) ask() {
	l.t.Helper()
	body, err := proto.Marshal(&records.Delivery{RunId: "run", Number: 1, Url: "http://x", State: "succeeded"})
	if err != nil {
		l.t.Fatal(err)
	}
	l.step(func(s *entity.Step) error { return l.d.Receive(s, owner, body) })
}

// progress is what the last step has told the workflow.
func (l *lab) progress() *records.Callback {
	l.t.Helper()
	if len(l.out.Messages) != 1 || l.out.Messages[0].To != owner {
		l.t.Fatalf("messages are %v", l.out.Messages)
	}
	m := new(records.Message)
	if err := proto.Unmarshal(l.out.Messages[0].Body, m); err != nil {
		l.t.Fatal(err)
	}
	return m.GetCallbackProgress().GetCallback()
}

func TestADeliveryIsOfferedAndThenForgotten(t *testing.T) {
	l := newLab(t)
	l.ask()
	if len(l.out.Tasks) != 1 || l.out.Tasks[0].Queue != Queue || len(l.out.Records) != 1 {
		t.Fatalf("outputs are %+v", l.out)
	}
	task := l.out.Tasks[0]
	l.ask()
	if len(l.out.Tasks)+len(l.out.Records) > 0 {
		t.Errorf("asked again, outputs are %+v", l.out)
	}
	l.step(func(s *entity.Step) error { l.d.Attempted(s, task, Outcome{}); return nil })
	if p := l.progress(); p.State != int32(enumspb.CALLBACK_STATE_SUCCEEDED) || p.Attempt != 1 {
		t.Errorf("progress is %v", p)
	}
	if len(l.out.Removed) != 1 || l.d.Due(task) != nil || l.out.Records[0].Value != nil {
		t.Errorf("outputs are %+v", l.out)
	}
}

func TestAFailedDeliveryRestsLongerEachTime(t *testing.T) {
	l := newLab(t)
	l.ask()
	task := l.out.Tasks[0]
	for _, rest := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		l.step(func(s *entity.Step) error { l.d.Attempted(s, task, Outcome{Err: errors.New("down")}); return nil })
		p := l.progress()
		if p.State != int32(enumspb.CALLBACK_STATE_BACKING_OFF) || p.LastAttemptFailure.GetMessage() != "down" || len(l.out.Timers) != 1 {
			t.Fatalf("progress is %v, timers are %v", p, l.out.Timers)
		}
		if got := l.out.Timers[0].At.Sub(l.now); got > rest || got < rest-rest/5 {
			t.Fatalf("it rests for %v, want about %v", got, rest)
		}
		rest = l.out.Timers[0].At.Sub(l.now)
		l.step(l.d.Fire)
		if len(l.out.Tasks) > 0 {
			t.Fatal("it is offered before its time")
		}
		l.now = l.now.Add(rest)
		l.step(l.d.Fire)
		if len(l.out.Tasks) != 1 {
			t.Fatal("it is not offered when its time has come")
		}
		task = l.out.Tasks[0]
	}
	if got := backoff(1000); got != time.Hour {
		t.Errorf("the longest rest is %v", got)
	}
}

func TestADeliveryThatIsBlockedHasMadeNoAttempt(t *testing.T) {
	l := newLab(t)
	l.ask()
	task := l.out.Tasks[0]
	l.step(func(s *entity.Step) error { l.d.Blocked(s, task, time.Minute); return nil })
	if p := l.progress(); p.State != int32(enumspb.CALLBACK_STATE_BLOCKED) || p.Attempt != 0 || p.LastAttemptCompleteTime != nil {
		t.Errorf("progress is %v", p)
	}
	if len(l.out.Removed) != 1 || len(l.out.Timers) != 1 || !l.out.Timers[0].At.Equal(l.now.Add(time.Minute)) {
		t.Errorf("outputs are %+v", l.out)
	}
	l.step(func(s *entity.Step) error { l.d.Blocked(s, task, time.Minute); return nil })
	if len(l.out.Records)+len(l.out.Timers)+len(l.out.Messages) > 0 {
		t.Errorf("a task that is out of date blocks: %+v", l.out)
	}
	l.now = l.now.Add(time.Minute)
	l.step(l.d.Fire)
	if p := l.progress(); len(l.out.Tasks) != 1 || p.State != int32(enumspb.CALLBACK_STATE_SCHEDULED) {
		t.Errorf("it is not offered again: %+v, %v", l.out, p)
	}
}

func TestARefusedDeliveryEnds(t *testing.T) {
	l := newLab(t)
	l.ask()
	task := l.out.Tasks[0]
	l.step(func(s *entity.Step) error {
		l.d.Attempted(s, task, Outcome{Err: errors.New("no"), Final: true})
		return nil
	})
	if p := l.progress(); p.State != int32(enumspb.CALLBACK_STATE_FAILED) || !p.LastAttemptFailure.GetApplicationFailureInfo().GetNonRetryable() {
		t.Errorf("progress is %v", p)
	}
	if len(l.out.Timers) > 0 || l.d.record != nil {
		t.Error("it goes on")
	}
}

func TestAnOutdatedTaskChangesNothing(t *testing.T) {
	l := newLab(t)
	l.ask()
	l.step(func(s *entity.Step) error { l.d.Attempted(s, &entity.Task{ID: 77}, Outcome{}); return nil })
	if len(l.out.Messages)+len(l.out.Records)+len(l.out.Removed) > 0 {
		t.Errorf("outputs are %+v", l.out)
	}
}

func TestTheRequestSaysHowTheWorkflowHasEnded(t *testing.T) {
	type received struct {
		header http.Header
		body   string
	}
	got := make(chan received, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- received{r.Header, string(body)}
	}))
	defer receiver.Close()
	base := &records.Delivery{
		Url: receiver.URL, Header: map[string]string{"temporal-callback-token": "secret"},
		StartTime: timestamppb.New(begin), CloseTime: timestamppb.New(begin.Add(time.Second)),
		Link: &commonpb.Link{Variant: &commonpb.Link_WorkflowEvent_{WorkflowEvent: &commonpb.Link_WorkflowEvent{
			Namespace: "ns", WorkflowId: "a/b", RunId: "r",
			Reference: &commonpb.Link_WorkflowEvent_EventRef{EventRef: &commonpb.Link_WorkflowEvent_EventReference{EventId: 1, EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED}},
		}}},
	}
	send := func(change func(*records.Delivery)) received {
		t.Helper()
		d := proto.CloneOf(base)
		change(d)
		if outcome := call(context.Background(), receiver.Client(), d); outcome.Err != nil {
			t.Fatal(outcome.Err)
		}
		return <-got
	}

	r := send(func(d *records.Delivery) {
		d.State = "succeeded"
		d.Result = &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(`"done"`)}
	})
	for name, want := range map[string]string{
		"Nexus-Operation-State":      "succeeded",
		"Content-Type":               "application/json",
		"Temporal-Callback-Token":    "secret",
		"Nexus-Operation-Start-Time": "Thu, 01 Jan 2026 00:00:00 GMT",
		"Nexus-Operation-Close-Time": "2026-01-01T00:00:01Z",
		"Nexus-Link":                 `<temporal:///namespaces/ns/workflows/a%2Fb/r/history?eventID=1&eventType=WorkflowExecutionStarted&referenceType=EventReference>; type="temporal.api.common.v1.Link.WorkflowEvent"`,
	} {
		if r.header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, r.header.Get(name), want)
		}
	}
	if r.body != `"done"` {
		t.Errorf("body is %q", r.body)
	}

	r = send(func(d *records.Delivery) {
		d.State = "failed"
		d.Failure = &failurepb.Failure{Message: "boom", StackTrace: "here", Cause: &failurepb.Failure{Message: "deep"},
			FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: "T"}}}
	})
	for _, want := range []string{`"message":"boom"`, `"stackTrace":"here"`, `"type":"temporal.api.failure.v1.Failure"`, `"cause":{"message":"deep"`, `"applicationFailureInfo":{"type":"T"}`} {
		if !strings.Contains(strings.ReplaceAll(r.body, `": `, `":`), want) {
			t.Errorf("body lacks %s: %s", want, r.body)
		}
	}

	r = send(func(d *records.Delivery) { d.State = "succeeded" })
	if r.body != "" || r.header.Get("Content-Type") != "" {
		t.Errorf("without a result it is %q of type %q", r.body, r.header.Get("Content-Type"))
	}
	r = send(func(d *records.Delivery) {
		d.Result = &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/encrypted")}, Data: []byte("x")}
	})
	if r.header.Get("Content-Type") != "application/x-temporal-payload" {
		t.Errorf("a payload that only SDKs understand is of type %q", r.header.Get("Content-Type"))
	}
}

func TestARefusalIsFinalAndAnErrorIsNot(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header string
		final  bool
	}{
		"bad request":              {400, "", true},
		"not found":                {404, "", true},
		"not implemented":          {501, "", true},
		"redirect":                 {302, "", true},
		"timeout":                  {408, "", false},
		"too many":                 {429, "", false},
		"internal":                 {500, "", false},
		"unavailable":              {503, "", false},
		"bad, but to be retried":   {400, "true", false},
		"unavailable and for good": {503, "false", true},
	} {
		t.Run(name, func(t *testing.T) {
			receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if c.header != "" {
					w.Header().Set("Nexus-Request-Retryable", c.header)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, `{"message":"because"}`)
			}))
			defer receiver.Close()
			outcome := call(context.Background(), &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
				&records.Delivery{Url: receiver.URL, State: "succeeded"})
			if outcome.Err == nil || outcome.Final != c.final || !strings.Contains(outcome.Err.Error(), "because") {
				t.Errorf("outcome is %+v, want final: %v", outcome, c.final)
			}
		})
	}
	if outcome := call(context.Background(), http.DefaultClient, &records.Delivery{Url: "http://127.0.0.1:1/"}); outcome.Err == nil || outcome.Final {
		t.Errorf("nobody there: %+v", outcome)
	}
}
