package ui

import (
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// serverFlags start the server that is to be filled.
var serverFlags = []string{
	"--search-attribute", "Customer=Keyword", "--search-attribute", "Amount=Double",
	"--namespace", "empty", "--log-level", "error",
	"--dynamic-config-value", "frontend.WorkflowPauseEnabled=true",
	"--dynamic-config-value", "history.enableStandaloneActivityOperatorCommands=true",
	"--dynamic-config-value", "nexusoperation.enableStandalone=true",
}

const taskQueue = "orders"

// everything is something of all that the UI shows.
type everything struct {
	client client.Client
	worker worker.Worker
	// versioned is a worker of a version of a deployment.
	versioned worker.Worker

	open, done, failed, retrying, odd execution
	schedule, batch, activity         string
	activityRun, endpoint             string
}

// execution is a run of a workflow.
type execution struct{ id, run string }

// order is a workflow with a little of everything. It ends when it is signalled "ship".
func order(ctx workflow.Context, amount int) (string, error) {
	status := "waiting for payment"
	if err := workflow.SetQueryHandler(ctx, "status", func() (string, error) { return status, nil }); err != nil {
		return "", err
	}
	err := workflow.SetUpdateHandler(ctx, "change-amount", func(_ workflow.Context, n int) (int, error) {
		amount = n
		return amount, nil
	})
	if err != nil {
		return "", err
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Second, Summary: "take the money"})
	var receipt string
	if err := workflow.ExecuteActivity(ctx, "charge", amount).Get(ctx, &receipt); err != nil {
		return "", err
	}
	if err := workflow.Sleep(ctx, 5*time.Millisecond); err != nil {
		return "", err
	}
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: workflow.GetInfo(ctx).WorkflowExecution.ID + "-parcel"})
	if err := workflow.ExecuteChildWorkflow(child, "parcel").Get(ctx, nil); err != nil {
		return "", err
	}
	status = "waiting to be shipped"
	shipped := workflow.GetSignalChannel(ctx, "ship")
	note := workflow.GetSignalChannel(ctx, "note")
	for done := false; !done; {
		s := workflow.NewSelector(ctx)
		s.AddReceive(shipped, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil); done = true })
		s.AddReceive(note, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) })
		s.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) { done = true })
		s.Select(ctx)
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	return "shipped: " + receipt, nil
}

func parcel(workflow.Context) error { return nil }

func broken(workflow.Context) error {
	return temporal.NewApplicationError("the warehouse is closed", "Closed", 42)
}

func stubborn(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Hour}})
	return workflow.ExecuteActivity(ctx, "call").Get(ctx, nil)
}

func create(address string) (_ *everything, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	e := &everything{schedule: "nightly", activity: "standalone"}
	if e.client, err = client.Dial(client.Options{HostPort: address}); err != nil {
		return nil, err
	}
	//lint:ignore SA1019 a page shows it
	e.worker = worker.New(e.client, taskQueue, worker.Options{BuildID: "v1"})
	e.worker.RegisterWorkflowWithOptions(order, workflow.RegisterOptions{Name: "order"})
	e.worker.RegisterWorkflowWithOptions(parcel, workflow.RegisterOptions{Name: "parcel"})
	e.worker.RegisterWorkflowWithOptions(broken, workflow.RegisterOptions{Name: "broken"})
	e.worker.RegisterWorkflowWithOptions(stubborn, workflow.RegisterOptions{Name: "stubborn"})
	e.worker.RegisterActivityWithOptions(func(_ context.Context, amount int) (string, error) { return fmt.Sprintf("receipt for %d", amount), nil },
		activity.RegisterOptions{Name: "charge"})
	e.worker.RegisterActivityWithOptions(func(context.Context) error { return errors.New("nobody answers") }, activity.RegisterOptions{Name: "call"})
	if err := e.worker.Start(); err != nil {
		return nil, err
	}
	steps := []func(context.Context) error{e.createWorkflows, e.createSchedule, e.createBatch, e.createActivity, e.createEndpoint, e.createDeployment}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (e *everything) close() {
	e.worker.Stop()
	e.versioned.Stop()
	e.client.Close()
}

func (e *everything) start(ctx context.Context, id, name string, args ...any) (execution, error) {
	customer := temporal.NewSearchAttributeKeyKeyword("Customer")
	run, err := e.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: taskQueue,
		StaticSummary: "An **order** of a book", StaticDetails: "# Details\n\n- one\n- two",
		Memo:                  map[string]any{"channel": "web"},
		TypedSearchAttributes: temporal.NewSearchAttributes(customer.ValueSet("Ada")),
	}, name, args...)
	if err != nil {
		return execution{}, err
	}
	return execution{id, run.GetRunID()}, nil
}

func (e *everything) createWorkflows(ctx context.Context) (err error) {
	for _, w := range []struct {
		to       *execution
		id, name string
		args     []any
	}{
		{&e.open, "order-1", "order", []any{7}},
		{&e.done, "order-2", "order", []any{8}},
		{&e.odd, "a/b 100% ?#", "order", []any{9}},
		{&e.failed, "broken-1", "broken", nil},
		{&e.retrying, "stubborn-1", "stubborn", nil},
	} {
		if *w.to, err = e.start(ctx, w.id, w.name, w.args...); err != nil {
			return err
		}
	}
	for range 3 {
		if err := e.client.SignalWorkflow(ctx, e.open.id, "", "note", map[string]any{"text": "be quick"}); err != nil {
			return err
		}
	}
	if err := e.client.SignalWorkflow(ctx, e.done.id, "", "ship", nil); err != nil {
		return err
	}
	if err := e.client.GetWorkflow(ctx, e.done.id, "").Get(ctx, nil); err != nil {
		return err
	}
	if err := e.client.GetWorkflow(ctx, e.failed.id, "").Get(ctx, nil); err == nil {
		return errors.New("what is broken succeeds")
	}
	for _, open := range []execution{e.open, e.odd} {
		for {
			value, err := e.client.QueryWorkflow(ctx, open.id, "", "status")
			if err != nil {
				return err
			}
			var status string
			if err := value.Get(&status); err != nil {
				return err
			}
			if status == "waiting to be shipped" {
				break
			}
		}
	}
	return nil
}

func (e *everything) createSchedule(ctx context.Context) error {
	handle, err := e.client.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID:     e.schedule,
		Spec:   client.ScheduleSpec{CronExpressions: []string{"0 3 * * *"}, Intervals: []client.ScheduleIntervalSpec{{Every: 24 * time.Hour}}},
		Action: &client.ScheduleWorkflowAction{ID: "parcel-nightly", Workflow: "parcel", TaskQueue: taskQueue},
		Note:   "every night",
	})
	if err != nil {
		return err
	}
	return handle.Trigger(ctx, client.ScheduleTriggerOptions{})
}

func (e *everything) createBatch(ctx context.Context) error {
	e.batch = "batch-1"
	service := e.client.WorkflowService()
	_, err := service.StartBatchOperation(ctx, &workflowservice.StartBatchOperationRequest{Namespace: "default", JobId: e.batch, Reason: "for the picture",
		VisibilityQuery: "WorkflowId = 'nobody'",
		Operation:       &workflowservice.StartBatchOperationRequest_TerminationOperation{}})
	return err
}

func (e *everything) createActivity(ctx context.Context) error {
	handle, err := e.client.ExecuteActivity(ctx, client.StartActivityOptions{ID: e.activity, TaskQueue: taskQueue, ScheduleToCloseTimeout: time.Minute}, "charge", 5)
	if err != nil {
		return err
	}
	e.activityRun = handle.GetRunID()
	return handle.Get(ctx, nil)
}

func (e *everything) createEndpoint(ctx context.Context) error {
	resp, err := e.client.OperatorService().CreateNexusEndpoint(ctx, &operatorservice.CreateNexusEndpointRequest{Spec: &nexuspb.EndpointSpec{
		Name: "payments", Description: &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(`"for orders"`)},
		Target: &nexuspb.EndpointTarget{Variant: &nexuspb.EndpointTarget_Worker_{Worker: &nexuspb.EndpointTarget_Worker{Namespace: "default", TaskQueue: taskQueue}}}}})
	e.endpoint = resp.GetEndpoint().GetId()
	return err
}

func (e *everything) createDeployment(ctx context.Context) error {
	e.versioned = worker.New(e.client, "versioned", worker.Options{DeploymentOptions: worker.DeploymentOptions{
		UseVersioning: true, Version: worker.WorkerDeploymentVersion{DeploymentName: "shop", BuildID: "1.0"},
		DefaultVersioningBehavior: workflow.VersioningBehaviorPinned,
	}})
	e.versioned.RegisterWorkflowWithOptions(parcel, workflow.RegisterOptions{Name: "parcel"})
	if err := e.versioned.Start(); err != nil {
		return err
	}
	deployment := e.client.WorkerDeploymentClient().GetHandle("shop")
	for {
		_, err := deployment.SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: "1.0"})
		if err == nil || ctx.Err() != nil {
			return err
		}
		select { // until its worker has polled
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}
