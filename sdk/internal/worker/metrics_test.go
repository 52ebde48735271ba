package worker

import (
	"errors"
	"testing"
	"testing/synctest"

	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/metrics/metricstest"
	"github.com/perdure/perdure/sdk/internal/registry"
)

// measured is a configuration that records metrics.
func measured(t *testing.T, recorder *metricstest.Recorder, workflow, activity any) func(*config, *fakeServer) {
	return func(c *config, _ *fakeServer) {
		c.backend.Metrics = recorder
		if err := c.registry.RegisterWorkflow(workflow, registry.WorkflowOptions{Name: "wf"}); err != nil {
			t.Fatal(err)
		}
		if err := c.registry.RegisterActivity(activity, registry.ActivityOptions{Name: "act"}); err != nil {
			t.Fatal(err)
		}
	}
}

func succeeds() error { return nil }

func TestAWorkerMeasuresWorkflowTasks(t *testing.T) {
	recorder := metricstest.New()
	workerTest(t, measured(t, recorder, func(flow.Context) error { return nil }, succeeds), func(t *testing.T, _ *Worker, f *fakeServer) {
		f.normal <- newScript("wf").started().task(0)
		answer[*completedRequest](t, f)
		synctest.Wait()
		for _, name := range []string{
			metrics.WorkflowTaskQueuePollSucceed, metrics.WorkflowTaskScheduleToStartLatency, metrics.WorkflowTaskExecutionLatency,
			metrics.WorkflowTaskReplayLatency, metrics.WorkflowCompleted, metrics.WorkflowEndToEndLatency,
		} {
			if got := recorder.Value(name, "workflow_type", "wf", "task_queue", "queue"); got != 1 {
				t.Errorf("%s is %v", name, got)
			}
		}
		for name, want := range map[string]float64{metrics.NumPollers: 1, metrics.WorkerStart: 1} {
			tags := []string{"worker_type", "WorkflowWorker"}
			if name == metrics.NumPollers {
				tags = []string{"poller_type", "workflow_sticky_task"}
			}
			if got := recorder.Value(name, tags...); got != want {
				t.Errorf("%s is %v", name, got)
			}
		}
	})
}

func TestAFailedWorkflowTaskIsCountedWithItsReason(t *testing.T) {
	recorder := metricstest.New()
	workerTest(t, measured(t, recorder, func(flow.Context) error { panic("bug") }, succeeds), func(t *testing.T, _ *Worker, f *fakeServer) {
		f.normal <- newScript("wf").started().task(0)
		answer[*workflowservice.RespondWorkflowTaskFailedRequest](t, f)
		if got := recorder.Value(metrics.WorkflowTaskExecutionFailed, "workflow_type", "wf", "failure_reason", "WorkflowError"); got != 1 {
			t.Errorf("%v failures were counted", got)
		}
	})
}

func TestAWorkerMeasuresActivities(t *testing.T) {
	fails := false
	recorder := metricstest.New()
	workerTest(t, measured(t, recorder, func(flow.Context) error { return nil }, func() error {
		if fails {
			return errors.New("bug")
		}
		return nil
	}), func(t *testing.T, _ *Worker, f *fakeServer) {
		f.activities <- activityOf("act")
		answer[*workflowservice.RespondActivityTaskCompletedRequest](t, f)
		synctest.Wait()
		fails = true
		f.activities <- activityOf("act")
		answer[*workflowservice.RespondActivityTaskFailedRequest](t, f)
		f.activities <- activityOf("stranger")
		answer[*workflowservice.RespondActivityTaskFailedRequest](t, f)
		for name, want := range map[string]float64{
			metrics.ActivityScheduleToStartLatency: 2, metrics.ActivityExecutionLatency: 2,
			metrics.ActivitySucceedEndToEndLatency: 1, metrics.ActivityExecutionFailed: 1,
		} {
			if got := recorder.Value(name, "activity_type", "act", "task_queue", "queue"); got != want {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
		}
		if got := recorder.Value(metrics.UnregisteredActivityInvocation, "activity_type", "stranger"); got != 1 {
			t.Errorf("%v invocations of unregistered activities were counted", got)
		}
	})
}

func TestANamespaceCanEnrollWorkersInPollerAutoscaling(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*config)
		want   int // open polls for workflow tasks: sticky and normal
	}{
		"that have not chosen":     {func(*config) {}, 2 * defaultInitialPollers},
		"but not those which have": {func(c *config) { c.MaxConcurrentWorkflowTaskPollers = 3 }, 3},
	} {
		t.Run(name, func(t *testing.T) {
			workerTest(t, func(c *config, f *fakeServer) {
				test.change(c)
				f.capabilities = &namespacepb.NamespaceInfo_Capabilities{PollerAutoscaling: true, PollerAutoscalingAutoEnroll: true}
			}, func(t *testing.T, _ *Worker, f *fakeServer) {
				synctest.Wait()
				f.mu.Lock()
				defer f.mu.Unlock()
				if len(f.polls) != test.want {
					t.Fatalf("%d polls were made, want %d", len(f.polls), test.want)
				}
			})
		})
	}
}
