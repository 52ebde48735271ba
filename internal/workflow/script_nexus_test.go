package workflow

import (
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/records"
)

const testEndpoint = "ep"

// The directives and commands about Nexus operations.

func scheduleNexus(operation string) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION,
		Attributes: &commandpb.Command_ScheduleNexusOperationCommandAttributes{ScheduleNexusOperationCommandAttributes: &commandpb.ScheduleNexusOperationCommandAttributes{
			Endpoint: testEndpoint, Service: "service", Operation: operation, Input: payloads("in").Payloads[0],
		}},
	}
}

func cancelNexus(scheduledEventID int64) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_REQUEST_CANCEL_NEXUS_OPERATION,
		Attributes: &commandpb.Command_RequestCancelNexusOperationCommandAttributes{
			RequestCancelNexusOperationCommandAttributes: &commandpb.RequestCancelNexusOperationCommandAttributes{ScheduledEventId: scheduledEventID}},
	}
}

// nexusPolicy is how long calls rest in tests, but for a fifth.
var nexusPolicy = nexus.RetryPolicy{First: 10e9, Most: 40e9}

// nexusCall is the first call that is due, or that for the operation with the id; nil if
// there is none.
func (w subject) nexusCall(scheduledEventID int64) (*entity.Task, *nexus.Call) {
	w.t.Helper()
	for _, task := range w.readyTasks(entity.TaskNexus) {
		if scheduledEventID != 0 && task.EventID != scheduledEventID {
			continue
		}
		call, err := w.chain().NexusCall(view{env{w.engine, w.key()}}, task)
		if err != nil {
			w.t.Fatalf("the call of %+v: %v", task, err)
		}
		if call == nil {
			w.t.Errorf("the call of %+v is out of date, though its task is there", task)
			continue
		}
		return task, call
	}
	return nil, nil
}

// view is what one who looks at a chain is given.
type view struct{ env }

func (v view) Now() time.Time { return v.now }

func (v view) Get(record []byte) ([]byte, error) { return v.Reader().Get(record) }

func (v view) Scan(prefix, from []byte, reverse bool, visit func(record, value []byte) bool) error {
	return v.Reader().Scan(prefix, from, reverse, visit)
}

// called notes what has come of the call of the task.
func (w subject) called(task *entity.Task, outcome *nexus.Outcome) error {
	outcome.Policy = nexusPolicy
	return w.step(func(s *entity.Step, c *Chain) error { return c.NexusCalled(s, task, outcome) })
}

// doNexusCall tells what is to be called.
func (s *script) doNexusCall(w *words) {
	subject := s.subject(w)
	task, call := subject.nexusCall(s.number(w.next()))
	if task == nil {
		s.say("no call")
		return
	}
	kind := "start"
	if call.Cancel {
		kind = "cancel"
	}
	s.say("%s %s/%s/%s token=%s", kind, call.Operation.Endpoint, call.Operation.Service, call.Operation.Operation, call.Operation.OperationToken)
}

// doNexusAnswer answers a call.
func (s *script) doNexusAnswer(w *words) {
	subject := s.subject(w)
	task, _ := subject.nexusCall(s.number(w.next()))
	if task == nil {
		s.say("no call")
		return
	}
	s.answerNexus(subject, task, w)
}

func (s *script) answerNexus(subject subject, task *entity.Task, w *words) {
	outcome := new(nexus.Outcome)
	switch what := w.next(); what {
	case "started":
		outcome.Result, outcome.Token = nexus.ResultStarted, w.next()
	case "succeeded":
		outcome.Result, outcome.Payload = nexus.ResultSucceeded, payloads(w.next()).Payloads[0]
	case "failed":
		outcome.Result, outcome.Failure = nexus.ResultFailed, applicationFailure(w.next())
	case "canceled":
		outcome.Result, outcome.Failure = nexus.ResultCanceled, nexus.CanceledFailure(applicationFailure(w.next()))
	case "retry":
		outcome.Result, outcome.Failure = nexus.ResultRetry, applicationFailure(w.next())
	case "blocked":
		outcome.Result, outcome.Wait = nexus.ResultBlocked, s.duration(w.next())
	case "timed-out":
		outcome.Result, outcome.Timeout = nexus.ResultTimedOut, enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE
	case "accepted":
		outcome.Result = nexus.ResultAccepted
	default:
		s.fatalf("no such answer: %s", what)
	}
	s.sayError(subject.called(task, outcome))
}

// doNexusTake keeps the task of a call, as the executor does that makes it.
func (s *script) doNexusTake(w *words) {
	subject := s.subject(w)
	task, _ := subject.nexusCall(s.number(w.next()))
	s.nexusTasks[w.next()] = task
}

// doNexusLate answers the call of a task that was taken.
func (s *script) doNexusLate(w *words) {
	subject := s.subject(w)
	s.answerNexus(subject, s.nexusTasks[w.next()], w)
}

// doNexusComplete reports the end of an operation, of the first run of the workflow.
func (s *script) doNexusComplete(w *words) {
	subject := s.subject(w)
	id := s.number(w.next())
	ref := &records.NexusCompletion{NamespaceId: testNamespace, WorkflowId: subject.id, RunId: s.runOf(subject.id), ScheduledEventId: id}
	for _, r := range []*Run{subject.chain().current} {
		if op := r.nexusOperations.get(id); op != nil {
			ref.RequestId = op.RequestId
		}
	}
	if request, ok := w.take("request"); ok {
		ref.RequestId = request
	}
	result := &records.NexusResult{Completion: ref, OperationToken: "from the callback", StartTime: timestamppb.New(s.now),
		Links: []*commonpb.Link{{Variant: &commonpb.Link_WorkflowEvent_{WorkflowEvent: &commonpb.Link_WorkflowEvent{Namespace: "space", WorkflowId: "handler", RunId: "r"}}}}}
	switch what := w.next(); what {
	case "failed":
		result.Failure = applicationFailure(w.next())
	case "canceled":
		result.Failure, result.Canceled = applicationFailure(w.next()), true
	default:
		result.Result = payloads(what).Payloads[0]
	}
	s.sayError(subject.step(func(step *entity.Step, c *Chain) error { return c.CompleteNexusOperation(step, result) }))
}
