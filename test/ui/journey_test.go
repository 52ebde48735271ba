package ui

import (
	"fmt"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
)

// count waits until the page shows the text at least so often, each time on a line of its own.
func (p *page) count(text string, times int) {
	p.t.Helper()
	script := fmt.Sprintf(`document.body.innerText.split("\n").filter(line => line.trim() === %q).length >= %d`, text, times)
	if !p.until(script) {
		p.t.Errorf("the page does not show %q %d times:\n%s", text, times, p.text())
	}
}

func TestAWorkflowIsFoundSignalledAndTerminated(t *testing.T) {
	w, err := world.start(t.Context(), "order-of-the-journey", "order", 3)
	if err != nil {
		t.Fatal(err)
	}
	p := openTab(t)
	began := time.Now()
	p.open("/namespaces/default/workflows", w.id)
	t.Logf("the first page has come up after %v", time.Since(began).Round(time.Millisecond))
	p.open("/", "Workflows")
	p.open("/namespaces/default/workflows", w.id)
	p.click(w.id)
	p.await("Pause Workflow")

	p.click("More Actions")
	p.click("Send a Signal")
	p.press("[data-testid=signal-select-button]")
	p.click("note")
	p.press("#signal-confirmation-modal [data-testid=confirm-modal-button]")
	p.count("note", 1)
	p.picture("journey-signalled")

	p.click("More Actions")
	p.click("Terminate")
	p.press("#terminate-confirmation-modal [data-testid=confirm-modal-button]")
	p.await("TERMINATED")
	p.picture("journey-terminated")
	p.check()

	description, err := world.client.DescribeWorkflowExecution(t.Context(), w.id, w.run)
	if err != nil {
		t.Fatal(err)
	}
	if status := description.GetWorkflowExecutionInfo().GetStatus(); status != enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED {
		t.Errorf("its status is %v", status)
	}
	signals, reason := 0, ""
	for events := world.client.GetWorkflowHistory(t.Context(), w.id, w.run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
		event, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		if event.GetWorkflowExecutionSignaledEventAttributes().GetSignalName() == "note" {
			signals++
		}
		if terminated := event.GetWorkflowExecutionTerminatedEventAttributes(); terminated != nil {
			reason = terminated.GetReason()
		}
	}
	if signals != 1 || reason == "" {
		t.Errorf("it has got %d signals, and was terminated because %q", signals, reason)
	}
}
