package differ

import (
	"net/http"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// dispatched makes a request over HTTP to start an operation of the workers of the queue "h".
func (w *World) dispatched(head header, body string) (wait func()) {
	return w.http(http.MethodPost, w.servicesOf("h")+"/svc/op", head, body)
}

// servicesOf is the path of the services of the workers of the queue of that name.
func (w *World) servicesOf(name string) string {
	return "/namespaces/" + Namespace + "/task-queues/" + w.Queue(name) + "/nexus-services"
}

// failureSupport is the header of one who understands failures in the form of Temporal.
var failureSupport = header{"Temporal-Nexus-Failure-Support", "true"}

// nexusTasks are Nexus requests to workers, and those that come over HTTP.
var nexusTasks = []Scenario{
	{"polls for Nexus requests that cannot be", func(w *World) {
		for _, settings := range [][]string{
			{"task_queue=none"}, {"task_queue.name=none"}, {"task_queue.name=" + strings.Repeat("x", 1001)}, {"namespace=none"},
			{"namespace=no-such-namespace"}, {"identity=" + strings.Repeat("x", 1001)}, {"task_queue.name=/_sys/x"},
		} {
			w.Say("%s", shortened(strings.Join(settings, " ")))
			_, _ = w.API.PollNexusTaskQueue(w.Ctx, Set(&workflowservice.PollNexusTaskQueueRequest{
				Namespace: Namespace, TaskQueue: w.taskQueue("h"), Identity: "worker"}, settings...))
		}
	}},
	{"answers to Nexus requests that there are not", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		for _, token := range [][]byte{nil, []byte("garbage"), task.TaskToken} {
			n := &NexusTask{&workflowservice.PollNexusTaskQueueResponse{TaskToken: token}, w}
			n.Succeed(`"out"`)
			n.Refuse("INTERNAL")
		}
		task.Complete(complete("done"))
	}},
	{"a Nexus request is answered twice", func(w *World) {
		wait := w.dispatched(nil, "")
		task := w.PollNexus("h")
		task.Succeed(`"out"`)
		wait()
		task.Succeed(`"out"`)
		task.Refuse("INTERNAL")
	}},
	{"answers to a Nexus request that cannot be", func(w *World) {
		wait := w.dispatched(nil, "")
		task := w.PollNexus("h")
		task.respond("response.start_operation.async_success=")
		task.Begin(strings.Repeat("x", 4097))
		task.Conclude("failed", "response.start_operation.operation_error.failure.details=no JSON")
		task.Refuse("INTERNAL", "error.failure.details=no JSON")
		_, _ = w.API.RespondNexusTaskFailed(w.Ctx, &workflowservice.RespondNexusTaskFailedRequest{Namespace: Namespace, TaskToken: task.TaskToken, Identity: "worker"})
		_, _ = w.API.RespondNexusTaskFailed(w.Ctx, &workflowservice.RespondNexusTaskFailedRequest{Namespace: Namespace, TaskToken: task.TaskToken, Identity: "worker", Failure: Failure("Bad")})
		_, _ = w.API.RespondNexusTaskFailed(w.Ctx, &workflowservice.RespondNexusTaskFailedRequest{Namespace: "no-such-namespace", TaskToken: task.TaskToken, Identity: "worker", Failure: Failure("Bad")})
		task.Succeed(`"out"`)
		wait()
	}},
	{"the answer to a Nexus request comes too late", func(w *World) {
		w.Call()
		late := w.PollNexus("h")
		task := w.PollNexus("h") // the same again, when the first call has taken too long
		w.Describe("w")
		late.Succeed(`"late"`)
		task.Succeed(`"out"`)
		w.Poll("w").Complete(complete("done"))
	}},
	{"an operation is started over HTTP", func(w *World) {
		wait := w.dispatched(header{"Content-Type", "application/json", "Nexus-Request-Id", "r", "X-A", "1", "Nexus-Callback-A", "b", "Operation-Timeout", "1m"}, `"in"`)
		w.PollNexus("h").Succeed(`"out"`)
		wait()
	}},
	{"an operation is started over HTTP at an endpoint", func(w *World) {
		id := w.Endpoint("h")
		wait := w.http(http.MethodPost, "/nexus/endpoints/"+id+"/services/svc/op?callback=http://x", header{"Content-Type", "application/json"}, `"in"`)
		w.PollNexus("h").Begin("t", "response.start_operation.async_success.links+.url=http://example.com", "response.start_operation.async_success.links.type=mine")
		wait()
	}},
	{"an operation over HTTP has failed", func(w *World) {
		for _, head := range []header{nil, failureSupport} {
			wait := w.dispatched(head, "")
			w.PollNexus("h").Conclude("failed")
			wait()
			wait = w.dispatched(head, "")
			w.PollNexus("h").Fail(Failure("Bad"))
			wait()
		}
	}},
	{"an operation over HTTP is cancelled at once", func(w *World) {
		for _, head := range []header{nil, failureSupport} {
			wait := w.dispatched(head, "")
			w.PollNexus("h").Conclude("canceled")
			wait()
			wait = w.dispatched(head, "")
			w.PollNexus("h").Fail(Cancelled())
			wait()
		}
	}},
	{"the handler of an operation over HTTP fails", func(w *World) {
		for _, kind := range append([]string{"INTERNAL", "UNAVAILABLE", "RESOURCE_EXHAUSTED", "UPSTREAM_TIMEOUT", "REQUEST_TIMEOUT", "STRANGE"}, handlerErrors...) {
			wait := w.dispatched(nil, "")
			w.PollNexus("h").Refuse(kind)
			wait()
		}
	}},
	{"the handler of an operation over HTTP fails, and says whether for good", func(w *World) {
		for _, head := range []header{nil, failureSupport} {
			wait := w.dispatched(head, "")
			w.PollNexus("h").Refuse("BAD_REQUEST", "error.retry_behavior=BEHAVIOR_RETRYABLE")
			wait()
			wait = w.dispatched(head, "")
			w.PollNexus("h").RefuseWith("INTERNAL", "failure.nexus_handler_failure_info.retry_behavior=NON_RETRYABLE")
			wait()
		}
	}},
	{"an operation is cancelled over HTTP", func(w *World) {
		path := w.servicesOf("h") + "/svc/op/cancel"
		wait := w.http(http.MethodPost, path, header{"Nexus-Operation-Token", "t", "X-A", "1"}, "")
		w.PollNexus("h").AcceptCancel()
		wait()
		wait = w.http(http.MethodPost, path+"?token=t", nil, "")
		w.PollNexus("h").Refuse("NOT_FOUND")
		wait()
		w.post(path, nil, "")
	}},
	{"Nexus requests over HTTP that lead nowhere", func(w *World) {
		w.Endpoint("h")
		external := w.Endpoint("x", "spec.target.external.url=http://example.com")
		for _, path := range []string{
			"/nexus/endpoints/00000000-0000-4000-8000-000000000000/services/svc/op", "/nexus/endpoints/" + external + "/services/svc/op",
			"/namespaces/no-such-namespace/task-queues/q/nexus-services/svc/op",
			w.servicesOf("h") + "/svc", w.servicesOf("h") + "/svc/op/more", w.servicesOf("h") + "/svc/op/more/still",
		} {
			w.Say("%s", strings.NewReplacer(external, "<id>", w.Prefix, "<scenario>").Replace(path))
			w.post(path, nil, "")
		}
		w.http(http.MethodGet, w.servicesOf("h")+"/svc/op", nil, "")()
		w.dispatched(header{"Request-Timeout", "soon"}, "")()
		w.dispatched(header{"Nexus-Link", "garbage"}, "")()
	}},
	{"Nexus requests over HTTP that are malformed", func(w *World) {
		w.post("/nexus/endpoints/none/services/svc/op", nil, "")
		w.http(http.MethodPost, "/namespaces/default/task-queues/"+strings.Repeat("x", 1001)+"/nexus-services/svc/op", header{"Request-Timeout", "2s"}, "")()
	}},
	{"an input over HTTP says nothing of its form", func(w *World) {
		wait := w.dispatched(nil, "1")
		task := w.PollNexus("h")
		task.Echo()
		wait()
	}},
	{"nobody answers a Nexus request over HTTP", func(w *World) {
		w.dispatched(header{"Request-Timeout", "2s"}, "")()
	}},
	{"the forms of inputs and results over HTTP", func(w *World) {
		for _, kind := range []string{"application/json", "application/octet-stream", "text/plain", "application/json; format=protobuf; message-type=a.B", "application/x-protobuf; message-type=a.B"} {
			wait := w.dispatched(header{"Content-Type", kind}, "1")
			w.PollNexus("h").Echo()
			wait()
		}
	}},
	{"completion callbacks that cannot be", func(w *World) {
		for _, url := range []string{"", "x", "ftp://example.com", "http://example.com", "temporal://internal", "temporal://system", "temporal://else", "http://" + strings.Repeat("x", 1000)} {
			w.Say("%s", shortened(url))
			request := w.StartRequest("w")
			request.CompletionCallbacks = []*commonpb.Callback{{Variant: &commonpb.Callback_Nexus_{Nexus: &commonpb.Callback_Nexus{Url: url}}}}
			_, _ = w.API.StartWorkflowExecution(w.Ctx, request)
			w.quietly(func() { w.Terminate("w") })
		}
		request := w.StartRequest("v")
		request.CompletionCallbacks = []*commonpb.Callback{{}}
		_, _ = w.API.StartWorkflowExecution(w.Ctx, request)
		request.CompletionCallbacks = []*commonpb.Callback{{Variant: &commonpb.Callback_Nexus_{Nexus: &commonpb.Callback_Nexus{Url: "temporal://system", Header: map[string]string{"a": strings.Repeat("x", 9000)}}}}}
		_, _ = w.API.StartWorkflowExecution(w.Ctx, request)
		w.forget("w")
		w.forget("v")
	}},
	{"a completion callback does not find its operation", func(w *World) {
		request := w.StartRequest("w")
		request.CompletionCallbacks = []*commonpb.Callback{{Variant: &commonpb.Callback_Nexus_{Nexus: &commonpb.Callback_Nexus{
			Url: "temporal://system", Header: map[string]string{"temporal-callback-token": "garbage"}}}}}
		_, _ = w.API.StartWorkflowExecution(w.Ctx, request)
		w.Describe("w")
		w.Decide("w", complete("done"))
		w.Eventually("the callback has failed", func() bool {
			d, err := w.Quiet.DescribeWorkflowExecution(w.Ctx, describeRequest(w, "w"))
			return err == nil && len(d.GetCallbacks()) == 1 && d.GetCallbacks()[0].GetLastAttemptFailure() != nil
		})
		w.Describe("w")
	}},
	{"Nexus operations without a workflow are off", func(w *World) {
		_, _ = w.API.StartNexusOperationExecution(w.Ctx, &workflowservice.StartNexusOperationExecutionRequest{Namespace: Namespace, OperationId: "o", Endpoint: "e", Service: "s", Operation: "o"})
		_, _ = w.API.DescribeNexusOperationExecution(w.Ctx, &workflowservice.DescribeNexusOperationExecutionRequest{Namespace: Namespace, OperationId: "o"})
		_, _ = w.API.PollNexusOperationExecution(w.Ctx, &workflowservice.PollNexusOperationExecutionRequest{Namespace: Namespace, OperationId: "o"})
		_, _ = w.API.ListNexusOperationExecutions(w.Ctx, &workflowservice.ListNexusOperationExecutionsRequest{Namespace: Namespace})
		_, _ = w.API.CountNexusOperationExecutions(w.Ctx, &workflowservice.CountNexusOperationExecutionsRequest{Namespace: Namespace})
		_, _ = w.API.RequestCancelNexusOperationExecution(w.Ctx, &workflowservice.RequestCancelNexusOperationExecutionRequest{Namespace: Namespace, OperationId: "o"})
		_, _ = w.API.TerminateNexusOperationExecution(w.Ctx, &workflowservice.TerminateNexusOperationExecutionRequest{Namespace: Namespace, OperationId: "o"})
		_, _ = w.API.DeleteNexusOperationExecution(w.Ctx, &workflowservice.DeleteNexusOperationExecutionRequest{Namespace: Namespace, OperationId: "o"})
	}},
}
