//lint:file-ignore SA1019 Deprecated fields of commands and events are recorded as they come.

package workflow

import (
	"errors"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

func TestChildOfANamespaceThatIsGoneIsNotStarted(t *testing.T) {
	p := newWorkflow(t)
	p.start()
	p.decide(startChild("c"))
	p.outbox[0].To.Namespace = "gone"
	p.deliver()
	got := p.history()[5].GetStartChildWorkflowExecutionFailedEventAttributes()
	if got.GetCause() != enumspb.START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_NAMESPACE_NOT_FOUND {
		t.Errorf("got %v", got)
	}
}

func TestMessagesThatMakeNoSenseAreDropped(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	from := func(m *records.Message) []byte {
		m.FromRunId = "run"
		return mustMarshal(m)
	}
	for name, body := range map[string][]byte{
		"start of nothing":    from(&records.Message{Body: &records.Message_StartChild{StartChild: &records.StartChild{}}}),
		"end of no child":     from(&records.Message{Body: &records.Message_ChildClosed{ChildClosed: &records.ChildClosed{InitiatedEventId: 5}}}),
		"failed start":        from(&records.Message{Body: &records.Message_ChildStartFailed{ChildStartFailed: &records.ChildStartFailed{InitiatedEventId: 5}}}),
		"first task":          from(&records.Message{Body: &records.Message_ChildFirstTask{ChildFirstTask: &records.ChildFirstTask{RunId: "run"}}}),
		"terminate no child":  from(&records.Message{Body: &records.Message_Terminate{Terminate: &records.Terminate{}}}),
		"result for nobody":   from(&records.Message{Body: &records.Message_ExternalResult{ExternalResult: &records.ExternalResult{InitiatedEventId: 5}}}),
		"cancel of no child":  from(&records.Message{Body: &records.Message_Cancel{Cancel: &records.Cancel{ChildOnly: true}}}),
		"signal of no child":  from(&records.Message{Body: &records.Message_Signal{Signal: &records.Signal{ChildOnly: true}}}),
		"signal to no run":    from(&records.Message{Body: &records.Message_Signal{Signal: &records.Signal{RunId: "run"}}}),
		"bodies without body": from(&records.Message{Body: &records.Message_ChildClosed{}}),
	} {
		t.Run(name, func(t *testing.T) {
			w.must(func(step *entity.Step, c *Chain) error { return c.Receive(step, keyOf("p"), body) })
			w.wantHistory("Started WorkflowTaskScheduled")
			if len(w.outbox) != 0 {
				t.Errorf("answered %v", w.outbox)
			}
		})
	}
}

func TestMessagesOfAKindThatIsNotKnownAreNotAcknowledged(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	for name, body := range map[string][]byte{
		"does not decode": {0xff, 0xff, 0xff},
		"no known body":   {},
	} {
		t.Run(name, func(t *testing.T) {
			err := w.step(func(step *entity.Step, c *Chain) error { return c.Receive(step, keyOf("x"), body) })
			if !errors.Is(err, entity.ErrUnknownMessage) {
				t.Errorf("answered with %v", err)
			}
		})
	}
}
