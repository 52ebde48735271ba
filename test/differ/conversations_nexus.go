package differ

import (
	"strings"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
)

// scheduledEvent is the event of the operation that Call schedules.
const scheduledEvent = "5"

// handlerErrors are the types of errors of handlers.
var handlerErrors = []string{"BAD_REQUEST", "UNAUTHENTICATED", "UNAUTHORIZED", "NOT_FOUND", "CONFLICT", "NOT_IMPLEMENTED"}

// operations are Nexus operations of workflows.
var operations = []Scenario{
	{"a Nexus operation succeeds at once", func(w *World) {
		w.Call("nexus_header=(X-A:\"1\")")
		w.PollNexus("h").Succeed(`"out"`)
		w.Poll("w").Complete(complete("done"))
	}},
	{"a Nexus operation without an input and a result", func(w *World) {
		w.Call("input=none")
		w.PollNexus("h").respond("response.start_operation.sync_success=")
		w.Poll("w").Complete(complete("done"))
	}},
	{"a Nexus operation is carried out by a workflow", func(w *World) {
		w.Call()
		task := w.PollNexus("h")
		task.Behind("x")
		task.Begin("t")
		w.Decide("w")
		w.Describe("w")
		w.Decide("x", complete("done"))
		w.Poll("w").Complete(complete("done"))
	}},
	{"the workflow behind a Nexus operation fails", func(w *World) {
		w.Call()
		task := w.PollNexus("h")
		task.Behind("x")
		task.Begin("t")
		w.Decide("w")
		w.Decide("x", fail("Bad"))
		w.Poll("w").Complete(complete("done"))
	}},
	{"the workflow behind a Nexus operation is cancelled", func(w *World) {
		w.Call()
		task := w.PollNexus("h")
		task.Behind("x")
		task.Begin("t")
		w.Decide("w")
		w.RequestCancel("x")
		w.Decide("x", cancelled())
		w.Poll("w").Complete(complete("done"))
		w.forget("x")
	}},
	{"the workflow behind a Nexus operation is terminated", func(w *World) {
		w.Call()
		task := w.PollNexus("h")
		task.Behind("x")
		task.Begin("t")
		w.Decide("w")
		w.Terminate("x", "reason=enough")
		w.Poll("w").Complete(complete("done"))
		w.forget("x")
	}},
	{"the workflow behind a Nexus operation continues as new", func(w *World) {
		w.Call()
		task := w.PollNexus("h")
		task.Behind("x")
		task.Begin("t")
		w.Decide("w")
		w.Decide("x", continueAsNew("task_queue="+w.Queue("x")))
		w.Decide("x", complete("done"))
		w.Poll("w").Complete(complete("done"))
	}},
	{"a Nexus operation fails at once, as older workers say it", func(w *World) {
		w.Call()
		w.PollNexus("h").Conclude("failed")
		w.Poll("w").Complete(complete("done"))
	}},
	{"a Nexus operation is cancelled at once, as older workers say it", func(w *World) {
		w.Call()
		w.PollNexus("h").Conclude("canceled")
		w.Poll("w").Complete(complete("done"))
	}},
	{"a Nexus operation ends in a state that there is not", func(w *World) {
		w.Call()
		w.PollNexus("h").Conclude("lost")
		w.PollNexus("h").Succeed(`"out"`)
		w.Poll("w").Complete(complete("done"))
	}},
	{"a Nexus operation fails at once", func(w *World) {
		w.Call()
		w.PollNexus("h").Fail(Failure("Bad", "application_failure_info.details=why"))
		w.Poll("w").Complete(complete("done"))
	}},
	{"a Nexus operation is cancelled at once", func(w *World) {
		w.Call()
		w.PollNexus("h").Fail(Cancelled())
		w.Poll("w").Complete(complete("done"))
	}},
	{"a failure of a Nexus operation has causes and details of its own", func(w *World) {
		w.Call()
		w.PollNexus("h").Conclude("failed", `response.start_operation.operation_error.failure.metadata=(a:b)`, `response.start_operation.operation_error.failure.details={"c":1}`)
		w.Poll("w").Complete(complete("done"))
	}},
	{"a worker says nothing of a Nexus operation", func(w *World) {
		w.Call()
		w.PollNexus("h").respond("response.start_operation=")
		w.PollNexus("h").respond()
		w.PollNexus("h").Succeed(`"out"`)
		w.Poll("w").Complete(complete("done"))
	}},
	{"the handler of a Nexus operation fails for good", func(w *World) {
		w.Endpoint("h")
		w.Start("w")
		w.Decide("w", w.nexus())
		for _, kind := range handlerErrors {
			w.PollNexus("h").Refuse(kind)
			w.Decide("w", w.nexus())
		}
		w.Terminate("w")
	}},
	{"the handler of a Nexus operation fails in ways that may pass", func(w *World) {
		w.Call()
		for _, kind := range []string{"INTERNAL", "UNAVAILABLE", "RESOURCE_EXHAUSTED"} {
			w.PollNexus("h").Refuse(kind)
		}
		task := w.PollNexus("h")
		w.Describe("w")
		task.Succeed(`"out"`)
		w.Poll("w").Complete(complete("done"))
	}},
	{"the handler of a Nexus operation fails in an unknown way", func(w *World) {
		w.Call()
		w.PollNexus("h").Refuse("STRANGE")
		task := w.PollNexus("h")
		w.Describe("w")
		task.Succeed(`"out"`)
		w.Poll("w").Complete(complete("done"))
	}},
	{"the handler of a Nexus operation says whether it is to be called again", func(w *World) {
		w.Call()
		w.PollNexus("h").Refuse("BAD_REQUEST", "error.retry_behavior=BEHAVIOR_RETRYABLE")
		w.PollNexus("h").Refuse("INTERNAL", "error.retry_behavior=NON_RETRYABLE")
		w.Poll("w").Complete(complete("done"))
	}},
	{"the handler of a Nexus operation fails with a failure", func(w *World) {
		w.Call()
		w.PollNexus("h").RefuseWith("INTERNAL")
		task := w.PollNexus("h")
		w.Describe("w")
		task.RefuseWith("BAD_REQUEST")
		w.Decide("w", w.nexus())
		w.PollNexus("h").RefuseWith("INTERNAL", "failure.nexus_handler_failure_info.retry_behavior=NON_RETRYABLE")
		w.Poll("w").Complete(complete("done"))
	}},
	{"nobody takes a Nexus operation in time", func(w *World) {
		w.Call("schedule_to_close_timeout=3s")
		w.Poll("w").Complete(complete("done"))
	}},
	{"a Nexus operation is not started in time", func(w *World) {
		w.Call("schedule_to_start_timeout=3s", "schedule_to_close_timeout=1h")
		w.Poll("w").Complete(complete("done"))
	}},
	{"a Nexus operation that has started takes too long", func(w *World) {
		w.Call("start_to_close_timeout=3s")
		w.PollNexus("h").Begin("t")
		w.Decide("w")
		w.Describe("w")
		w.Poll("w").Complete(complete("done"))
	}},
	{"the whole of a Nexus operation that has started takes too long", func(w *World) {
		w.Call("schedule_to_close_timeout=8s")
		w.PollNexus("h").Begin("t")
		w.Decide("w")
		w.Poll("w").Complete(complete("done"))
	}},
	{"the timeouts of a Nexus operation bound each other", func(w *World) {
		w.Endpoint("h")
		w.Start("w", "workflow_run_timeout=1h")
		w.Decide("w", w.nexus("schedule_to_close_timeout=10m", "schedule_to_start_timeout=20m", "start_to_close_timeout=30m"),
			w.nexus("schedule_to_close_timeout=2h"), w.nexus(), w.nexus("start_to_close_timeout=2h"))
		w.Describe("w")
		w.Terminate("w")
	}},
	{"a Nexus operation that nobody has taken is described", func(w *World) {
		w.Call("schedule_to_close_timeout=1h", "schedule_to_start_timeout=30m", "start_to_close_timeout=20m")
		w.Describe("w")
		w.Terminate("w")
	}},
	{"a Nexus operation that has started is cancelled", func(w *World) {
		w.Call()
		task := w.PollNexus("h")
		task.Behind("x")
		task.Begin("t")
		w.Decide("w", cancelNexus(scheduledEvent))
		cancel := w.PollNexus("h")
		w.Describe("w")
		cancel.AcceptCancel()
		w.Decide("w")
		w.Describe("w")
		w.RequestCancel("x")
		w.Decide("x", cancelled())
		w.Poll("w").Complete(complete("done"))
		w.forget("x")
	}},
	{"the handler of a Nexus operation does not cancel it", func(w *World) {
		w.Call()
		w.PollNexus("h").Begin("t")
		w.Decide("w", cancelNexus(scheduledEvent))
		w.PollNexus("h").Refuse("UNAVAILABLE")
		cancel := w.PollNexus("h")
		w.Describe("w")
		cancel.Refuse("NOT_IMPLEMENTED")
		w.Decide("w")
		w.Describe("w")
		w.Terminate("w")
	}},
	{"a Nexus operation is cancelled before it has started", func(w *World) {
		w.Call()
		task := w.PollNexus("h")
		w.Signal("w", "go")
		w.Decide("w", cancelNexus(scheduledEvent))
		w.Describe("w")
		task.Begin("t")
		w.PollNexus("h").AcceptCancel()
		w.Decide("w")
		w.Describe("w")
		w.Terminate("w")
	}},
	{"a Nexus operation is cancelled by the task that schedules it", func(w *World) {
		w.Endpoint("h")
		w.Start("w")
		w.Decide("w", w.nexus(), cancelNexus(scheduledEvent))
		w.Describe("w")
		w.Terminate("w")
	}},
	{"cancellations of Nexus operations that cannot be", func(w *World) {
		w.Call()
		w.Signal("w", "go")
		w.Decide("w", cancelNexus("77"))
		w.Decide("w", cancelNexus(scheduledEvent))
		w.Signal("w", "go")
		w.Decide("w", cancelNexus(scheduledEvent))
		w.Terminate("w")
	}},
	{"a Nexus operation that is over is cancelled", func(w *World) {
		w.Call()
		task := w.PollNexus("h")
		w.Signal("w", "go")
		decision := w.Poll("w")
		task.Succeed(`"out"`)
		decision.Complete(cancelNexus(scheduledEvent)) // its end is not known yet
		w.Decide("w", cancelNexus(scheduledEvent))
		w.Terminate("w")
	}},
	{"Nexus operations that cannot be", func(w *World) {
		w.Endpoint("h")
		for i, settings := range [][]string{
			{"endpoint=none"}, {"endpoint=" + w.Prefix + "-none"}, {"service=none"}, {"operation=none"}, {"service=" + strings.Repeat("x", 1001)},
			{"operation=" + strings.Repeat("x", 1001)}, {"schedule_to_close_timeout=-1s"}, {"schedule_to_start_timeout=-1s"}, {"start_to_close_timeout=-1s"},
			{"nexus_header=(Operation-Timeout:1s)"}, {"nexus_header=(a:" + strings.Repeat("x", 8192) + ")"},
		} {
			w.Say("%s", shortened(strings.ReplaceAll(strings.Join(settings, " "), w.Prefix, "<scenario>")))
			name := "w" + string(rune('a'+i))
			w.quietly(func() { w.Start(name) })
			w.Decide(name, w.nexus(settings...))
			w.quietly(func() { w.Terminate(name) })
		}
	}},
	{"a command for a Nexus operation has no attributes", func(w *World) {
		for i, kind := range []enumspb.CommandType{enumspb.COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION, enumspb.COMMAND_TYPE_REQUEST_CANCEL_NEXUS_OPERATION} {
			name := "w" + string(rune('a'+i))
			w.Start(name)
			w.Decide(name, &commandpb.Command{CommandType: kind})
			w.Terminate(name)
		}
	}},
	{"a workflow ends before its Nexus operation", func(w *World) {
		w.Call()
		task := w.PollNexus("h")
		w.Signal("w", "go")
		w.Decide("w", complete("done"))
		w.Describe("w")
		task.Succeed(`"out"`)
	}},
	{"a workflow continues as new before its Nexus operation is over", func(w *World) {
		w.Call()
		task := w.PollNexus("h")
		task.Begin("t")
		w.Decide("w", continueAsNew("task_queue="+w.Queue("w")))
		w.Await("w", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
		task.Report("succeeded", `"out"`)
		w.Terminate("w")
	}},
	{"two Nexus operations end in another order", func(w *World) {
		w.Endpoint("h")
		w.Start("w")
		w.Decide("w", w.nexus(`input="1"`), w.nexus(`input="2"`))
		tasks := map[string]*NexusTask{}
		w.quietly(func() { // they come in any order
			for range 2 {
				task := w.PollNexus("h")
				tasks[string(task.Request.GetStartOperation().GetPayload().GetData())] = task
			}
		})
		tasks[`"2"`].Succeed(`"2"`)
		w.Await("w", 1, enumspb.EVENT_TYPE_NEXUS_OPERATION_COMPLETED)
		tasks[`"1"`].Succeed(`"1"`)
		w.Await("w", 2, enumspb.EVENT_TYPE_NEXUS_OPERATION_COMPLETED)
		w.Poll("w").Complete(complete("done"))
	}},
	{"the endpoint of a Nexus operation is deleted", func(w *World) {
		id := w.Endpoint("h")
		w.Start("w")
		w.Decide("w", w.nexus())
		task := w.PollNexus("h")
		_, _ = w.Operator.DeleteNexusEndpoint(w.Ctx, &operatorservice.DeleteNexusEndpointRequest{Id: id, Version: 1})
		task.Refuse("UNAVAILABLE")
		w.Poll("w").Complete(complete("done"))
	}},
	{"a Nexus operation at another server whose callbacks nobody has set up", func(w *World) {
		w.Endpoint("h", "spec.target.external.url=http://127.0.0.1:1/nexus")
		w.Start("w")
		w.Decide("w", w.nexus("schedule_to_close_timeout=4s"))
		w.Poll("w").Complete(complete("done"))
	}},
	{"a Nexus operation has links", func(w *World) {
		w.Call()
		const link = "temporal:///namespaces/default/workflows/there/00000000-0000-4000-8000-000000000001/history?eventID=1&eventType=WorkflowExecutionStarted&referenceType=EventReference"
		const kind = "temporal.api.common.v1.Link.WorkflowEvent"
		task := w.PollNexus("h")
		task.Begin("t", "response.start_operation.async_success.links+.url="+link, "response.start_operation.async_success.links.type="+kind)
		w.Decide("w", w.nexus())
		w.PollNexus("h").Succeed(`"out"`, "response.start_operation.sync_success.links+.url="+link, "response.start_operation.sync_success.links.type="+kind)
		w.Decide("w")
		task.Report("succeeded", `"late"`)
		w.Poll("w").Complete(complete("done"))
	}},
	{"a Nexus operation has links that are none", func(w *World) {
		w.Call()
		w.PollNexus("h").Succeed(`"out"`, "response.start_operation.sync_success.links+.url=http://example.com", "response.start_operation.sync_success.links.type=mine",
			"response.start_operation.sync_success.links+.url=temporal:///nowhere", "response.start_operation.sync_success.links.type=temporal.api.common.v1.Link.WorkflowEvent")
		w.Poll("w").Complete(complete("done"))
	}},
	{"the end of a Nexus operation comes before its beginning", func(w *World) {
		w.Call()
		task := w.PollNexus("h")
		task.Report("succeeded", `"out"`, "Nexus-Operation-Token", "t")
		w.Decide("w")
		task.Begin("t")
		w.Signal("w", "go")
		w.Poll("w").Complete(complete("done"))
	}},
	{"the end of a Nexus operation is reported twice", func(w *World) {
		w.Call()
		task := w.PollNexus("h")
		task.Begin("t")
		w.Decide("w")
		task.Report("succeeded", `"out"`)
		task.Report("succeeded", `"out"`)
		w.Poll("w").Complete(complete("done"))
		task.Report("succeeded", `"out"`)
	}},
	{"a Nexus operation is reported to have failed", func(w *World) {
		w.Call()
		task := w.PollNexus("h")
		task.Begin("t")
		w.Decide("w", w.nexus())
		task.Report("failed", `{"message":"over","metadata":{"a":"b"},"details":{"c":1}}`)
		second := w.PollNexus("h")
		second.Begin("u")
		w.Decide("w")
		second.Report("canceled", `{"message":"over"}`)
		w.Poll("w").Complete(complete("done"))
	}},
	{"reports of Nexus operations that cannot be", func(w *World) {
		w.Call()
		task := w.PollNexus("h")
		task.Begin("t")
		task.Report("lost", `"out"`)
		task.Report("", `"out"`)
		task.Report("running", `"out"`)
		task.Report("failed", `no JSON`)
		task.Report("failed", `{}`, "Content-Type", "text/plain")
		task.Report("succeeded", `"out"`, "Temporal-Callback-Token", "garbage")
		task.Report("succeeded", `"out"`, "Temporal-Callback-Token", `{"v":1,"d":"AAAA"}`)
		task.Report("succeeded", `"out"`, "Temporal-Callback-Token", "")
		task.Report("succeeded", `"out"`, "Nexus-Operation-Token", strings.Repeat("x", 4097))
		task.Report("succeeded", `"out"`, "Nexus-Operation-Start-Time", "yesterday")
		task.Report("succeeded", `"out"`, "Nexus-Link", "garbage")
		w.post("/nexus/callback", header{"Nexus-Operation-State", "succeeded"}, "")
		w.post("/namespaces/no-such-namespace/nexus/callback", header{"Nexus-Operation-State", "succeeded", "Temporal-Callback-Token",
			task.Request.GetStartOperation().GetCallbackHeader()["temporal-callback-token"]}, "")
		w.Terminate("w")
		task.Report("succeeded", `"out"`)
	}},
}
