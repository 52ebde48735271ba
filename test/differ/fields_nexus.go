package differ

import (
	commandpb "go.temporal.io/api/command/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
)

// nexusCalls are the calls of Nexus workers, to be broken field by field like brokenCalls.
var nexusCalls = []brokenCall{
	{method: "RespondNexusTaskCompleted", reply: &workflowservice.RespondNexusTaskCompletedResponse{}, from: nothing, skip: []string{"namespace"},
		request: func(w *World) proto.Message {
			return Set(&workflowservice.RespondNexusTaskCompletedRequest{Namespace: Namespace, TaskToken: w.requested(), Identity: "worker"},
				"response.start_operation.async_success.operation_token=t")
		}},
	{method: "RespondNexusTaskFailed", reply: &workflowservice.RespondNexusTaskFailedResponse{}, from: nothing, skip: []string{"namespace"},
		request: func(w *World) proto.Message {
			return Set(&workflowservice.RespondNexusTaskFailedRequest{Namespace: Namespace, TaskToken: w.requested(), Identity: "worker"},
				"error.error_type=INTERNAL", "error.failure.message=it cannot", `error.failure.details={"a":1}`)
		}},
}

// nexusCommands are the commands about Nexus operations.
var nexusCommands = []brokenCommand{
	{kind: "ScheduleNexusOperation", command: func(w *World) *commandpb.Command {
		if !w.shape() {
			w.Endpoint("h")
		}
		return w.nexus("schedule_to_close_timeout=1h", "schedule_to_start_timeout=10m", "start_to_close_timeout=30m", "nexus_header=(a:b)")
	}, skip: []string{"user_metadata is empty", "schedule_nexus_operation_command_attributes.operation is missing"}}, // the latter fails, now or soon
	{kind: "RequestCancelNexusOperation", command: func(*World) *commandpb.Command { return cancelNexus("5") }},
}

// requested has a Nexus request taken and returns the token of its task.
func (w *World) requested() []byte {
	if w.shape() {
		return []byte("token")
	}
	w.dispatched(header{"Request-Timeout", "20s"}, "")
	return w.PollNexus("h").TaskToken
}
