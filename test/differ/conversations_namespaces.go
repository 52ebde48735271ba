package differ

import (
	"context"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// attribute is a start with one search attribute, whose value is in JSON.
func attribute(what, name, value string) Scenario {
	return Scenario{"a start with a search attribute " + what, func(w *World) {
		request := w.StartRequest("w")
		request.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{
			name: {Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(value)}}}
		_, _ = w.API.StartWorkflowExecution(w.Ctx, request)
	}}
}

var attributes = []Scenario{
	attribute("that is unknown", "NoSuchAttribute", `"x"`),
	attribute("of the system", "WorkflowId", `"x"`),
	attribute("that only servers set", "TemporalWorkerDeployment", `"x"`),
	attribute("that SDKs set", "TemporalChangeVersion", `["x"]`),
	attribute("of the wrong type", "BuildIds", `1`),
	attribute("that is no list", "BuildIds", `"x"`),
	attribute("that is a list of one", "BatcherUser", `["x"]`),
	attribute("that is a list where there is one value", "BatcherUser", `["x", "y"]`),
	attribute("that is null", "BatcherUser", `null`),
	attribute("that is no time", "TemporalScheduledStartTime", `"today"`),
	attribute("that is a time", "TemporalScheduledStartTime", `"2024-02-29T12:00:00Z"`),
	attribute("that is no truth value", "TemporalSchedulePaused", `"yes"`),
	attribute("that is too large", "BatcherUser", `"`+strings.Repeat("x", 2048)+`"`),
	attribute("that is no JSON", "BatcherUser", `{`),
	attribute("of a reserved name", "TemporalNoSuchThing", `"x"`),
	{"a start with a search attribute without an encoding", func(w *World) {
		request := w.StartRequest("w")
		request.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{"BatcherUser": {Data: []byte(`"x"`)}}}
		_, _ = w.API.StartWorkflowExecution(w.Ctx, request)
	}},
	{"a start with a search attribute that says its type", func(w *World) {
		for _, kind := range []string{"Keyword", "Text", "Int", "Nonsense"} {
			request := w.StartRequest("w", "workflow_id_conflict_policy=USE_EXISTING")
			request.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{"BatcherUser": {
				Metadata: map[string][]byte{"encoding": []byte("json/plain"), "type": []byte(kind)}, Data: []byte(`"x"`)}}}
			_, _ = w.API.StartWorkflowExecution(w.Ctx, request)
			w.quietly(func() { w.Terminate("w") })
		}
	}},
}

var namespaces = []Scenario{
	{"namespaces that cannot be registered", func(w *World) {
		for _, settings := range [][]string{
			{"namespace="}, {"namespace=" + strings.Repeat("x", 1001)}, {"namespace=default"}, {"namespace=temporal-system"},
			{"workflow_execution_retention_period=1m"}, {"workflow_execution_retention_period=0s"}, {"workflow_execution_retention_period=none"},
			{"workflow_execution_retention_period=-1h"}, {"is_global_namespace=true"},
		} {
			w.Say("%s", shortened(settings[0]))
			_, _ = w.API.RegisterNamespace(w.Ctx, Set(&workflowservice.RegisterNamespaceRequest{
				Namespace: w.Prefix, Description: "d", OwnerEmail: "o"}, append([]string{"workflow_execution_retention_period=24h"}, settings...)...))
		}
	}},
	{"namespaces are described by name or by id", func(w *World) {
		for _, settings := range [][]string{{"namespace=no-such-namespace"}, {"namespace="}, {"id=no-such-id"}, {"id=00000000-0000-4000-8000-000000000000"},
			{"namespace=default", "id=00000000-0000-4000-8000-000000000000"}} {
			_, _ = w.API.DescribeNamespace(w.Ctx, Set(&workflowservice.DescribeNamespaceRequest{}, settings...))
		}
	}},
	{"search attributes are registered", func(w *World) {
		name := w.namespace("d2")
		add := func(attributes map[string]enumspb.IndexedValueType) {
			_, _ = w.Operator.AddSearchAttributes(w.Ctx, &operatorservice.AddSearchAttributesRequest{Namespace: name, SearchAttributes: attributes})
		}
		add(map[string]enumspb.IndexedValueType{"Customer": enumspb.INDEXED_VALUE_TYPE_KEYWORD})
		add(map[string]enumspb.IndexedValueType{"Customer": enumspb.INDEXED_VALUE_TYPE_KEYWORD})
		add(map[string]enumspb.IndexedValueType{"WorkflowId": enumspb.INDEXED_VALUE_TYPE_KEYWORD})
		add(map[string]enumspb.IndexedValueType{"TemporalX": enumspb.INDEXED_VALUE_TYPE_KEYWORD})
		add(map[string]enumspb.IndexedValueType{"X": 99})
		add(nil)
		_, _ = w.Operator.RemoveSearchAttributes(w.Ctx, &operatorservice.RemoveSearchAttributesRequest{Namespace: name, SearchAttributes: []string{"NoSuchAttribute"}})
		_, _ = w.Operator.RemoveSearchAttributes(w.Ctx, &operatorservice.RemoveSearchAttributesRequest{Namespace: name, SearchAttributes: []string{"WorkflowId"}})
		_, _ = w.Operator.RemoveSearchAttributes(w.Ctx, &operatorservice.RemoveSearchAttributesRequest{Namespace: name})
		_, _ = w.Operator.RemoveSearchAttributes(w.Ctx, &operatorservice.RemoveSearchAttributesRequest{Namespace: name, SearchAttributes: []string{"Customer"}})
	}},
	{"polls that are refused", func(w *World) {
		for _, settings := range [][]string{{"task_queue=none"}, {"task_queue.name="}, {"task_queue.name=" + strings.Repeat("x", 1001)}, {"namespace="},
			{"namespace=no-such-namespace"}, {"task_queue.name=/_sys/x/1"}, {"identity=" + strings.Repeat("x", 1001)}} {
			w.Say("%s", shortened(settings[0]))
			_, _ = w.API.PollActivityTaskQueue(w.Ctx, Set(&workflowservice.PollActivityTaskQueueRequest{Namespace: Namespace, TaskQueue: w.taskQueue("w")}, settings...))
			_, _ = w.API.PollWorkflowTaskQueue(w.Ctx, Set(w.pollRequest("w"), settings...))
		}
		ctx, cancel := context.WithTimeout(w.Ctx, 1500*time.Millisecond)
		defer cancel()
		_, _ = w.API.PollActivityTaskQueue(ctx, &workflowservice.PollActivityTaskQueueRequest{Namespace: Namespace, TaskQueue: w.taskQueue("w")})
	}},
	{"tokens that are not what they should be", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a"), timer("t", "1h"))
		a := w.PollActivity("w")
		w.Signal("w", "s")
		task := w.Poll("w")
		for _, token := range [][]byte{nil, []byte("garbage"), a.TaskToken} {
			_, _ = w.API.RespondWorkflowTaskCompleted(w.Ctx, &workflowservice.RespondWorkflowTaskCompletedRequest{Namespace: Namespace, TaskToken: token})
			_, _ = w.API.RespondWorkflowTaskFailed(w.Ctx, &workflowservice.RespondWorkflowTaskFailedRequest{Namespace: Namespace, TaskToken: token})
			_, _ = w.API.RespondQueryTaskCompleted(w.Ctx, &workflowservice.RespondQueryTaskCompletedRequest{Namespace: Namespace, TaskToken: token})
		}
		for _, token := range [][]byte{nil, []byte("garbage"), task.TaskToken} {
			_, _ = w.API.RespondActivityTaskCompleted(w.Ctx, &workflowservice.RespondActivityTaskCompletedRequest{Namespace: Namespace, TaskToken: token})
			_, _ = w.API.RespondActivityTaskFailed(w.Ctx, &workflowservice.RespondActivityTaskFailedRequest{Namespace: Namespace, TaskToken: token})
			_, _ = w.API.RespondActivityTaskCanceled(w.Ctx, &workflowservice.RespondActivityTaskCanceledRequest{Namespace: Namespace, TaskToken: token})
			_, _ = w.API.RecordActivityTaskHeartbeat(w.Ctx, &workflowservice.RecordActivityTaskHeartbeatRequest{Namespace: Namespace, TaskToken: token})
		}
		w.Say("without a namespace, and with another one")
		for _, name := range []string{"", "no-such-namespace"} {
			_, _ = w.API.RespondActivityTaskCompleted(w.Ctx, &workflowservice.RespondActivityTaskCompletedRequest{Namespace: name, TaskToken: a.TaskToken})
			_, _ = w.API.RespondWorkflowTaskFailed(w.Ctx, &workflowservice.RespondWorkflowTaskFailedRequest{Namespace: name, TaskToken: task.TaskToken})
		}
	}},
	{"a request that is larger than a message may be", func(w *World) {
		request := w.StartRequest("w")
		request.Input = &commonpb.Payloads{Payloads: append(append(large().Payloads, large().Payloads...), large().Payloads...)}
		_, _ = w.API.StartWorkflowExecution(w.Ctx, request)
	}},
	{"what is too large for a workflow to say", func(w *World) {
		w.Start("w")
		command := marker("m")
		command.GetRecordMarkerCommandAttributes().Details = map[string]*commonpb.Payloads{"d": large()}
		w.Decide("w", command)
	}},
}

// namespace registers a namespace of the scenario's own.
func (w *World) namespace(name string, settings ...string) string {
	name = w.Prefix + "-" + name
	_, _ = w.API.RegisterNamespace(w.Ctx, Set(&workflowservice.RegisterNamespaceRequest{Namespace: name},
		append([]string{"workflow_execution_retention_period=24h"}, settings...)...))
	return name
}
