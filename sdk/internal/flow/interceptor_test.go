package flow

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/converter"
)

// tracer is an interceptor that writes down the calls that pass it.
type tracer struct {
	name  string
	calls *[]string
}

func (t *tracer) note(format string, args ...any) {
	*t.calls = append(*t.calls, t.name+" "+fmt.Sprintf(format, args...))
}

func (t *tracer) InterceptWorkflow(_ Context, next WorkflowInboundInterceptor) WorkflowInboundInterceptor {
	return &tracedInbound{WorkflowInboundInterceptorBase{Next: next}, t}
}

type tracedInbound struct {
	WorkflowInboundInterceptorBase
	*tracer
}

func (i *tracedInbound) Init(outbound WorkflowOutboundInterceptor) error {
	return i.Next.Init(&tracedOutbound{WorkflowOutboundInterceptorBase{Next: outbound}, i.tracer})
}

func (i *tracedInbound) ExecuteWorkflow(ctx Context, in *ExecuteWorkflowInput) (any, error) {
	i.note("workflow %v", in.Args)
	defer i.note("workflow ended")
	return i.Next.ExecuteWorkflow(ctx, in)
}

func (i *tracedInbound) HandleSignal(ctx Context, in *HandleSignalInput) error {
	i.note("signal %s", in.SignalName)
	return i.Next.HandleSignal(ctx, in)
}

func (i *tracedInbound) HandleQuery(ctx Context, in *HandleQueryInput) (any, error) {
	i.note("query %s %v %v", in.QueryType, in.Args, WorkflowHeader(ctx) != nil)
	return i.Next.HandleQuery(ctx, in)
}

type tracedOutbound struct {
	WorkflowOutboundInterceptorBase
	*tracer
}

func (o *tracedOutbound) ExecuteActivity(ctx Context, name string, args ...any) Future {
	o.note("activity %s %v", name, args)
	WorkflowHeader(ctx)[o.name] = &commonpb.Payload{Data: []byte("from " + o.name)}
	return o.Next.ExecuteActivity(ctx, name, args...)
}

func (o *tracedOutbound) ExecuteLocalActivity(ctx Context, name string, args ...any) Future {
	o.note("local activity %s %v", name, args)
	return o.Next.ExecuteLocalActivity(ctx, name, args...)
}

func (o *tracedOutbound) Sleep(ctx Context, d time.Duration) error {
	o.note("sleep %v", d)
	return o.Next.Sleep(ctx, d)
}

func (o *tracedOutbound) NewTimerWithOptions(ctx Context, d time.Duration, options TimerOptions) Future {
	o.note("timer %v", d)
	return o.Next.NewTimerWithOptions(ctx, d, options)
}

func (o *tracedOutbound) Go(ctx Context, name string, f func(Context)) Context {
	o.note("go %s", name)
	return o.Next.Go(ctx, name, f)
}

// traced is a script with interceptors of the names given.
func traced(t *testing.T, fn any, names ...string) (*script, *[]string) {
	s := newScript(t, fn)
	calls := &[]string{}
	for _, name := range names {
		s.options.Interceptors = append(s.options.Interceptors, &tracer{name, calls})
	}
	return s, calls
}

func wantCalls(t *testing.T, calls *[]string, want ...string) {
	t.Helper()
	if !slices.Equal(*calls, want) {
		t.Fatalf("calls\n  got  %q\n  want %q", *calls, want)
	}
	*calls = nil
}

func TestTheFirstInterceptorIsOutermostSoInboundCallsMeetItFirstAndOutboundOnesLast(t *testing.T) {
	s, calls := traced(t, func(ctx Context) error {
		return ExecuteActivity(activities(ctx), Greet, "x").Get(ctx, nil)
	}, "A", "B")
	s.run("ScheduleActivityTask 5 Greet")
	wantCalls(t, calls, "B go root", "A go root", "A workflow []", "B workflow []", "B activity Greet [x]", "A activity Greet [x]")
	s.activityDone("hi").run("CompleteWorkflowExecution")
	wantCalls(t, calls, "B workflow ended", "A workflow ended")
}

func TestWhatInterceptorsWriteInTheHeaderIsSentWithTheCall(t *testing.T) {
	s, _ := traced(t, func(ctx Context) error {
		if WorkflowHeader(ctx) != nil {
			return errors.New("workflow code sees a header")
		}
		return ExecuteActivity(activities(ctx), Greet, "x").Get(ctx, nil)
	}, "A", "B")
	fields := s.task().handle().Completed.Commands[0].GetScheduleActivityTaskCommandAttributes().GetHeader().GetFields()
	if len(fields) != 2 || string(fields["A"].GetData()) != "from A" || string(fields["B"].GetData()) != "from B" {
		t.Fatalf("the header is %v", fields)
	}
}

func TestInterceptorsSeeSignalsWithTheirHeader(t *testing.T) {
	s, calls := traced(t, func(ctx Context) error {
		GetSignalChannel(ctx, "go").Receive(ctx, nil)
		return nil
	}, "A")
	s.signal("go", 1).run("CompleteWorkflowExecution")
	wantCalls(t, calls, "A go root", "A signal go", "A workflow []", "A workflow ended")
}

func TestInterceptorsSeeQueriesThatWorkflowCodeAnswers(t *testing.T) {
	s, calls := traced(t, func(ctx Context) error {
		_ = SetQueryHandler(ctx, "double", func(n int) (int, error) { return 2 * n, nil })
		return Sleep(ctx, time.Hour)
	}, "A")
	s.run("StartTimer 5 1h0m0s")
	*calls = nil
	if got := string(s.query("double", 21).GetQueryResult().GetPayloads()[0].GetData()); got != "42" {
		t.Errorf("the answer is %s", got)
	}
	s.query(QueryTypeStackTrace)
	wantCalls(t, calls, "A query double [21] true")
}

func TestAPanickingInterceptorFailsTheQueryAlone(t *testing.T) {
	s := newScript(t, func(ctx Context) error {
		_ = SetQueryHandler(ctx, "q", func() (int, error) { return 1, nil })
		return Sleep(ctx, time.Hour)
	})
	s.options.Interceptors = []WorkflowInterceptor{panickingQuery{}}
	poll := s.task().poll(0)
	poll.Queries = map[string]*querypb.WorkflowQuery{"1": {QueryType: "q"}}
	outcome, err := NewInstance(&s.options).HandleTask(t.Context(), &Task{Poll: poll})
	if err != nil || outcome.Completed.GetQueryResults()["1"].GetResultType() != enumspb.QUERY_RESULT_TYPE_FAILED {
		t.Fatalf("the task ended with %v, %v", outcome, err)
	}
}

type panickingQuery struct{}

func (panickingQuery) InterceptWorkflow(_ Context, next WorkflowInboundInterceptor) WorkflowInboundInterceptor {
	return &panickingInbound{WorkflowInboundInterceptorBase{Next: next}}
}

type panickingInbound struct{ WorkflowInboundInterceptorBase }

func (*panickingInbound) HandleQuery(Context, *HandleQueryInput) (any, error) { panic("interceptor") }

func TestInterceptorsSeeTheTimerOfASleep(t *testing.T) {
	s, calls := traced(t, func(ctx Context) error { return Sleep(ctx, time.Hour) }, "A")
	s.run("StartTimer 5 1h0m0s")
	wantCalls(t, calls, "A go root", "A workflow []", "A sleep 1h0m0s", "A timer 1h0m0s")
}

func TestInterceptorsSeeCoroutinesOfWhichTheFirstRunsTheWorkflow(t *testing.T) {
	s, calls := traced(t, func(ctx Context) error {
		GoNamed(ctx, "helper", func(Context) {})
		return nil
	}, "A")
	s.run("CompleteWorkflowExecution")
	wantCalls(t, calls, "A go root", "A workflow []", "A go helper", "A workflow ended")
}

func TestALocalActivityPassedAsAFunctionIsThatFunctionBehindInterceptors(t *testing.T) {
	runner := &desk{}
	s, calls := traced(t, func(ctx Context) error {
		ctx = WithLocalActivityOptions(ctx, LocalActivityOptions{StartToCloseTimeout: time.Second})
		return ExecuteLocalActivity(ctx, Greet, "x").Get(ctx, nil)
	}, "A")
	s.options.LocalActivities = runner
	s.task().handle()
	wantCalls(t, calls, "A go root", "A workflow []", "A local activity Greet [x]", "A go ")
	if task := runner.running[0]; task.Function == nil || task.ActivityType != "Greet" {
		t.Fatalf("the task is %+v", task)
	}
}

func TestAnInterceptorThatDoesNotStartFailsTheTask(t *testing.T) {
	s := newScript(t, func(Context) error { return nil })
	s.options.Interceptors = []WorkflowInterceptor{refusing{}}
	outcome := s.task().handle()
	if got := outcome.Failed.GetFailure().GetMessage(); got != "starting the interceptors of workflow type Workflow: no" {
		t.Fatalf("the task failed with %q", got)
	}
}

type refusing struct{}

func (refusing) InterceptWorkflow(_ Context, next WorkflowInboundInterceptor) WorkflowInboundInterceptor {
	return &refusingInbound{WorkflowInboundInterceptorBase{Next: next}}
}

type refusingInbound struct{ WorkflowInboundInterceptorBase }

func (*refusingInbound) Init(WorkflowOutboundInterceptor) error { return errors.New("no") }

func TestQueriesCarryTheirHeaderToInterceptors(t *testing.T) {
	var seen string
	s := newScript(t, func(ctx Context) error {
		_ = SetQueryHandler(ctx, "q", func() (int, error) { return 1, nil })
		return Sleep(ctx, time.Hour)
	})
	s.options.Interceptors = []WorkflowInterceptor{headerReading{&seen}}
	s.run("StartTimer 5 1h0m0s")
	payload, err := converter.GetDefaultDataConverter().ToPayload("trace")
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.instance.HandleTask(t.Context(), &Task{Poll: &workflowservice.PollWorkflowTaskQueueResponse{
		Query: &querypb.WorkflowQuery{QueryType: "q", Header: &commonpb.Header{Fields: map[string]*commonpb.Payload{"id": payload}}},
	}})
	if err != nil || seen != `"trace"` {
		t.Fatalf("the interceptor saw %q, %v", seen, err)
	}
}

type headerReading struct{ seen *string }

func (h headerReading) InterceptWorkflow(_ Context, next WorkflowInboundInterceptor) WorkflowInboundInterceptor {
	return &headerReadingInbound{WorkflowInboundInterceptorBase{Next: next}, h}
}

type headerReadingInbound struct {
	WorkflowInboundInterceptorBase
	headerReading
}

func (i *headerReadingInbound) HandleQuery(ctx Context, in *HandleQueryInput) (any, error) {
	*i.seen = string(WorkflowHeader(ctx)["id"].GetData())
	return i.Next.HandleQuery(ctx, in)
}
