package activities

import (
	"context"
	"testing"

	"github.com/perdure/perdure/sdk/internal/metrics/metricstest"
)

func TestAnActivitysOwnMetricsNameItAndItsWorkflow(t *testing.T) {
	recorder := metricstest.New()
	h := newHarness(t)
	h.options.Metrics = recorder
	h.register(t, "act", func(ctx context.Context) error {
		Calls(ctx).GetMetricsHandler(ctx).Counter("mine").Inc(1)
		return nil
	})
	h.run(t, h.task(t, "act"))
	if got := recorder.Value("mine", "workflow_type", "Order", "activity_type", "act", "task_queue", "queue"); got != 1 {
		t.Fatalf("what was recorded is %v", recorder.All("mine"))
	}
}
