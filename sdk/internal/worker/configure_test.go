package worker

import (
	"testing"
	"time"

	namespacepb "go.temporal.io/api/namespace/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"google.golang.org/protobuf/proto"
)

func autoscaled(minimum, maximum int32) *sdkpb.WorkerConfig_AutoscalingPollerBehavior_ {
	return &sdkpb.WorkerConfig_AutoscalingPollerBehavior_{AutoscalingPollerBehavior: &sdkpb.WorkerConfig_AutoscalingPollerBehavior{MinPollers: minimum, MaxPollers: maximum}}
}

func TestAWorkerThatRunsIsConfiguredAnew(t *testing.T) {
	workerTest(t, func(c *config, f *fakeServer) {
		c.backend.Workers.HeartbeatInterval = time.Minute
		c.StickyWorkflowCacheSize = 10
		c.WorkflowTaskPollerBehavior = NewPollerBehaviorAutoscaling(PollerBehaviorAutoscalingOptions{InitialNumberOfPollers: 3, MinimumNumberOfPollers: 2, MaximumNumberOfPollers: 8})
		f.capabilities = &namespacepb.NamespaceInfo_Capabilities{WorkerHeartbeats: true, WorkerCommands: true}
		register(t, c, "echo", echo)
	}, func(t *testing.T, w *Worker, _ *fakeServer) {
		beats := w.startedBeats()
		if got := beats.Config(); got.GetWorkflowCacheSize() != 10 || got.GetAutoscalingPollerBehavior().GetMinPollers() != 2 || got.GetAutoscalingPollerBehavior().GetMaxPollers() != 8 {
			t.Errorf("the configuration is %v", got)
		}
		change := &sdkpb.WorkerConfig{WorkflowCacheSize: 5, PollerBehavior: autoscaled(4, 6)}
		if err := beats.Configure(change, []string{"workflow_cache_size", "autoscaling_poller_behavior"}); err != nil {
			t.Fatal(err)
		}
		if got := beats.Config(); got.GetWorkflowCacheSize() != 5 || got.GetAutoscalingPollerBehavior().GetMinPollers() != 4 || got.GetAutoscalingPollerBehavior().GetMaxPollers() != 6 ||
			got.GetAutoscalingPollerBehavior().GetInitialPollers() < 4 {
			t.Errorf("the configuration is %v", got)
		}
		for name, c := range map[string]struct {
			config *sdkpb.WorkerConfig
			field  string
		}{
			"a negative size":            {&sdkpb.WorkerConfig{WorkflowCacheSize: -1}, "workflow_cache_size"},
			"no pollers at all":          {&sdkpb.WorkerConfig{PollerBehavior: autoscaled(0, 0)}, "autoscaling_poller_behavior"},
			"more at least than at most": {&sdkpb.WorkerConfig{PollerBehavior: autoscaled(5, 4)}, "autoscaling_poller_behavior"},
			"a field that there is not":  {&sdkpb.WorkerConfig{}, "identity"},
		} {
			before := proto.CloneOf(beats.Config())
			if err := beats.Configure(c.config, []string{"workflow_cache_size", c.field}); err == nil {
				t.Errorf("%s: it was taken", name)
			}
			if got := beats.Config(); !proto.Equal(got, before) {
				t.Errorf("%s: the configuration is %v, it was %v", name, got, before)
			}
		}
	})
}

func TestAFixedNumberOfPollersIsNotChanged(t *testing.T) {
	workerTest(t, func(c *config, f *fakeServer) {
		c.backend.Workers.HeartbeatInterval = time.Minute
		c.MaxConcurrentWorkflowTaskPollers = 4
		f.capabilities = &namespacepb.NamespaceInfo_Capabilities{WorkerHeartbeats: true, WorkerCommands: true}
		register(t, c, "echo", echo)
	}, func(t *testing.T, w *Worker, _ *fakeServer) {
		beats := w.startedBeats()
		if got := beats.Config().GetSimplePollerBehavior().GetMaxPollers(); got != 4 {
			t.Errorf("there are %d pollers, want 4", got)
		}
		if err := beats.Configure(&sdkpb.WorkerConfig{PollerBehavior: autoscaled(1, 2)}, []string{"autoscaling_poller_behavior"}); err == nil {
			t.Error("a fixed number was changed")
		}
	})
}
