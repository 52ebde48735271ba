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

// again is a request for update "u" of its own, with callbacks.
func again(request string, urls ...string) func(*workflowservice.UpdateWorkflowExecutionRequest) {
	return func(r *workflowservice.UpdateWorkflowExecutionRequest) {
		calling(urls...)(r)
		r.Request.RequestId = request
	}
}

func TestCallbacksOfALaterRequestForAnUpdateAreAttachedToIt(t *testing.T) {
	for name, when := range map[string]struct{ sent, accepted bool }{
		"before it is with a worker": {}, "while it is with a worker": {sent: true}, "when it is accepted": {sent: true, accepted: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := idleWorkflow(t, Limits{UpdateCallbacks: 3})
			w.update("u", stageCompleted, calling("http://one"))
			later := func() {
				for range 2 { // the same request twice
					w.wantWaiting(w.update("u", stageCompleted, again("later", "http://two")))
				}
			}
			if !when.sent {
				later()
			}
			task := w.poll()
			if when.sent && !when.accepted {
				later()
			}
			w.completeWith(task, saying(w.accept("u")))
			if when.accepted {
				later()
			}
			w.crash()
			w.signal("s")
			w.completeWith(w.poll(), saying(w.respond("u")))
			d := w.deliveries()
			if len(d) != 2 || d[0].Url != "http://one" || d[1].Url != "http://two" || string(d[1].Result.GetData()) != "outcome" ||
				d[1].Link.GetWorkflowEvent().GetRequestIdRef().GetRequestId() != "later" {
				t.Fatalf("deliveries are %v", d)
			}
			attached := 0
			for _, e := range w.history() {
				for _, u := range e.GetWorkflowExecutionOptionsUpdatedEventAttributes().GetWorkflowUpdateOptions() {
					if u.UpdateId != "u" || u.AttachedRequestId != "later" || len(u.AttachedCompletionCallbacks) != 1 {
						t.Errorf("it is attached by %v", u)
					}
					attached++
				}
			}
			if infos := w.describe("").WorkflowExtendedInfo.RequestIdInfos; attached != 1 || infos["later"].GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED ||
				infos["request"].GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED {
				t.Errorf("attached by %d events; requests are %v", attached, infos)
			}
		})
	}
}

func TestCallbacksOfALaterRequestThatAcceptsAndCompletesAtOnceAreDelivered(t *testing.T) {
	w := idleWorkflow(t, Limits{UpdateCallbacks: 3})
	w.update("u", stageCompleted, calling("http://one"))
	task := w.poll()
	w.update("u", stageCompleted, again("later", "http://two"))
	w.completeWith(task, saying(w.accept("u"), w.respond("u")))
	if d := w.deliveries(); len(d) != 2 || d[0].State != "succeeded" || d[1].State != "succeeded" {
		t.Errorf("deliveries are %v", d)
	}
	w.wantStage(w.update("u", stageCompleted, again("too late", "http://three")), stageCompleted)
	w.terminate()
	if d := w.deliveries(); len(d) != 2 {
		t.Errorf("deliveries are %v", d)
	}
}

func TestCallbacksOfALaterRequestThatCannotBeAttachedAreRefused(t *testing.T) {
	w := idleWorkflow(t, Limits{UpdateCallbacks: 2})
	w.update("u", stageCompleted, calling("http://one"))
	for says, change := range map[string]func(*workflowservice.UpdateWorkflowExecutionRequest){
		"invalid *update.Request: request_id is required when completion_callbacks are set": again("", "http://two"),
		`cannot attach more than 2 callbacks to update "u" (1 callbacks already attached)`:  again("later", "http://two", "http://three"),
	} {
		if a := w.update("u", stageCompleted, change); a.refuse == nil || a.refuse.Error() != says {
			t.Errorf("error is %v, want %s", a.refuse, says)
		}
	}
	w.completeWith(w.poll(), saying(w.accept("u")))
	if a := w.update("u", stageCompleted, again("later", "http://two", "http://three")); a.refuse == nil {
		t.Error("an accepted update takes one callback too many")
	}
}

func TestCallbacksOfAnUpdateGoOnWithAReset(t *testing.T) {
	w := idleWorkflow(t, Limits{UpdateCallbacks: 2})
	w.update("u", stageCompleted, calling("http://one"))
	w.completeWith(w.poll(), saying(w.accept("u")))
	w.update("u", stageCompleted, again("later", "http://two"))
	if _, err := w.tryReset(newResetRequest(w.id, 4, "r")); err != nil {
		t.Fatal(err)
	}
	w.completeWith(w.poll(), saying(w.accept("u"), w.respond("u")))
	delivered := 0
	for _, d := range w.deliveries() {
		if d.State == "succeeded" {
			delivered++
		}
	}
	if delivered != 2 {
		t.Errorf("deliveries are %v", w.deliveries())
	}
}
