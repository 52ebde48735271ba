package differ

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/test/history"
)

// Namespace is where scenarios run.
const Namespace = "default"

// Scenario is a conversation with a server.
type Scenario struct {
	// Name is a sentence, unique among all scenarios.
	Name string
	Run  func(w *World)
}

// World is what one run of a scenario takes place in.
type World struct {
	T   testing.TB
	Ctx context.Context
	// API and Operator make calls that are written to the transcript.
	API      workflowservice.WorkflowServiceClient
	Operator operatorservice.OperatorServiceClient
	// Quiet makes calls that are not.
	Quiet workflowservice.WorkflowServiceClient
	// Prefix is what names of task queues and workflow ids begin with.
	Prefix string

	// httpAddress is the host:port of the HTTP port; empty: it is not known.
	httpAddress string

	conn       grpc.ClientConnInterface
	renderer   renderer
	transcript strings.Builder
	names      []string // of workflows whose histories are shown at the end
	from       int64    // the first event of them that is shown
	requests   int      // how many request ids there are
	patience   time.Duration
	operators  bool // may have changed activities
	lenient    bool // of refused commands only the cause is shown, and not who started a workflow task
	quiet      bool // calls are not written to the transcript
}

const (
	// timeout bounds one scenario.
	timeout = 15 * time.Minute
	// patience is how long a scenario waits for something that should happen. If it
	// does not, that is part of the transcript. It ends before a workflow task times
	// out.
	patience = 45 * time.Second
)

// play runs a scenario on the server behind conn and returns its transcript.
func play(t testing.TB, conn grpc.ClientConnInterface, s Scenario) string {
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	w := newWorld(t, ctx, conn)
	w.run(s)
	for _, name := range w.names {
		w.showChain(name)
	}
	return w.transcript.String()
}

// Server is a connection to a server of which more is known.
type Server struct {
	*grpc.ClientConn
	// HTTP is the host:port of its HTTP port; empty: it has none, and conversations over
	// HTTP cannot be had.
	HTTP string
}

func newWorld(t testing.TB, ctx context.Context, conn grpc.ClientConnInterface) *World {
	prefix := "d-" + uuid.NewString()[:8]
	w := &World{T: t, Ctx: ctx, Prefix: prefix, conn: conn, renderer: renderer{history.NewExactNormalizer(prefix)}, patience: patience,
		Quiet: workflowservice.NewWorkflowServiceClient(conn)}
	if server, ok := conn.(Server); ok {
		w.httpAddress = server.HTTP
	}
	recorder := &recorder{conn: conn, emit: w.emit}
	w.API = workflowservice.NewWorkflowServiceClient(recorder)
	w.Operator = operatorservice.NewOperatorServiceClient(recorder)
	return w
}

// nothing of a history is shown from this event on.
const nothing = -1

// cannotGoOn is the last line of a transcript before the histories if a scenario has ended early.
const cannotGoOn = "the scenario cannot go on"

// ended is what a scenario panics with when it cannot go on.
type ended struct{}

// run runs the scenario to its end, or to where it cannot go on. At its end what the workflows have
// asked of others has been answered, so that each server shows the answers in their histories.
func (w *World) run(s Scenario) {
	defer func() {
		switch failure := recover().(type) {
		case nil:
		case ended:
			w.Say(cannotGoOn)
		default:
			w.T.Fatalf("%v, after:\n%s\n%s", failure, w.transcript.String(), debug.Stack())
		}
	}()
	s.Run(w)
	if w.from != nothing {
		for _, name := range w.names {
			w.answered(name)
		}
	}
}

// recorder is a connection that tells of the calls made over it.
type recorder struct {
	conn grpc.ClientConnInterface
	emit func(outcome)
}

// outcome is what a call was answered.
type outcome struct {
	method string
	reply  proto.Message
	err    error
}

func (r *recorder) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	err := r.conn.Invoke(ctx, method, args, reply, opts...)
	r.emit(outcome{method[strings.LastIndex(method, "/")+1:], reply.(proto.Message), err})
	return err
}

func (r *recorder) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return r.conn.NewStream(ctx, desc, method, opts...)
}

// quietly makes calls that are not written to the transcript.
func (w *World) quietly(calls func()) {
	w.quiet = true
	defer func() { w.quiet = false }()
	calls()
}

// forget leaves the histories of a workflow out of the transcript.
func (w *World) forget(name string) {
	w.names = slices.DeleteFunc(w.names, func(known string) bool { return known == name })
}

func (w *World) emit(o outcome) {
	if w.quiet {
		return
	}
	if o.err != nil && w.lenient && o.method == "RespondWorkflowTaskCompleted" {
		cause, _, _ := strings.Cut(status.Convert(o.err).Message(), ":")
		w.Say("%s: %s %s", o.method, status.Code(o.err), cause)
		return
	}
	if o.err != nil {
		w.Say("%s: %s", o.method, w.renderer.failure(o.err))
		return
	}
	if activity, ok := o.reply.(*workflowservice.PollActivityTaskQueueResponse); ok && w.operators {
		activity = proto.Clone(activity).(*workflowservice.PollActivityTaskQueueResponse)
		activity.StartToCloseTimeout = nil // an operator may have changed it, of which a Temporal server does not tell
		o.reply = activity
	}
	if schedule, ok := o.reply.(*workflowservice.DescribeScheduleResponse); ok {
		schedule = proto.Clone(schedule).(*workflowservice.DescribeScheduleResponse)
		schedule.Info.StateSizeBytes = 0 // of which a Temporal server does not tell, if schedules are workflows
		o.reply = schedule
	}
	if request, ok := o.reply.(*workflowservice.PollNexusTaskQueueResponse); ok {
		o.reply = shownNexus(request)
	}
	w.Say("%s: OK %s", o.method, w.renderer.response(hideTokens(o.reply)))
}

// makeLenient removes from an event what is known to differ between servers.
func makeLenient(event *historypb.HistoryEvent) {
	if started := event.GetWorkflowTaskStartedEventAttributes(); started != nil {
		started.Identity = ""
	}
	if failed := event.GetWorkflowTaskFailedEventAttributes(); failed != nil {
		failed.Failure = nil
	}
}

// Say adds a line to the transcript.
func (w *World) Say(format string, args ...any) {
	fmt.Fprintf(&w.transcript, format+"\n", args...)
}

// ID is the workflow id of that name. The histories of all its runs are shown at
// the end of the transcript.
func (w *World) ID(name string) string {
	for _, known := range w.names {
		if known == name {
			return w.Prefix + "-" + name
		}
	}
	w.names = append(w.names, name)
	return w.Prefix + "-" + name
}

// Other is a workflow id whose history is not shown.
func (w *World) Other(name string) string { return w.Prefix + "-" + name }

// Queue is the task queue of that name; workflows named alike have it.
func (w *World) Queue(name string) string { return w.Prefix + "-" + name + "-q" }

// Execution names the current run of the workflow of that name.
func (w *World) Execution(name string) *commonpb.WorkflowExecution {
	return &commonpb.WorkflowExecution{WorkflowId: w.ID(name)}
}

// Later makes calls in the background; what they are answered is written to the
// transcript by the function it returns, which waits for their end.
func (w *World) Later(calls func(api workflowservice.WorkflowServiceClient)) (wait func()) {
	var outcomes []outcome
	done := make(chan struct{})
	api := workflowservice.NewWorkflowServiceClient(&recorder{conn: w.conn, emit: func(o outcome) { outcomes = append(outcomes, o) }})
	go func() {
		defer close(done)
		calls(api)
	}()
	return func() {
		w.T.Helper()
		select {
		case <-done:
		case <-time.After(w.patience):
			w.Say("a call in the background does not end")
			panic(ended{})
		}
		for _, o := range outcomes {
			w.emit(o)
		}
	}
}

// Eventually waits until ready reports true.
func (w *World) Eventually(what string, ready func() bool) {
	w.T.Helper()
	deadline := time.After(w.patience)
	for pause := shortestPause; !ready(); pause = min(pause*3/2, longestPause) {
		select {
		case <-deadline:
			w.Say("gave up waiting until %s", what)
			panic(ended{})
		case <-time.After(pause):
		}
	}
}

// How long Eventually waits until it looks again: longer each time, since looking is what most of
// the servers' work is if many scenarios wait at once.
const (
	shortestPause = 10 * time.Millisecond
	longestPause  = 250 * time.Millisecond
)

// Await waits until the current run of a workflow has so many events of a type.
func (w *World) Await(name string, count int, eventType enumspb.EventType) {
	w.T.Helper()
	w.Eventually(fmt.Sprintf("%s has %d of %s", name, count, eventType), func() bool {
		n := 0
		for _, event := range w.History(name, "") {
			if event.EventType == eventType {
				n++
			}
		}
		return n >= count
	})
}

// answered waits until everything has been answered that the current run of a workflow
// has asked of others.
func (w *World) answered(name string) {
	w.T.Helper()
	w.Eventually(name+" has its answers", func() bool {
		open := map[int64]bool{}
		for _, event := range w.History(name, "") {
			new(state).apply(event, open)
		}
		return len(open) == 0
	})
}

// AwaitStatus waits until the current run of a workflow has a status.
func (w *World) AwaitStatus(name string, want enumspb.WorkflowExecutionStatus) {
	w.T.Helper()
	w.Eventually(fmt.Sprintf("%s is %s", name, want), func() bool {
		d, err := w.Quiet.DescribeWorkflowExecution(w.Ctx, &workflowservice.DescribeWorkflowExecutionRequest{
			Namespace: Namespace, Execution: w.Execution(name)})
		return err == nil && d.WorkflowExecutionInfo.Status == want
	})
}

// History reads the history of a run as it is now; none if there is no such run.
func (w *World) History(name, runID string) []*historypb.HistoryEvent {
	w.T.Helper()
	var events []*historypb.HistoryEvent
	request := &workflowservice.GetWorkflowExecutionHistoryRequest{
		Namespace: Namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: w.Other(name), RunId: runID}}
	// As the command line does: it is shown what is in the history, and not also
	// the events of tasks that are tried again.
	ctx := metadata.AppendToOutgoingContext(w.Ctx, "client-name", "temporal-cli", "client-version", "1.0.0")
	for {
		reply, err := w.Quiet.GetWorkflowExecutionHistory(ctx, request)
		if err != nil {
			return events
		}
		events = append(events, reply.History.Events...)
		if len(reply.NextPageToken) == 0 {
			return events
		}
		request.NextPageToken = reply.NextPageToken
	}
}

// showChain writes the histories of all runs of a workflow id, the first that the
// current run knows of first.
func (w *World) showChain(name string) {
	w.T.Helper()
	if w.from == nothing {
		return
	}
	current := w.History(name, "")
	if len(current) == 0 {
		w.Say("history of %s: none", name)
		return
	}
	var newest string
	w.quietly(func() {
		d, _ := w.Quiet.DescribeWorkflowExecution(w.Ctx, describeRequest(w, name))
		newest = d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	})
	shown := map[string]bool{}
	runID := current[0].GetWorkflowExecutionStartedEventAttributes().GetFirstExecutionRunId()
	for number := 1; runID != ""; number++ {
		events := w.History(name, runID)
		w.showRun(fmt.Sprintf("%s, run %d", name, number), events)
		shown[runID] = true
		if len(events) == 0 {
			return
		}
		runID = next(events[len(events)-1])
	}
	if newest != "" && !shown[newest] {
		w.showRun(name+", current run", current) // made by a reset: no run has it as its next
	}
}

func (w *World) showRun(name string, events []*historypb.HistoryEvent) {
	w.Say("history of %s", name)
	for _, event := range events {
		if event.EventId < w.from {
			continue
		}
		if w.lenient {
			makeLenient(event)
		}
		w.Say("  %s", w.renderer.event(event))
	}
}

// next is the run id of the run that follows the one with this last event.
func next(last *historypb.HistoryEvent) string {
	for _, attributes := range []interface{ GetNewExecutionRunId() string }{
		last.GetWorkflowExecutionContinuedAsNewEventAttributes(),
		last.GetWorkflowExecutionFailedEventAttributes(),
		last.GetWorkflowExecutionTimedOutEventAttributes(),
		last.GetWorkflowExecutionCompletedEventAttributes(),
	} {
		if id := attributes.GetNewExecutionRunId(); id != "" {
			return id
		}
	}
	return ""
}
