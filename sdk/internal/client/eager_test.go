package client_test

import (
	"errors"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/client"
	iclient "github.com/perdure/perdure/sdk/internal/client"
)

// eagerWorker has slots, and remembers what became of them.
type eagerWorker struct {
	slots    int
	ran      []*workflowservice.PollWorkflowTaskQueueResponse
	released int
}

func (w *eagerWorker) ReserveEagerSlot() iclient.EagerSlot {
	if w.slots == 0 {
		return nil
	}
	w.slots--
	return eagerSlot{w}
}

type eagerSlot struct{ *eagerWorker }

func (s eagerSlot) DeploymentOptions() *deploymentpb.WorkerDeploymentOptions {
	return &deploymentpb.WorkerDeploymentOptions{DeploymentName: "d", BuildId: "1"}
}

func (s eagerSlot) Run(task *workflowservice.PollWorkflowTaskQueueResponse) {
	s.ran = append(s.ran, task)
}

func (s eagerSlot) Release() { s.released++ }

// startEagerly starts a workflow with a worker there, and returns the request and the
// error.
func startEagerly(t *testing.T, worker *eagerWorker, serverCan bool, options client.StartWorkflowOptions, response *workflowservice.StartWorkflowExecutionResponse, failure error) (*workflowservice.StartWorkflowExecutionRequest, error) {
	t.Helper()
	s := newFakeServer(t)
	s.handlers["GetSystemInfo"] = nil
	s.answer(&workflowservice.GetSystemInfoRequest{}, &workflowservice.GetSystemInfoResponse{
		Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{EagerWorkflowStart: serverCan}})
	on(s, func(*workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error) {
		return response, failure
	})
	c := s.client(client.Options{})
	backend, err := iclient.BackendOf(c)
	if err != nil {
		t.Fatal(err)
	}
	defer backend.RegisterEager("tq", worker)()
	_, err = c.ExecuteWorkflow(t.Context(), options, "wf")
	return request[*workflowservice.StartWorkflowExecutionRequest](s, 0), err
}

func TestAWorkflowIsStartedEagerlyIfAWorkerHasASlot(t *testing.T) {
	eager := client.StartWorkflowOptions{TaskQueue: "tq", EnableEagerStart: true}
	task := &workflowservice.PollWorkflowTaskQueueResponse{WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "w"}}
	withTask := &workflowservice.StartWorkflowExecutionResponse{RunId: "r", EagerWorkflowTask: task}
	tests := map[string]struct {
		slots     int
		serverCan bool
		options   client.StartWorkflowOptions
		response  *workflowservice.StartWorkflowExecutionResponse
		failure   error

		asked    bool
		ran      int
		released int
	}{
		"a task with the response runs":   {slots: 1, serverCan: true, options: eager, response: withTask, asked: true, ran: 1},
		"no task with the response":       {slots: 1, serverCan: true, options: eager, asked: true, released: 1},
		"the start fails":                 {slots: 1, serverCan: true, options: eager, failure: serviceerror.NewInvalidArgument("no"), asked: true, released: 1},
		"no slot is free":                 {serverCan: true, options: eager},
		"the server cannot":               {slots: 1, options: eager},
		"not asked for":                   {slots: 1, serverCan: true, options: client.StartWorkflowOptions{TaskQueue: "tq"}},
		"the worker has other task queue": {slots: 1, serverCan: true, options: client.StartWorkflowOptions{TaskQueue: "other", EnableEagerStart: true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			worker := &eagerWorker{slots: test.slots}
			request, err := startEagerly(t, worker, test.serverCan, test.options, test.response, test.failure)
			if (err != nil) != (test.failure != nil) {
				t.Errorf("error is %v", err)
			}
			if request.GetRequestEagerExecution() != test.asked || (request.GetEagerWorkerDeploymentOptions() != nil) != test.asked {
				t.Errorf("asked for it: %v", request)
			}
			if len(worker.ran) != test.ran || worker.released != test.released {
				t.Errorf("ran %d tasks, released %d slots", len(worker.ran), worker.released)
			}
			if test.ran > 0 {
				wantProto(t, worker.ran[0], task)
			}
		})
	}
}

func TestAWorkerThatHasGoneGetsNoTasks(t *testing.T) {
	s := newFakeServer(t)
	s.handlers["GetSystemInfo"] = nil
	s.answer(&workflowservice.GetSystemInfoRequest{}, &workflowservice.GetSystemInfoResponse{
		Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{EagerWorkflowStart: true}})
	s.answer(&workflowservice.StartWorkflowExecutionRequest{}, nil)
	c := s.client(client.Options{})
	backend, err := iclient.BackendOf(c)
	if err != nil {
		t.Fatal(err)
	}
	gone, there := &eagerWorker{slots: 1}, &eagerWorker{slots: 1}
	deregister := backend.RegisterEager("tq", gone)
	backend.RegisterEager("tq", there)
	deregister()
	if _, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: "tq", EnableEagerStart: true}, "wf"); err != nil {
		t.Fatal(err)
	}
	if gone.slots != 1 || there.slots != 0 {
		t.Errorf("the one that has gone has %d slots, the other one %d", gone.slots, there.slots)
	}
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	for name, options := range map[string]client.Options{
		"heartbeats too often":  {WorkerHeartbeatInterval: 1},
		"heartbeats too rare":   {WorkerHeartbeatInterval: 3600e9},
		"negative payload size": {PayloadLimits: client.PayloadLimitOptions{PayloadSizeWarning: -1}},
		"negative memo size":    {PayloadLimits: client.PayloadLimitOptions{MemoSizeWarning: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			options.ConnectionOptions.Conn = newFakeServer(t)
			if c, err := client.NewLazyClient(options); err == nil {
				c.Close()
				t.Error("there is no error")
			}
		})
	}
}

func TestWorkersGetTheClientsOptions(t *testing.T) {
	s := newFakeServer(t)
	workers := func(options client.Options) iclient.WorkerOptions {
		backend, err := iclient.BackendOf(s.client(options))
		if err != nil {
			t.Fatal(err)
		}
		return backend.Workers
	}
	got := workers(client.Options{})
	if got.HeartbeatInterval.Seconds() != 60 || got.SDKName != "temporal-go" || got.SDKVersion != "1.50.0" || got.Group.Key() == "" {
		t.Errorf("got %+v", got)
	}
	got = workers(client.Options{WorkerHeartbeatInterval: -1, SdkName: "n", SdkVersion: "v", DisableWorkerEnvironmentInfo: true})
	if got.HeartbeatInterval != 0 || got.SDKName != "n" || got.SDKVersion != "v" || !got.DisableEnvironmentInfo {
		t.Errorf("got %+v", got)
	}
}

func TestWhatIsTooLargeIsRefusedBeforeItIsSent(t *testing.T) {
	s := newFakeServer(t)
	s.answer(&workflowservice.DescribeNamespaceRequest{}, describeNamespace(1_000_000))
	c := s.client(client.Options{Namespace: "ns"})
	_, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: "tq"}, "wf", make([]byte, 1_000_001))
	var invalid *serviceerror.InvalidArgument
	if !errors.As(err, &invalid) {
		t.Errorf("got %v", err)
	}
	err = c.SignalWorkflow(t.Context(), "w", "", "s", make([]byte, 1_000_001))
	if !errors.As(err, &invalid) {
		t.Errorf("got %v", err)
	}
	if len(s.requests) != 1 {
		t.Errorf("sent %d requests", len(s.requests))
	}
	wantProto(t, s.requests[0], &workflowservice.DescribeNamespaceRequest{Namespace: "ns"})
}

func TestALimitThatCannotBeAskedForIsTheServersMatter(t *testing.T) {
	s := newFakeServer(t) // does not know DescribeNamespace
	s.answer(&workflowservice.SignalWorkflowExecutionRequest{}, nil)
	if err := s.client(client.Options{}).SignalWorkflow(t.Context(), "w", "", "s", make([]byte, 3_000_000)); err != nil {
		t.Error(err)
	}
}
