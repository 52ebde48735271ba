package flow

import (
	"testing"

	"github.com/perdure/perdure/sdk/internal/metrics/metricstest"
)

func TestAWorkflowsOwnMetricsAreNotRecordedAgainInReplay(t *testing.T) {
	recorder := metricstest.New()
	s := newScript(t, func(ctx Context) error {
		GetMetricsHandler(ctx).Counter("mine").Inc(1)
		GetSignalChannel(ctx, "go").Receive(ctx, nil)
		GetMetricsHandler(ctx).Counter("mine").Inc(10)
		return nil
	})
	s.options.Metrics = recorder
	s.run()
	s.evict()
	s.signal("go", nil).run("CompleteWorkflowExecution")
	if got := recorder.Value("mine", "workflow_type", "Workflow"); got != 11 {
		t.Fatalf("the counter is %v", got)
	}
}
