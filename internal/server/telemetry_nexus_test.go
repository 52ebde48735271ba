package server_test

import (
	"testing"

	schedulepb "go.temporal.io/api/schedule/v1"

	"github.com/perdure/perdure/internal/server"
)

func TestMetricsTellOfNexusOperationsAndSchedules(t *testing.T) {
	b := start(t, observed(server.Options{DynamicConfig: fast}))
	b.caller(scheduleOperation())
	b.answerNexus(b.pollNexus(), syncResponse("out"))
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
	b.createSchedule("hourly")
	b.patchSchedule("hourly", &schedulepb.SchedulePatch{TriggerImmediately: &schedulepb.TriggerImmediatelyRequest{}})
	b.complete(b.pollWorkflow(), completeWorkflow("done"))

	for _, want := range [][]string{
		{"nexus_operation_success", "namespace", ns, "nexus_endpoint", "ep", "workflowType", "order"},
		{"nexus_operation_schedule_to_close_latency", "nexus_endpoint", "ep", "outcome", "succeeded"},
		{"nexus_outbound_requests", "namespace", ns, "destination", "ep", "method", "StartOperation", "outcome", "successful"},
		{"schedule_action_success", "namespace", ns},
	} {
		await(t, want[0], func() bool {
			n, _ := b.scrape().value(want[0], want[1:]...)
			return n == 1
		})
	}
}
