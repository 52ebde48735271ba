package telemetry

import (
	"fmt"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/entity"
)

func TestNexusOperationsAreCountedByEndpointTypeOfWorkflowAndEnd(t *testing.T) {
	tele := inNamespace(Options{})
	ended := func(workflowType string, status enumspb.NexusOperationExecutionStatus, more entity.Occurrence) {
		more.Kind, more.Type, more.Detail = entity.NexusOperationClosed, entity.NexusType("payments", workflowType), int32(status)
		tele.Steps().Occurred(entity.Key{Namespace: "id of n"}, []entity.Occurrence{more})
	}
	ended("order", enumspb.NEXUS_OPERATION_EXECUTION_STATUS_COMPLETED, entity.Occurrence{Took: time.Second, Total: 3 * time.Second})
	ended("order", enumspb.NEXUS_OPERATION_EXECUTION_STATUS_FAILED, entity.Occurrence{Total: time.Second})
	ended("order", enumspb.NEXUS_OPERATION_EXECUTION_STATUS_TIMED_OUT, entity.Occurrence{Count: int64(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START)})
	ended("", enumspb.NEXUS_OPERATION_EXECUTION_STATUS_CANCELED, entity.Occurrence{})
	ended("", enumspb.NEXUS_OPERATION_EXECUTION_STATUS_TERMINATED, entity.Occurrence{})
	text := read(t, tele)
	ofOrder := `{namespace="n",nexus_endpoint="payments",service_name="history",workflowType="order"} `
	alone := `{namespace="n",nexus_endpoint="payments",service_name="history",workflowType="__temporal_standalone_nexus_operation__"} `
	for _, line := range []string{
		"nexus_operation_success" + ofOrder + "1", "nexus_operation_fail" + ofOrder + "1",
		"nexus_operation_cancel" + alone + "1", "nexus_operation_terminate" + alone + "1",
		`nexus_operation_timeout{namespace="n",nexus_endpoint="payments",service_name="history",timeout_type="ScheduleToStart",workflowType="order"} 1`,
		`nexus_operation_schedule_to_close_latency_sum{namespace="n",nexus_endpoint="payments",outcome="succeeded",service_name="history",workflowType="order"} 3`,
		`nexus_operation_start_to_close_latency_sum{namespace="n",nexus_endpoint="payments",outcome="succeeded",service_name="history",workflowType="order"} 1`,
		"nexus_operation_schedule_to_start_latency_sum" + ofOrder + "3", // 2 of the first, 1 of the second
	} {
		hasLine(t, text, line)
	}
}

func TestCallsOfTheServerAreCountedByDestinationUpToABound(t *testing.T) {
	tele := inNamespace(Options{Types: 2})
	for i := range 5 {
		tele.Outbound().NexusCalled("id of n", fmt.Sprint("endpoint", i), i > 0, "pending", time.Second)
	}
	tele.Outbound().CallbackCalled("id of n", "https://example.org", "success", time.Second)
	text := read(t, tele)
	hasLine(t, text, `nexus_outbound_requests{destination="endpoint0",method="StartOperation",namespace="n",outcome="pending",service_name="history"} 1`)
	hasLine(t, text, `nexus_outbound_requests{destination="_other_",method="CancelOperation",namespace="n",outcome="pending",service_name="history"} 3`)
	hasLine(t, text, `callback_outbound_requests{destination="_other_",namespace="n",outcome="success",service_name="history"} 1`)
	if strings.Contains(text, "endpoint4") {
		t.Error("there are more destinations than the bound")
	}
}

func TestActionsOfSchedulesAreCountedByNamespace(t *testing.T) {
	tele := inNamespace(Options{})
	tele.Steps().Occurred(entity.Key{Namespace: "id of n"}, []entity.Occurrence{
		{Kind: entity.ScheduleActed, Count: 2}, {Kind: entity.ScheduleMissed, Count: 3}, {Kind: entity.ScheduleSkipped, Count: 4}, {Kind: entity.ScheduleDropped, Count: 5}})
	text := read(t, tele)
	hasLine(t, text, `schedule_action_success{namespace="n",service_name="history"} 2`)
	hasLine(t, text, `schedule_missed_catchup_window{namespace="n",service_name="history"} 3`)
	hasLine(t, text, `schedule_overlap_skipped{namespace="n",service_name="history"} 4`)
	hasLine(t, text, `schedule_buffer_overruns{namespace="n",service_name="history"} 5`)
}

func TestDeploymentsAreCountedByNamespace(t *testing.T) {
	tele := inNamespace(Options{})
	tele.Steps().Occurred(entity.Key{Namespace: "id of n"}, []entity.Occurrence{
		{Kind: entity.DeploymentCreated}, {Kind: entity.DeploymentVersionCreated}, {Kind: entity.DeploymentVersionCreated}, {Kind: entity.VersionTransitionStarted}})
	text := read(t, tele)
	hasLine(t, text, `worker_deployment_created{namespace="n",service_name="worker"} 1`)
	hasLine(t, text, `worker_deployment_version_created{namespace="n",service_name="worker"} 2`)
	hasLine(t, text, `start_deployment_transition_count{namespace="n",service_name="history"} 1`)
}
