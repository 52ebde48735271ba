package worker

import (
	"testing"
	"testing/synctest"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/client"
	"github.com/perdure/perdure/sdk/internal/tuner"
	"github.com/perdure/perdure/sdk/internal/workergroup"
)

// steady is a machine that is always half busy.
type steady struct{}

func (steady) MemoryUsage(*tuner.SysInfoContext) (float64, error) { return 0.25, nil }
func (steady) CpuUsage(*tuner.SysInfoContext) (float64, error)    { return 0.5, nil }

// beatingTest is workerTest with a worker that sends heartbeats every minute and has an
// activity, which fails if it is called "fails".
func beatingTest(t *testing.T, test func(t *testing.T, w *Worker, f *fakeServer)) {
	t.Helper()
	workerTest(t, func(c *config, f *fakeServer) {
		c.backend.Workers = client.WorkerOptions{HeartbeatInterval: time.Minute, SDKName: "sdk", SDKVersion: "1", Group: workergroup.New()}
		c.SysInfoProvider = steady{}
		f.capabilities = &namespacepb.NamespaceInfo_Capabilities{WorkerHeartbeats: true}
		withActivity(t, func() error { return nil })(c, f)
	}, test)
}

// beaten are the heartbeats that the server got.
func (f *fakeServer) beaten() []*workflowservice.RecordWorkerHeartbeatRequest {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.beats
}

func TestAWorkerTellsTheServerHowItIs(t *testing.T) {
	beatingTest(t, func(t *testing.T, w *Worker, f *fakeServer) {
		if got := f.beaten(); len(got) != 1 {
			t.Fatalf("at the start %d heartbeats were sent", len(got))
		}
		f.activities <- activityOf("act")
		answer[*workflowservice.RespondActivityTaskCompletedRequest](t, f)
		f.activities <- activityOf("stranger")
		answer[*workflowservice.RespondActivityTaskFailedRequest](t, f)
		time.Sleep(time.Minute)
		beats := f.beaten()
		if len(beats) != 2 {
			t.Fatalf("after a minute %d heartbeats were sent", len(beats))
		}
		first, second := beats[0].GetWorkerHeartbeat()[0], beats[1].GetWorkerHeartbeat()[0]
		if second.GetWorkerInstanceKey() != w.instanceKey || second.GetTaskQueue() != "queue" || second.GetWorkerIdentity() != "tester" ||
			second.GetStatus() != enumspb.WORKER_STATUS_RUNNING || second.GetSdkName() != "sdk" ||
			second.GetElapsedSinceLastHeartbeat().AsDuration() != time.Minute {
			t.Errorf("the heartbeat is %v", second)
		}
		if host := second.GetHostInfo(); host.GetCurrentHostCpuUsage() != 0.5 || host.GetCurrentHostMemUsage() != 0.25 || host.GetWorkerGroupingKey() != w.config.backend.Workers.Group.Key() {
			t.Errorf("the host is %v", host)
		}
		slots := second.GetActivityTaskSlotsInfo()
		if slots.GetTotalProcessedTasks() != 2 || slots.GetLastIntervalFailureTasks() != 1 || slots.GetSlotSupplierKind() != "Fixed" ||
			slots.GetCurrentAvailableSlots() != 1000 {
			t.Errorf("the activity slots are %v", slots)
		}
		if pollers := second.GetActivityPollerInfo(); pollers.GetCurrentPollers() != defaultPollers || pollers.GetLastSuccessfulPollTime() == nil {
			t.Errorf("the activity pollers are %v", pollers)
		}
		if first.GetEnvironment() == nil || second.GetEnvironment() != nil {
			t.Error("the environment is not sent exactly once")
		}
	})
}

func TestTheLastHeartbeatSaysThatTheWorkerStops(t *testing.T) {
	beatingTest(t, func(t *testing.T, w *Worker, f *fakeServer) {
		synctest.Wait()
		w.Stop()
		if got := f.shutdowns[0].GetWorkerHeartbeat(); got.GetStatus() != enumspb.WORKER_STATUS_SHUTTING_DOWN || got.GetWorkerInstanceKey() != w.instanceKey {
			t.Fatalf("the last heartbeat is %v", got)
		}
	})
}

func TestAServerThatDoesNotKnowHeartbeatsIsAskedOnce(t *testing.T) {
	beatingTest(t, func(t *testing.T, _ *Worker, f *fakeServer) {
		f.mu.Lock()
		f.beatError = serviceerror.NewUnimplemented("no")
		f.mu.Unlock()
		time.Sleep(time.Hour)
		if got := f.beaten(); len(got) > 2 {
			t.Fatalf("%d heartbeats were sent", len(got))
		}
	})
}

func TestANamespaceWithoutHeartbeatsGetsNone(t *testing.T) {
	workerTest(t, func(c *config, _ *fakeServer) {
		c.backend.Workers.HeartbeatInterval = time.Minute
	}, func(t *testing.T, _ *Worker, f *fakeServer) {
		time.Sleep(time.Hour)
		if got := f.beaten(); len(got) != 0 {
			t.Fatalf("%d heartbeats were sent", len(got))
		}
	})
}

// registered is the eager worker that a worker made known to its client.
type registered struct {
	worker client.EagerWorker
	queue  string
}

func (r *registered) register(queue string, worker client.EagerWorker) func() {
	r.worker, r.queue = worker, queue
	return func() { r.worker = nil }
}

func TestTheFirstTaskOfAWorkflowStartedHereNeedsNoPoll(t *testing.T) {
	var eager registered
	workerTest(t, func(c *config, _ *fakeServer) {
		c.backend.RegisterEager = eager.register
		register(t, c, "echo", echo)
	}, func(t *testing.T, w *Worker, f *fakeServer) {
		synctest.Wait()
		idle := w.workflows.tasks.slots.issued.Load()
		worker := eager.worker
		worker.ReserveEagerSlot().Run(newScript("echo").started().task(0))
		answer[*completedRequest](t, f)
		unused := worker.ReserveEagerSlot()
		unused.Release()
		synctest.Wait()
		if got := w.workflows.tasks.slots.issued.Load(); got != idle || eager.queue != "queue" {
			t.Fatalf("%d slots are out, want %d; the queue is %q", got, idle, eager.queue)
		}
		w.Stop()
		if eager.worker != nil || worker.ReserveEagerSlot() != nil {
			t.Fatal("a worker that stopped takes tasks")
		}
	})
}

func TestStoppingWaitsForATaskThatAStartHasASlotFor(t *testing.T) {
	var eager registered
	workerTest(t, func(c *config, _ *fakeServer) {
		c.backend.RegisterEager = eager.register
		c.WorkerStopTimeout = time.Minute
		register(t, c, "echo", echo)
	}, func(t *testing.T, w *Worker, f *fakeServer) {
		held := eager.worker.ReserveEagerSlot()
		stopped := make(chan struct{})
		go func() { w.Stop(); close(stopped) }()
		synctest.Wait()
		select {
		case <-stopped:
			t.Fatal("the worker has stopped")
		default:
		}
		held.Run(newScript("echo").started().task(0))
		answer[*completedRequest](t, f)
		<-stopped
	})
}

func TestWorkersNameTheirQueueForCommandsIfTheServerSendsThem(t *testing.T) {
	for _, commands := range []bool{true, false} {
		workerTest(t, func(c *config, f *fakeServer) {
			c.backend.Workers.HeartbeatInterval = time.Minute
			f.capabilities = &namespacepb.NamespaceInfo_Capabilities{WorkerHeartbeats: true, WorkerCommands: commands}
			register(t, c, "echo", echo)
		}, func(t *testing.T, w *Worker, f *fakeServer) {
			want := ""
			if commands {
				want = w.config.backend.Workers.Group.CommandQueue("default")
			}
			f.normal <- newScript("echo").started().task(0)
			completed := answer[*completedRequest](t, f)
			if got := completed.GetWorkerControlTaskQueue(); got != want {
				t.Errorf("with commands %v the completion names %q, want %q", commands, got, want)
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			if got := f.polls[0].GetWorkerControlTaskQueue(); got != want {
				t.Errorf("with commands %v the poll names %q, want %q", commands, got, want)
			}
		})
	}
}
