package server_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
	"github.com/perdure/perdure/internal/server"
)

// Flow control through the front door. Workers and clients are those of any server.

func (b *bench) flow() flowv1.Client { return flowv1.Client{Conn: b.server.ClientConn()} }

func (b *bench) setPolicy(policy *flowv1.Policy) {
	b.t.Helper()
	if policy.Name == "" {
		policy.Name = "p"
	}
	if policy.Target == 0 {
		policy.Target = flowv1.Target_TARGET_WORKFLOWS
	}
	if _, err := b.flow().SetPolicy(b.ctx(), &flowv1.SetPolicyRequest{Namespace: ns, Policy: policy}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) gate(key string) *flowv1.DescribeGateResponse {
	b.t.Helper()
	gate, err := b.flow().DescribeGate(b.ctx(), &flowv1.DescribeGateRequest{Namespace: ns, Policy: "p", Key: key})
	if err != nil {
		b.t.Fatal(err)
	}
	return gate
}

// awaitGate waits until so many run and wait.
func (b *bench) awaitGate(key string, running, waiting int64) {
	b.t.Helper()
	var gate *flowv1.DescribeGateResponse
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if gate = b.gate(key); gate.Running == running && gate.Waiting == waiting {
			return
		}
	}
	b.t.Fatalf("gate %q is %v, not %d running and %d waiting", key, gate, running, waiting)
}

func (b *bench) pass(id string) []*flowv1.Pass {
	b.t.Helper()
	found, err := b.flow().DescribeWorkflow(b.ctx(), &flowv1.DescribeWorkflowRequest{Namespace: ns, WorkflowId: id})
	if err != nil {
		b.t.Fatal(err)
	}
	return found.Passes
}

func continueAsNew() *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
		Attributes: &commandpb.Command_ContinueAsNewWorkflowExecutionCommandAttributes{
			ContinueAsNewWorkflowExecutionCommandAttributes: &commandpb.ContinueAsNewWorkflowExecutionCommandAttributes{}},
	}
}

func TestOneWorkflowAtATimeUnderAPolicyOfOne(t *testing.T) {
	b := start(t, server.Options{})
	b.setPolicy(&flowv1.Policy{MaxRunning: proto.Int64(1)})
	b.startWorkflow("first")
	b.awaitGate("", 1, 0)
	b.startWorkflow("second")
	b.awaitGate("", 1, 1)
	b.awaits("the list of what waits", func() bool { return slices.Equal(b.ids("PerdureFlowState = 'Waiting'"), []string{"second"}) })
	if p := b.pass("second"); len(p) != 1 || p[0].State != flowv1.PassState_PASS_STATE_WAITING || p[0].Policy != "p" {
		t.Errorf("the second stands at %v", p)
	}
	if n := len(b.history("second")); n != 1 {
		t.Errorf("the history of what waits has %d events", n)
	}
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
	task := b.pollWorkflow()
	if task.GetWorkflowExecution().GetWorkflowId() != "second" {
		t.Fatalf("the next task is %v", task)
	}
	b.checkEvents(task.GetHistory().GetEvents(),
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED)
	b.expect("PerdureFlowState = 'Waiting'")
	b.complete(task, completeWorkflow("done"))
	b.awaitGate("", 0, 0)
}

func TestWhatWaitsIsThereAfterARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	run := func(fn func(b *bench)) {
		b := start(t, server.Options{DataDir: dir})
		fn(b)
		if err := b.server.Stop(b.ctx()); err != nil {
			t.Fatal(err)
		}
	}
	run(func(b *bench) {
		b.setPolicy(&flowv1.Policy{MaxRunning: proto.Int64(1)})
		b.startWorkflow("first")
		b.awaitGate("", 1, 0)
		b.startWorkflow("second")
		b.startWorkflow("third")
		b.awaitGate("", 1, 2)
	})
	run(func(b *bench) {
		if list, err := b.flow().ListPolicies(b.ctx(), &flowv1.ListPoliciesRequest{Namespace: ns}); err != nil || len(list.Policies) != 1 || list.Policies[0].GetMaxRunning() != 1 {
			t.Errorf("the policies are %v, %v", list, err)
		}
		b.awaitGate("", 1, 2)
		for _, want := range []string{"first", "second", "third"} {
			task := b.pollWorkflow()
			if got := task.GetWorkflowExecution().GetWorkflowId(); got != want {
				t.Fatalf("the next task is of %s, not of %s", got, want)
			}
			b.complete(task, completeWorkflow("done"))
		}
		b.awaitGate("", 0, 0)
	})
}

func TestGatesAreListedByHowManyWait(t *testing.T) {
	b := start(t, server.Options{})
	b.setPolicy(&flowv1.Policy{MaxRunning: proto.Int64(1), Key: &flowv1.Key{By: &flowv1.Key_FairnessKey{FairnessKey: true}}})
	b.setPolicy(&flowv1.Policy{Name: "q", WorkflowType: "other", MaxRunning: proto.Int64(1)})
	for _, w := range []struct{ id, key string }{{"a1", "a"}, {"a2", "a"}, {"b1", "b"}, {"b2", "b"}, {"b3", "b"}, {"c1", "c"}} {
		b.startWorkflow(w.id, func(req *workflowservice.StartWorkflowExecutionRequest) {
			req.Priority = &commonpb.Priority{FairnessKey: w.key}
		})
	}
	b.awaitGate("a", 1, 1)
	b.awaitGate("b", 1, 2)
	b.awaitGate("c", 1, 0)
	for name, c := range map[string]struct {
		req  *flowv1.ListGatesRequest
		want *flowv1.ListGatesResponse
	}{
		"of a policy": {&flowv1.ListGatesRequest{Policy: "p"}, &flowv1.ListGatesResponse{GateCount: 3, Running: 3, Waiting: 3, Gates: []*flowv1.Gate{
			{Policy: "p", Key: "b", Running: 1, Waiting: 2}, {Policy: "p", Key: "a", Running: 1, Waiting: 1}, {Policy: "p", Key: "c", Running: 1}}}},
		"the foremost": {&flowv1.ListGatesRequest{PageSize: 1}, &flowv1.ListGatesResponse{GateCount: 3, Running: 3, Waiting: 3, Gates: []*flowv1.Gate{
			{Policy: "p", Key: "b", Running: 1, Waiting: 2}}}},
		"of one that lets nothing wait": {&flowv1.ListGatesRequest{Policy: "q"}, &flowv1.ListGatesResponse{}},
	} {
		c.req.Namespace = ns
		got, err := b.flow().ListGates(b.ctx(), c.req)
		if err != nil || !proto.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, c.want)
		}
	}
}

func TestEachFairnessKeyHasTheLimitForItself(t *testing.T) {
	b := start(t, server.Options{})
	b.setPolicy(&flowv1.Policy{MaxRunning: proto.Int64(1), Key: &flowv1.Key{By: &flowv1.Key_FairnessKey{FairnessKey: true}}})
	for _, id := range []string{"a1", "a2", "b1"} {
		b.startWorkflow(id, func(req *workflowservice.StartWorkflowExecutionRequest) {
			req.Priority = &commonpb.Priority{FairnessKey: id[:1]}
		})
	}
	b.awaitGate("a", 1, 1)
	b.awaitGate("b", 1, 0)
}

func TestThePolicyOfATypeIsNotThatOfOthers(t *testing.T) {
	b := start(t, server.Options{})
	b.setPolicy(&flowv1.Policy{MaxRunning: proto.Int64(0), WorkflowType: "other"})
	b.startWorkflow("w")
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
}

func TestWhatWaitsCanBeTerminatedSignalledAndCancelled(t *testing.T) {
	b := start(t, server.Options{})
	b.setPolicy(&flowv1.Policy{MaxRunning: proto.Int64(0)})
	b.startWorkflow("gone")
	b.startWorkflow("told")
	b.awaitGate("", 0, 2)
	b.terminate("gone")
	b.awaitGate("", 0, 1)
	if err := b.signal("told", "hello"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.client.RequestCancelWorkflowExecution(b.ctx(), &workflowservice.RequestCancelWorkflowExecutionRequest{Namespace: ns, WorkflowExecution: execution("told")}); err != nil {
		t.Fatal(err)
	}
	b.setPolicy(&flowv1.Policy{MaxRunning: proto.Int64(1)})
	b.checkEvents(b.pollWorkflow().GetHistory().GetEvents(),
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED)
}

func TestWhatWaitsTimesOut(t *testing.T) {
	b := start(t, server.Options{})
	b.setPolicy(&flowv1.Policy{MaxRunning: proto.Int64(0)})
	b.startWorkflow("w", func(req *workflowservice.StartWorkflowExecutionRequest) {
		req.WorkflowRunTimeout = durationpb.New(50 * time.Millisecond)
	})
	b.awaits("the timeout", func() bool { return b.count("w", enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT) == 1 })
	b.awaitGate("", 0, 0)
}

func TestAWorkflowThatIsContinuedAsNewKeepsItsPlace(t *testing.T) {
	b := start(t, server.Options{})
	b.setPolicy(&flowv1.Policy{MaxRunning: proto.Int64(1)})
	b.startWorkflow("first")
	b.awaitGate("", 1, 0)
	b.startWorkflow("second")
	b.awaitGate("", 1, 1)
	b.complete(b.pollWorkflow(), continueAsNew())
	task := b.pollWorkflow()
	if task.GetWorkflowExecution().GetWorkflowId() != "first" {
		t.Fatalf("the next task is %v", task)
	}
	if gate := b.gate(""); gate.Running != 1 || gate.Waiting != 1 {
		t.Errorf("the gate is %v", gate)
	}
	b.complete(task, completeWorkflow("done"))
	if task := b.pollWorkflow(); task.GetWorkflowExecution().GetWorkflowId() != "second" {
		t.Errorf("the next task is %v", task)
	}
}

func TestAWorkflowThatIsResetKeepsItsPlace(t *testing.T) {
	b := start(t, server.Options{})
	b.setPolicy(&flowv1.Policy{MaxRunning: proto.Int64(1)})
	b.startWorkflow("first")
	b.awaitGate("", 1, 0)
	b.startWorkflow("second")
	b.awaitGate("", 1, 1)
	b.complete(b.pollWorkflow())
	if _, err := b.client.ResetWorkflowExecution(b.ctx(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: ns, WorkflowExecution: execution("first"), WorkflowTaskFinishEventId: 4, RequestId: "r"}); err != nil {
		t.Fatal(err)
	}
	task := b.pollWorkflow()
	if task.GetWorkflowExecution().GetWorkflowId() != "first" {
		t.Fatalf("the next task is %v", task)
	}
	b.complete(task, completeWorkflow("done"))
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
	b.awaitGate("", 0, 0)
}

func TestAStartDelayDoesNotCount(t *testing.T) {
	b := start(t, server.Options{})
	b.setPolicy(&flowv1.Policy{MaxRunning: proto.Int64(1)})
	b.startWorkflow("later", func(req *workflowservice.StartWorkflowExecutionRequest) {
		req.WorkflowStartDelay = durationpb.New(time.Hour)
	})
	b.startWorkflow("now")
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
	if p := b.pass("later"); len(p) != 1 || p[0].State != flowv1.PassState_PASS_STATE_NOT_ASKED {
		t.Errorf("what is delayed stands at %v", p)
	}
}

func TestUnderTwoPoliciesAWorkflowNeedsBoth(t *testing.T) {
	b := start(t, server.Options{})
	b.setPolicy(&flowv1.Policy{Name: "p", MaxRunning: proto.Int64(1)})
	b.setPolicy(&flowv1.Policy{Name: "q", MaxRunning: proto.Int64(0)})
	b.startWorkflow("w")
	b.awaitGate("", 1, 0)
	b.awaits("the second policy", func() bool {
		p := b.pass("w")
		return p[0].State == flowv1.PassState_PASS_STATE_ADMITTED && p[1].State == flowv1.PassState_PASS_STATE_WAITING
	})
	if _, err := b.flow().DeletePolicy(b.ctx(), &flowv1.DeletePolicyRequest{Namespace: ns, Name: "q"}); err != nil {
		t.Fatal(err)
	}
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
	b.awaitGate("", 0, 0)
}

func TestAPolicyThatMakesNoSenseIsRefused(t *testing.T) {
	b := start(t, server.Options{})
	n := proto.Int64
	for name, policy := range map[string]*flowv1.Policy{
		"nothing":          nil,
		"no name":          {Target: 1, MaxRunning: n(1)},
		"a bad name":       {Name: "a/b", Target: 1, MaxRunning: n(1)},
		"no target":        {Name: "p", MaxRunning: n(1)},
		"an odd target":    {Name: "p", Target: 9, MaxRunning: n(1)},
		"no limit":         {Name: "p", Target: 1},
		"less than none":   {Name: "p", Target: 1, MaxRunning: n(-1)},
		"no rate":          {Name: "p", Target: 1, Rate: &flowv1.Rate{}},
		"no attribute":     {Name: "p", Target: 1, MaxRunning: n(1), Key: &flowv1.Key{By: &flowv1.Key_SearchAttribute{SearchAttribute: "Nothing"}}},
		"an activity type": {Name: "p", Target: 1, MaxRunning: n(1), ActivityType: "a"},
		"no expression":    {Name: "p", Target: 1, MaxRunning: n(1), Key: &flowv1.Key{By: &flowv1.Key_Expression{Expression: "input["}}},
		"a list as a key":  {Name: "p", Target: 1, MaxRunning: n(1), Key: &flowv1.Key{By: &flowv1.Key_Expression{Expression: "input"}}},
		"an unknown name":  {Name: "p", Target: 1, MaxRunning: n(1), Key: &flowv1.Key{By: &flowv1.Key_Expression{Expression: "tenant"}}},
	} {
		_, err := b.flow().SetPolicy(b.ctx(), &flowv1.SetPolicyRequest{Namespace: ns, Policy: policy})
		var invalid *serviceerror.InvalidArgument
		if !errors.As(serviceerror.FromStatus(status.Convert(err)), &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnExpressionMakesTheKeyOfTheInput(t *testing.T) {
	b := start(t, server.Options{})
	b.setPolicy(&flowv1.Policy{MaxRunning: proto.Int64(1), Key: &flowv1.Key{By: &flowv1.Key_Expression{Expression: `input[0].tenant + "/" + workflow_type`}}})
	input := func(json string) *commonpb.Payloads {
		return &commonpb.Payloads{Payloads: []*commonpb.Payload{{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(json)}}}
	}
	b.startWorkflow("w", func(req *workflowservice.StartWorkflowExecutionRequest) { req.Input = input(`{"tenant": "acme"}`) })
	b.awaitGate("acme/order", 1, 0)
	_, err := b.client.StartWorkflowExecution(b.ctx(), &workflowservice.StartWorkflowExecutionRequest{
		Namespace: ns, WorkflowId: "bad", WorkflowType: &commonpb.WorkflowType{Name: "order"}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue},
		Input: input(`{"customer": "acme"}`),
	})
	var invalid *serviceerror.InvalidArgument
	if !errors.As(serviceerror.FromStatus(status.Convert(err)), &invalid) {
		t.Errorf("a start without the tenant: %v", err)
	}
}

func TestAStartThatWouldHaveToWaitIsRefused(t *testing.T) {
	b := start(t, server.Options{})
	b.setPolicy(&flowv1.Policy{MaxRunning: proto.Int64(1), MaxWaiting: proto.Int64(0)})
	b.startWorkflow("first")
	b.awaitGate("", 1, 0)
	b.startWorkflow("first", func(req *workflowservice.StartWorkflowExecutionRequest) { // it is there already
		req.WorkflowIdConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
	})
	refused := func(id string) {
		t.Helper()
		_, err := b.client.StartWorkflowExecution(b.ctx(), &workflowservice.StartWorkflowExecutionRequest{
			Namespace: ns, WorkflowId: id, WorkflowType: &commonpb.WorkflowType{Name: "order"}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}})
		var exhausted *serviceerror.ResourceExhausted
		if !errors.As(serviceerror.FromStatus(status.Convert(err)), &exhausted) || !strings.Contains(exhausted.Message, `Flow policy "p"`) {
			t.Errorf("the start of %s: %v", id, err)
		}
	}
	refused("second")
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
	b.awaitGate("", 0, 0)
	b.startWorkflow("third")
	refused("fourth")
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
	b.awaitGate("", 0, 0)
	if _, err := b.client.DescribeWorkflowExecution(b.ctx(), &workflowservice.DescribeWorkflowExecutionRequest{Namespace: ns, Execution: execution("second")}); err == nil {
		t.Error("what was refused is there")
	}
}

func TestAPlaceIsGivenUpWhoseStartIsNotMade(t *testing.T) {
	b := start(t, server.Options{})
	b.setPolicy(&flowv1.Policy{MaxRunning: proto.Int64(2), MaxWaiting: proto.Int64(0)})
	b.startWorkflow("w")
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
	b.awaitGate("", 0, 0)
	_, err := b.client.StartWorkflowExecution(b.ctx(), &workflowservice.StartWorkflowExecutionRequest{
		Namespace: ns, WorkflowId: "w", WorkflowType: &commonpb.WorkflowType{Name: "order"}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue},
		WorkflowIdReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
	})
	if err == nil {
		t.Fatal("the id was used again")
	}
	b.awaitGate("", 0, 0)
}

func TestNoMoreActivitiesRunThanThePolicySays(t *testing.T) {
	b := start(t, server.Options{})
	b.setPolicy(&flowv1.Policy{Target: flowv1.Target_TARGET_ACTIVITIES, MaxRunning: proto.Int64(1)})
	b.startWorkflow("w")
	b.complete(b.pollWorkflow(), scheduleActivity("a"), scheduleActivity("b"))
	b.startActivity("alone")
	b.awaitGate("", 1, 2)
	for range 3 {
		task := b.pollActivity()
		if gate := b.gate(""); gate.Running != 1 {
			t.Errorf("the gate is %v", gate)
		}
		if _, err := b.client.RespondActivityTaskCompleted(b.ctx(), &workflowservice.RespondActivityTaskCompletedRequest{TaskToken: task.GetTaskToken()}); err != nil {
			t.Fatal(err)
		}
	}
	b.awaitGate("", 0, 0)
}

func TestTheConcurrencyLimitOfATaskQueueHoldsForItsActivities(t *testing.T) {
	b := start(t, server.Options{})
	limit := func(l *taskqueuepb.ConcurrencyLimit) {
		t.Helper()
		resp, err := b.client.UpdateTaskQueueConfig(b.ctx(), &workflowservice.UpdateTaskQueueConfigRequest{
			Namespace: ns, TaskQueue: queue, TaskQueueType: enumspb.TASK_QUEUE_TYPE_ACTIVITY, Identity: "me",
			UpdateQueueConcurrencyLimit: &workflowservice.UpdateTaskQueueConfigRequest_ConcurrencyLimitUpdate{ConcurrencyLimit: l, Reason: "why"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := resp.GetConfig().GetQueueConcurrencyLimit(); !proto.Equal(got.GetConcurrencyLimit(), l) || got.GetMetadata().GetReason() != "why" || got.GetMetadata().GetUpdateIdentity() != "me" {
			t.Errorf("the configuration has %v", got)
		}
	}
	policies := func() int {
		t.Helper()
		list, err := b.flow().ListPolicies(b.ctx(), &flowv1.ListPoliciesRequest{Namespace: ns})
		if err != nil {
			t.Fatal(err)
		}
		return len(list.GetPolicies())
	}
	waiting := func(running, waiting int64) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
			gate, err := b.flow().DescribeGate(b.ctx(), &flowv1.DescribeGateRequest{Namespace: ns, Policy: "task-queue." + queue})
			if err != nil {
				t.Fatal(err)
			}
			if gate.Running == running && gate.Waiting == waiting {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("the gate is %v", gate)
			}
		}
	}
	limit(&taskqueuepb.ConcurrencyLimit{ConcurrentTasks: 1})
	b.startWorkflow("w")
	b.complete(b.pollWorkflow(), scheduleActivity("a"), scheduleActivity("b"), scheduleActivity("c"))
	waiting(1, 2)
	limit(&taskqueuepb.ConcurrencyLimit{ConcurrentTasks: 2})
	waiting(2, 1)
	limit(nil)
	waiting(3, 0)
	for range 3 {
		b.pollActivity()
	}
	if n := policies(); n != 0 {
		t.Errorf("%d policies are left", n)
	}
}

func TestAnActivityThatWaitsForItsNextAttemptHasNoPlace(t *testing.T) {
	b := start(t, server.Options{})
	b.setPolicy(&flowv1.Policy{Target: flowv1.Target_TARGET_ACTIVITIES, MaxRunning: proto.Int64(1)})
	b.startWorkflow("w")
	failing := scheduleActivity("a")
	failing.GetScheduleActivityTaskCommandAttributes().RetryPolicy = &commonpb.RetryPolicy{InitialInterval: durationpb.New(time.Hour)}
	failing.GetScheduleActivityTaskCommandAttributes().ScheduleToCloseTimeout = durationpb.New(24 * time.Hour)
	b.complete(b.pollWorkflow(), failing, scheduleActivity("b"))
	b.awaitGate("", 1, 1)
	task := b.pollActivity()
	if _, err := b.client.RespondActivityTaskFailed(b.ctx(), &workflowservice.RespondActivityTaskFailedRequest{TaskToken: task.GetTaskToken()}); err != nil {
		t.Fatal(err)
	}
	if next := b.pollActivity(); next.GetActivityId() == task.GetActivityId() {
		t.Errorf("the next task is %v", next)
	}
	b.awaitGate("", 1, 0)
	b.terminate("w")
	b.awaitGate("", 0, 0)
}
