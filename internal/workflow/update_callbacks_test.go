package workflow

import (
	"fmt"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	protocolpb "go.temporal.io/api/protocol/v1"
	"go.temporal.io/api/workflowservice/v1"
)

func calling(urls ...string) func(*workflowservice.UpdateWorkflowExecutionRequest) {
	return func(r *workflowservice.UpdateWorkflowExecutionRequest) {
		r.Request.RequestId = "request"
		for _, url := range urls {
			r.Request.CompletionCallbacks = append(r.Request.CompletionCallbacks, nexusCallback(url))
		}
	}
}

func TestACallbackOfAnUpdateIsDeliveredWhenTheUpdateHasEnded(t *testing.T) {
	w := idleWorkflow(t, Limits{UpdateCallbacks: 2})
	w.update("u", stageCompleted, calling("http://here"))
	w.completeWith(w.poll(), saying(w.accept("u")))
	info := w.describe("").Callbacks
	if len(info) != 1 || info[0].State != enumspb.CALLBACK_STATE_STANDBY || info[0].Trigger.GetUpdateWorkflowExecutionCompleted().GetUpdateId() != "u" {
		t.Fatalf("callbacks are %v", info)
	}
	if d := w.deliveries(); len(d) > 0 {
		t.Fatalf("delivered before the end: %v", d)
	}
	w.crash()
	w.signal("s")
	w.completeWith(w.poll(), saying(w.respond("u")))
	d := w.deliveries()
	if len(d) != 1 || d[0].Url != "http://here" || d[0].State != "succeeded" || string(d[0].Result.GetData()) != "outcome" ||
		d[0].Link.GetWorkflowEvent().GetRequestIdRef().GetRequestId() != "request" {
		t.Fatalf("deliveries are %v", d)
	}
	w.terminate()
	if d := w.deliveries(); len(d) != 1 {
		t.Errorf("the end of the run delivers again: %v", d)
	}
}

func TestTheCallbackOfAnUpdateThatIsUnderWayIsToldOfTheEndOfItsRun(t *testing.T) {
	w := idleWorkflow(t, Limits{UpdateCallbacks: 2})
	w.update("u", stageCompleted, calling("http://here"))
	w.completeWith(w.poll(), saying(w.accept("u")))
	w.signal("s")
	w.decide(continueAsNew())
	if d := w.deliveries(); len(d) != 1 || d[0].State != "failed" || d[0].Failure.GetApplicationFailureInfo().GetType() != "AcceptedUpdateCompletedWorkflow" {
		t.Errorf("deliveries are %v", d)
	}
	if c := w.describe("").Callbacks; len(c) != 0 {
		t.Errorf("the next run has callbacks: %v", c)
	}
}

func TestCallbacksOfUpdatesThatAreRejectedOrSwitchedOffAreNone(t *testing.T) {
	for name, limits := range map[string]Limits{"rejected": {UpdateCallbacks: 2}, "off": {}} {
		t.Run(name, func(t *testing.T) {
			w := idleWorkflow(t, limits)
			w.update("u", stageCompleted, calling("http://here"))
			if name == "rejected" {
				w.completeWith(w.poll(), &completeRequest{Messages: []*protocolpb.Message{w.reject("u")}})
			} else {
				w.completeWith(w.poll(), saying(w.accept("u"), w.respond("u")))
			}
			if c, d := w.describe("").Callbacks, w.deliveries(); len(c)+len(d) > 0 {
				t.Errorf("callbacks are %v, deliveries %v", c, d)
			}
		})
	}
}

func TestAnUpdateWithTooManyCallbacksIsRefused(t *testing.T) {
	for says, limits := range map[string]Limits{
		`cannot attach more than 1 callbacks to update "u" (0 callbacks already attached)`: {UpdateCallbacks: 1},
		"cannot attach more than 1 callbacks to a workflow (0 callbacks already attached)": {UpdateCallbacks: 9, Callbacks: 1},
	} {
		w := idleWorkflow(t, limits)
		if a := w.update("u", stageCompleted, calling("http://one", "http://two")); a.refuse == nil || a.refuse.Error() != says {
			t.Errorf("error is %v, want %s", a.refuse, says)
		}
	}
}

func TestTheBuildThatCompletedTheLastTaskIsDescribed(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	for i, build := range []string{"", "one", "two", "one", "two", "three", "one"} {
		if i == 0 {
			w.decide()
		} else {
			w.completeAs(build, &completeRequest{})
		}
		w.crash()
		//lint:ignore SA1019 clients look at it
		if got := w.describe("").WorkflowExecutionInfo.MostRecentWorkerVersionStamp; got.GetBuildId() != build {
			t.Errorf("after task %d of %q it is %v", i, build, got)
		}
		w.signal(fmt.Sprint("s", i))
	}
	w.decide(continueAsNew())
	//lint:ignore SA1019 clients look at it
	if got := w.describe("").WorkflowExecutionInfo.MostRecentWorkerVersionStamp; got != nil {
		t.Errorf("a run without a task that was completed has %v", got)
	}
}
