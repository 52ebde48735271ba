package server_test

import (
	"fmt"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/operatorservice/v1"
	querypb "go.temporal.io/api/query/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/server"
)

// Each change is made by way of another node, and all nodes are asked as soon as it was answered.
func TestWhatWasChangedIsKnownToAllNodesWhenTheCallIsAnswered(t *testing.T) {
	c := clusterOf(t, 3, standalone)
	for round := range 3 * len(c.servers) {
		name, changing := fmt.Sprint("new-", round), c.servers[round%len(c.servers)].ClientConn()
		client, operator := workflowservice.NewWorkflowServiceClient(changing), operatorservice.NewOperatorServiceClient(changing)
		each := func(what string, check func(grpc.ClientConnInterface) error) {
			t.Helper()
			for i, s := range c.servers {
				if err := check(s.ClientConn()); err != nil {
					t.Errorf("round %d, %s, node %d: %v", round, what, i, err)
				}
			}
		}

		if _, err := client.RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour)}); err != nil {
			t.Fatal(err)
		}
		each("a namespace", func(conn grpc.ClientConnInterface) error {
			_, err := workflowservice.NewWorkflowServiceClient(conn).DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: name})
			return err
		})

		if _, err := operator.AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{Namespace: name,
			SearchAttributes: map[string]enumspb.IndexedValueType{"Customer": enumspb.INDEXED_VALUE_TYPE_KEYWORD}}); err != nil {
			t.Fatal(err)
		}
		each("a search attribute", func(conn grpc.ClientConnInterface) error {
			_, err := workflowservice.NewWorkflowServiceClient(conn).ListWorkflowExecutions(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: name, Query: `Customer = "c"`})
			return err
		})

		start := func(conn grpc.ClientConnInterface, id string) error {
			_, err := workflowservice.NewWorkflowServiceClient(conn).StartNexusOperationExecution(t.Context(), &workflowservice.StartNexusOperationExecutionRequest{
				Namespace: ns, OperationId: id, RequestId: id, Endpoint: name, Service: "service", Operation: "operation"})
			return err
		}
		operations := 0
		created, err := operator.CreateNexusEndpoint(t.Context(), &operatorservice.CreateNexusEndpointRequest{Spec: &nexuspb.EndpointSpec{Name: name,
			Target: &nexuspb.EndpointTarget{Variant: &nexuspb.EndpointTarget_Worker_{Worker: &nexuspb.EndpointTarget_Worker{Namespace: ns, TaskQueue: "handlers"}}}}})
		if err != nil {
			t.Fatal(err)
		}
		each("a Nexus endpoint", func(conn grpc.ClientConnInterface) error {
			operations++
			return start(conn, fmt.Sprint(name, "-", operations))
		})
		if _, err := operator.DeleteNexusEndpoint(t.Context(), &operatorservice.DeleteNexusEndpointRequest{Id: created.GetEndpoint().GetId(), Version: 1}); err != nil {
			t.Fatal(err)
		}
		each("a Nexus endpoint that was deleted", func(conn grpc.ClientConnInterface) error {
			operations++
			if err := start(conn, fmt.Sprint(name, "-", operations)); status.Code(err) != codes.NotFound {
				return fmt.Errorf("an operation was started: %w", err)
			}
			return nil
		})
	}
}

func TestAScheduleIsDescribedWhereverItsWorkflowRuns(t *testing.T) {
	c := clusterOf(t, 3, server.Options{})
	b := c.bench()
	for i := range 6 {
		id := fmt.Sprint("s", i)
		b.createSchedule(id)
		b.patchSchedule(id, triggerOrSkip)
		b.awaits("the schedule has started a workflow", func() bool {
			d, err := b.client.DescribeSchedule(b.ctx(), &workflowservice.DescribeScheduleRequest{Namespace: ns, ScheduleId: id})
			return err == nil && len(d.GetInfo().GetRunningWorkflows()) == 1
		})
		b.complete(b.pollWorkflow(), completeWorkflow("done"))
		d, err := b.client.DescribeSchedule(b.ctx(), &workflowservice.DescribeScheduleRequest{Namespace: ns, ScheduleId: id})
		if err != nil || len(d.GetInfo().GetRunningWorkflows()) != 0 {
			t.Errorf("%s: %v, %v", id, d.GetInfo(), err)
		}
		// The workflow that has ended is not in the way of the next.
		b.patchSchedule(id, triggerOrSkip)
		b.complete(b.pollWorkflow(), completeWorkflow("done"))
	}
}

var triggerOrSkip = &schedulepb.SchedulePatch{TriggerImmediately: &schedulepb.TriggerImmediatelyRequest{OverlapPolicy: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP}}

func TestAnyNodeListsWorkerDeployments(t *testing.T) {
	c := clusterOf(t, 3, server.Options{})
	c.bench().registers("1")
	for i, s := range c.servers {
		list, err := workflowservice.NewWorkflowServiceClient(s.ClientConn()).ListWorkerDeployments(t.Context(), &workflowservice.ListWorkerDeploymentsRequest{Namespace: ns})
		if err != nil || len(list.GetWorkerDeployments()) != 1 {
			t.Errorf("node %d: %v, %v", i, list.GetWorkerDeployments(), err)
		}
	}
}

func TestAQueryOfAPinnedWorkflowGoesToItsVersionFromAnyNode(t *testing.T) {
	b := clusterOf(t, 3, server.Options{}).bench()
	b.registers("1")
	b.registers("2")
	b.setCurrent("1")
	const workflows = 6
	for i := range workflows {
		b.startWorkflow(fmt.Sprint("w", i))
		b.completesAs("1", pinnedTo, b.getsTask("1"))
	}
	b.setCurrent("2")
	for i := range workflows {
		id := fmt.Sprint("w", i)
		answered := make(chan error, 1)
		go func() {
			_, err := b.client.QueryWorkflow(b.ctx(), &workflowservice.QueryWorkflowRequest{Namespace: ns, Execution: execution(id), Query: &querypb.WorkflowQuery{QueryType: "state"}})
			answered <- err
		}()
		task := b.getsTask("1")
		if task.GetQuery() == nil || task.GetWorkflowExecution().GetWorkflowId() != id {
			t.Fatalf("%s: version 1 gets %v", id, task)
		}
		if _, err := b.client.RespondQueryTaskCompleted(b.ctx(), &workflowservice.RespondQueryTaskCompletedRequest{Namespace: ns,
			TaskToken: task.GetTaskToken(), CompletedType: enumspb.QUERY_RESULT_TYPE_ANSWERED, QueryResult: payload("waiting")}); err != nil {
			t.Fatal(err)
		}
		if err := <-answered; err != nil {
			t.Error(err)
		}
	}
}
