package server_test

import (
	"testing"

	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/server"
)

// capabilitySettings are the settings that capabilities of a namespace tell of. SDKs and the web UI go by these.
var capabilitySettings = map[protoreflect.Name]string{
	"eager_workflow_start":                  "system.enableEagerWorkflowStart",
	"sync_update":                           "frontend.enableUpdateWorkflowExecution",
	"async_update":                          "frontend.enableUpdateWorkflowExecutionAsyncAccepted",
	"worker_heartbeats":                     "frontend.WorkerHeartbeatsEnabled",
	"workflow_pause":                        "frontend.WorkflowPauseEnabled",
	"standalone_activities":                 "activity.enableStandalone",
	"standalone_activity_start_delay":       "activity.startDelayEnabled",
	"standalone_activity_batch_operations":  "frontend.enableBatchOperationsForStandaloneActivities",
	"standalone_activity_operator_commands": "history.enableStandaloneActivityOperatorCommands",
	"standalone_nexus_operation":            "nexusoperation.enableStandalone",
	"worker_poll_complete_on_shutdown":      "frontend.enableCancelWorkerPollsOnShutdown",
	"worker_commands":                       "frontend.WorkerCommandsEnabled",
	"workflow_update_callbacks":             "history.enableUpdateCallbacks",
	"poller_autoscaling_auto_enroll":        "frontend.pollerAutoscalingAutoEnroll",
	"workflow_task_completion_pagination":   "history.enableWorkflowTaskCompletionPagination",
}

// alwaysCapable are those that there is no setting for.
var alwaysCapable = map[protoreflect.Name]bool{"poller_autoscaling": true, "reported_problems_search_attribute": true}

func TestNamespacesTellWhatIsSwitchedOn(t *testing.T) {
	for _, on := range []bool{true, false} {
		value := map[bool]string{true: "true", false: "false"}[on]
		var overrides []dynamicconfig.Override
		for _, key := range capabilitySettings {
			overrides = append(overrides, dynamicconfig.Override{Key: key, Value: value})
		}
		b := start(t, server.Options{DynamicConfig: overrides})
		described, err := b.client.DescribeNamespace(b.ctx(), &workflowservice.DescribeNamespaceRequest{Namespace: ns})
		if err != nil {
			t.Fatal(err)
		}
		capabilities := described.GetNamespaceInfo().GetCapabilities().ProtoReflect()
		fields := (*namespacepb.NamespaceInfo_Capabilities)(nil).ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			field := fields.Get(i)
			want := on && capabilitySettings[field.Name()] != "" || alwaysCapable[field.Name()]
			if got := capabilities.Get(field).Bool(); got != want {
				t.Errorf("with all settings %v, %s is %v", value, field.Name(), got)
			}
		}
	}
}
