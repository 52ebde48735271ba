package worker_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// lazy is a client that is never used to call a server.
func lazy(t *testing.T) client.Client {
	t.Helper()
	c, err := client.NewLazyClient(client.Options{Logger: logger.Discard{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// panics returns what f panics with, as text, "" if it does not.
func panics(f func()) (message string) {
	defer func() {
		if p := recover(); p != nil {
			message = fmt.Sprint(p)
		}
	}()
	f()
	return ""
}

func TestTheZeroOptionsMakeAWorker(t *testing.T) {
	if message := panics(func() { worker.New(lazy(t), "queue", worker.Options{}) }); message != "" {
		t.Fatal(message)
	}
}

func TestOptionsThatMakeNoSensePanic(t *testing.T) {
	zero := 0
	for name, test := range map[string]struct {
		queue   string
		options worker.Options
		says    string
	}{
		"one workflow poller":    {options: worker.Options{MaxConcurrentWorkflowTaskPollers: 1}, says: "MaxConcurrentWorkflowTaskPollers"},
		"one workflow slot":      {options: worker.Options{MaxConcurrentWorkflowTaskExecutionSize: 1}, says: "MaxConcurrentWorkflowTaskExecutionSize"},
		"no eager reservations":  {options: worker.Options{MaxEagerActivityReservationsPerWorkflowTask: &zero}, says: "DisableEagerActivities"},
		"reserved task queue":    {queue: "__temporal_x", says: "reserved"},
		"versioning, no version": {options: worker.Options{DeploymentOptions: worker.DeploymentOptions{UseVersioning: true}}, says: "Version"},
		"behavior, no versioning": {options: worker.Options{DeploymentOptions: worker.DeploymentOptions{
			DefaultVersioningBehavior: workflow.VersioningBehaviorPinned}}, says: "UseVersioning"},
	} {
		t.Run(name, func(t *testing.T) {
			queue := test.queue
			if queue == "" {
				queue = "queue"
			}
			if message := panics(func() { worker.New(lazy(t), queue, test.options) }); !strings.Contains(message, test.says) {
				t.Fatalf("the panic is %q", message)
			}
		})
	}
}

func TestAClientOfAnotherMakePanics(t *testing.T) {
	foreign := struct{ client.Client }{}
	if message := panics(func() { worker.New(foreign, "queue", worker.Options{}) }); !strings.Contains(message, "client") {
		t.Fatalf("the panic is %q", message)
	}
}

func aWorkflow(workflow.Context) error { return nil }

func aDynamicWorkflow(workflow.Context, converter.EncodedValues) error { return nil }

func anActivity(context.Context) error { return nil }

type someActivities struct{}

func (*someActivities) First(context.Context) error { return nil }

func (*someActivities) Second(context.Context, int) (int, error) { return 0, nil }

type mixed struct{}

func (*mixed) Good(context.Context) error { return nil }

func (*mixed) Bad() string { return "" }

func TestWhatCannotBeRegisteredPanics(t *testing.T) {
	for name, test := range map[string]struct {
		register func(worker.Worker)
		says     string
	}{
		"workflow twice":          {func(w worker.Worker) { w.RegisterWorkflow(aWorkflow); w.RegisterWorkflow(aWorkflow) }, "already registered"},
		"activity twice":          {func(w worker.Worker) { w.RegisterActivity(anActivity); w.RegisterActivity(anActivity) }, "already registered"},
		"workflow of no context":  {func(w worker.Worker) { w.RegisterWorkflow(func() error { return nil }) }, "workflow.Context"},
		"workflow of no error":    {func(w worker.Worker) { w.RegisterWorkflow(func(workflow.Context) {}) }, "return"},
		"workflow of no function": {func(w worker.Worker) { w.RegisterWorkflow("name") }, "func"},
		"no workflow":             {func(w worker.Worker) { w.RegisterWorkflow(nil) }, "func"},
		"no activity":             {func(w worker.Worker) { w.RegisterActivity(nil) }, "func"},
		"no Nexus service":        {func(w worker.Worker) { w.RegisterNexusService(nil) }, "nil"},
		"dynamic workflow twice": {func(w worker.Worker) {
			w.RegisterDynamicWorkflow(aDynamicWorkflow, workflow.DynamicRegisterOptions{})
			w.RegisterDynamicWorkflow(aDynamicWorkflow, workflow.DynamicRegisterOptions{})
		}, "already registered"},
		"activity of workflow":       {func(w worker.Worker) { w.RegisterActivity(aWorkflow) }, "workflow context"},
		"struct with a non-activity": {func(w worker.Worker) { w.RegisterActivity(&mixed{}) }, "Bad"},
		"reserved workflow": {func(w worker.Worker) {
			w.RegisterWorkflowWithOptions(aWorkflow, workflow.RegisterOptions{Name: "__temporal_x"})
		}, "reserved"},
		"reserved activity": {func(w worker.Worker) {
			w.RegisterActivityWithOptions(anActivity, activity.RegisterOptions{Name: "__temporal_x"})
		}, "reserved"},
	} {
		t.Run(name, func(t *testing.T) {
			w := worker.New(lazy(t), "queue", worker.Options{})
			if message := panics(func() { test.register(w) }); !strings.Contains(message, test.says) {
				t.Fatalf("the panic is %q", message)
			}
		})
	}
}

func TestWhatCanBeRegistered(t *testing.T) {
	w := worker.New(lazy(t), "queue", worker.Options{})
	w.RegisterWorkflow(aWorkflow)
	w.RegisterWorkflowWithOptions(aWorkflow, workflow.RegisterOptions{Name: "other"})
	w.RegisterWorkflowWithOptions(aWorkflow, workflow.RegisterOptions{DisableAlreadyRegisteredCheck: true})
	w.RegisterActivity(anActivity)
	w.RegisterActivity(&someActivities{})
	w.RegisterActivityWithOptions(&someActivities{}, activity.RegisterOptions{Name: "prefix_"})
	w.RegisterActivityWithOptions(&mixed{}, activity.RegisterOptions{SkipInvalidStructFunctions: true})
}

func TestAReplayerFailsForAFileThatIsNotThere(t *testing.T) {
	r := worker.NewWorkflowReplayer()
	r.RegisterWorkflow(aWorkflow)
	if err := r.ReplayWorkflowHistoryFromJSONFile(nil, "no-such-file.json"); err == nil || !strings.Contains(err.Error(), "no-such-file.json") {
		t.Fatalf("the error is %v", err)
	}
}

func TestAWorkflowThatTheWorkerCannotRunIsNotRegistered(t *testing.T) {
	versioned := worker.DeploymentOptions{UseVersioning: true, Version: worker.WorkerDeploymentVersion{DeploymentName: "d", BuildID: "b"}}
	for name, test := range map[string]struct {
		options  worker.Options
		register func(worker.Worker)
		says     string
	}{
		"without the workflow half": {worker.Options{DisableWorkflowWorker: true}, func(w worker.Worker) { w.RegisterWorkflow(aWorkflow) }, "disabled"},
		"without a versioning behavior": {worker.Options{DeploymentOptions: versioned}, func(w worker.Worker) { w.RegisterWorkflow(aWorkflow) },
			"versioning behavior"},
		"dynamic, without a versioning behavior": {worker.Options{DeploymentOptions: versioned}, func(w worker.Worker) {
			w.RegisterDynamicWorkflow(func(workflow.Context, converter.EncodedValues) error { return nil }, workflow.DynamicRegisterOptions{})
		}, "versioning behavior"},
	} {
		t.Run(name, func(t *testing.T) {
			w := worker.New(lazy(t), "queue", test.options)
			if message := panics(func() { test.register(w) }); !strings.Contains(message, test.says) {
				t.Fatalf("the panic is %q", message)
			}
		})
	}
	w := worker.New(lazy(t), "queue", worker.Options{DeploymentOptions: versioned})
	w.RegisterWorkflowWithOptions(aWorkflow, workflow.RegisterOptions{VersioningBehavior: workflow.VersioningBehaviorPinned})
}
