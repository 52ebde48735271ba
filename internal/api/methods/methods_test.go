package methods

import (
	"slices"
	"testing"

	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
	"github.com/perdure/perdure/internal/api/admin"
	"github.com/perdure/perdure/internal/api/nexusdoor"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"

	commonpb "go.temporal.io/api/common/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	updatepb "go.temporal.io/api/update/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

var services = []protoreflect.ServiceDescriptor{
	workflowservice.File_temporal_api_workflowservice_v1_service_proto.Services().ByName("WorkflowService"),
	operatorservice.File_temporal_api_operatorservice_v1_service_proto.Services().ByName("OperatorService"),
	admin.File_admin_proto.Services().ByName("AdminService"),
	nexusdoor.File_nexusdoor_proto.Services().ByName("NexusDoorService"),
	flowv1.File_perdure_flow_v1_flow_proto.Services().ByName("FlowService"),
}

func TestEveryRPCHasARowAndEveryRowAnRPC(t *testing.T) {
	rpcs := 0
	for _, service := range services {
		for i := range service.Methods().Len() {
			rpcs++
			name := "/" + string(service.FullName()) + "/" + string(service.Methods().Get(i).Name())
			m := Lookup(name)
			if m == nil {
				t.Errorf("%s has no row", name)
				continue
			}
			if m.Descriptor() != service.Methods().Get(i) {
				t.Errorf("%s is described by another method", name)
			}
		}
	}
	if rows := len(slices.Collect(All())); rows != rpcs || len(byName) != rpcs {
		t.Errorf("%d rows with %d names for %d RPCs", rows, len(byName), rpcs)
	}
	if Lookup("/temporal.api.workflowservice.v1.WorkflowService/NoSuch") != nil {
		t.Error("a method that does not exist has a row")
	}
}

func TestRowsFitTheirRequests(t *testing.T) {
	for m := range All() {
		fields := m.Descriptor().Input().Fields()
		hasName, hasToken := fields.ByName("namespace") != nil, fields.ByName("task_token") != nil
		if (m.Namespace != NamespaceNone) != hasName {
			t.Errorf("%s: namespace rule %d, request has a namespace: %v", m.Name, m.Namespace, hasName)
		}
		if (m.Namespace == NamespaceByToken) != hasToken {
			t.Errorf("%s: namespace rule %d, request has a task token: %v", m.Name, m.Namespace, hasToken)
		}
		if hasID := fields.ByName("id") != nil || fields.ByName("namespace_id") != nil; m.Namespace == NamespaceNameOrID && !hasID {
			t.Errorf("%s: the request has no id of a namespace", m.Name)
		}
		if (m.Namespace == NamespaceNone) != (len(m.States) == 0) {
			t.Errorf("%s: namespace rule %d, states %v", m.Name, m.Namespace, m.States)
		}
		if m.Scope == ScopeCluster && m.Namespace != NamespaceNone {
			t.Errorf("%s is about the cluster, but its request has a namespace", m.Name)
		}
		if m.Scope == 0 || m.Access == 0 {
			t.Errorf("%s: scope %d, access %d", m.Name, m.Scope, m.Access)
		}
		if (m.Wait.When == Never) != (m.Wait.Max == 0) {
			t.Errorf("%s: waits %d for up to %v", m.Name, m.Wait.When, m.Wait.Max)
		}
		if m.Limit.Budget == BudgetNone && m.Service == WorkflowService {
			t.Errorf("%s has no rate limit", m.Name)
		}
	}
}

func TestPathsOfOwnersLeadToTexts(t *testing.T) {
	for m := range All() {
		m.describe() // panics if a path does not exist
		for i, place := range m.places {
			if len(place.fields) == 0 {
				if place.kind < OwnerNamespace { // from there on they are what there is once
					t.Errorf("%s: owner %d needs a path", m.Name, place.kind)
				}
				continue
			}
			last := place.fields[len(place.fields)-1]
			if kind := last.Kind(); last.IsList() || kind != protoreflect.StringKind && kind != protoreflect.BytesKind {
				t.Errorf("%s: %s is no text", m.Name, m.Owner[i].Path)
			}
		}
	}
}

func TestOwnersAreFoundInRequests(t *testing.T) {
	execution := &commonpb.WorkflowExecution{WorkflowId: "w"}
	for name, test := range map[string]struct {
		method  string
		request proto.Message
		kind    OwnerKind
		id      string
	}{
		"a workflow":           {"StartWorkflowExecution", &workflowservice.StartWorkflowExecutionRequest{WorkflowId: "w"}, OwnerWorkflow, "w"},
		"a workflow in a ref":  {"PollWorkflowExecutionUpdate", &workflowservice.PollWorkflowExecutionUpdateRequest{UpdateRef: &updatepb.UpdateRef{WorkflowExecution: execution}}, OwnerWorkflow, "w"},
		"a workflow not named": {"QueryWorkflow", &workflowservice.QueryWorkflowRequest{}, OwnerAnyone, ""},
		"the first of several operations that says": {"ExecuteMultiOperation", &workflowservice.ExecuteMultiOperationRequest{Operations: []*workflowservice.ExecuteMultiOperationRequest_Operation{
			{}, {Operation: &workflowservice.ExecuteMultiOperationRequest_Operation_UpdateWorkflow{UpdateWorkflow: &workflowservice.UpdateWorkflowExecutionRequest{WorkflowExecution: execution}}},
		}}, OwnerWorkflow, "w"},
		"a token":                   {"RespondActivityTaskCompleted", &workflowservice.RespondActivityTaskCompletedRequest{TaskToken: []byte("token")}, OwnerToken, "token"},
		"an activity of a workflow": {"RespondActivityTaskCompletedById", &workflowservice.RespondActivityTaskCompletedByIdRequest{WorkflowId: "w", ActivityId: "a"}, OwnerWorkflow, "w"},
		"an activity of its own":    {"RespondActivityTaskCompletedById", &workflowservice.RespondActivityTaskCompletedByIdRequest{ActivityId: "a"}, OwnerActivity, "a"},
		"a queue":                   {"PollWorkflowTaskQueue", &workflowservice.PollWorkflowTaskQueueRequest{TaskQueue: &taskqueuepb.TaskQueue{Name: "q"}}, OwnerTaskQueue, "q"},
		"the normal queue of a sticky one": {"PollWorkflowTaskQueue", &workflowservice.PollWorkflowTaskQueueRequest{
			TaskQueue: &taskqueuepb.TaskQueue{Name: "sticky", NormalName: "q"}}, OwnerTaskQueue, "q"},
		"the namespace": {"ListWorkers", &workflowservice.ListWorkersRequest{}, OwnerNamespace, ""},
		"nobody":        {"GetSystemInfo", &workflowservice.GetSystemInfoRequest{}, OwnerAnyone, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := Lookup("/" + WorkflowService + "/" + test.method)
			if kind, id := m.OwnerOf(test.request); kind != test.kind || id != test.id {
				t.Errorf("owner is %d %q, want %d %q", kind, id, test.kind, test.id)
			}
		})
	}
}

func TestLookingUpARowAndItsOwnerAllocatesNothing(t *testing.T) {
	request := &workflowservice.SignalWorkflowExecutionRequest{WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "w"}}
	name := "/" + WorkflowService + "/SignalWorkflowExecution"
	if allocations := testing.AllocsPerRun(100, func() { Lookup(name).OwnerOf(request) }); allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}
