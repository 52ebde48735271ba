package server_test

import (
	"testing"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	workerservicepb "go.temporal.io/api/nexusservices/workerservice/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workerpb "go.temporal.io/api/worker/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/server"
)

const controlQueue = "temporal-sys/worker-commands/default/one"

var withCommands = []dynamicconfig.Override{{Key: "system.enableCancelActivityWorkerCommand", Value: "true"}}

// startCommanded has a workflow's activity run on a worker that takes commands, or says that it does, and returns its token.
func (b *bench) startCommanded(id, queueOfCommands string) []byte {
	b.t.Helper()
	b.startWorkflow(id)
	b.complete(b.pollWorkflow(), scheduleActivity("a"))
	resp, err := b.client.PollActivityTaskQueue(b.ctx(), &workflowservice.PollActivityTaskQueueRequest{
		Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, Identity: "worker", WorkerControlTaskQueue: queueOfCommands,
	})
	if err != nil || len(resp.GetTaskToken()) == 0 {
		b.t.Fatalf("polling for an activity task: %v, %v", resp, err)
	}
	return resp.GetTaskToken()
}

// cancelActivity has the workflow ask for the activity's end.
func (b *bench) cancelActivity(id string, scheduledEventID int64) {
	b.t.Helper()
	b.signals(id)
	b.complete(b.pollWorkflow(), &commandpb.Command{CommandType: enumspb.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK,
		Attributes: &commandpb.Command_RequestCancelActivityTaskCommandAttributes{RequestCancelActivityTaskCommandAttributes: &commandpb.RequestCancelActivityTaskCommandAttributes{
			ScheduledEventId: scheduledEventID}}})
}

// takeCommands polls for commands as SDKs do, and answers them.
func (b *bench) takeCommands() []*workerpb.WorkerCommand {
	b.t.Helper()
	task, err := b.client.PollNexusTaskQueue(b.ctx(), &workflowservice.PollNexusTaskQueueRequest{
		Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: controlQueue, Kind: enumspb.TASK_QUEUE_KIND_WORKER_COMMANDS}, Identity: "worker"})
	if err != nil || len(task.GetTaskToken()) == 0 {
		b.t.Fatalf("polling for commands: %v, %v", task, err)
	}
	start := task.GetRequest().GetStartOperation()
	if start.GetService() != nexus.CommandService || start.GetOperation() != nexus.CommandOperation || string(start.GetPayload().GetMetadata()["encoding"]) != "binary/protobuf" {
		b.t.Errorf("the request is %v", start)
	}
	request := new(workerservicepb.ExecuteCommandsRequest)
	if err := proto.Unmarshal(start.GetPayload().GetData(), request); err != nil {
		b.t.Fatal(err)
	}
	b.answerNexus(task, &nexuspb.Response{Variant: &nexuspb.Response_StartOperation{StartOperation: &nexuspb.StartOperationResponse{
		Variant: &nexuspb.StartOperationResponse_SyncSuccess{SyncSuccess: &nexuspb.StartOperationResponse_Sync{Payload: &commonpb.Payload{}}}}}})
	return request.GetCommands()
}

func (b *bench) checkCancelled(token []byte) {
	b.t.Helper()
	commands := b.takeCommands()
	if len(commands) != 1 || string(commands[0].GetCancelActivity().GetTaskToken()) != string(token) {
		b.t.Errorf("the commands are %v, not that the activity be cancelled", commands)
	}
}

func TestAWorkerThatTakesCommandsIsToldToCancelAnActivity(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: withCommands})
	token := b.startCommanded("w", controlQueue)
	b.cancelActivity("w", 5)
	b.checkCancelled(token)
}

func TestAWorkerIsToldToEndTheActivitiesOfAWorkflowThatHasClosed(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: withCommands})
	token := b.startCommanded("w", controlQueue)
	b.terminate("w")
	b.checkCancelled(token)
}

func TestCommandsThatNobodyTakesDoNotKeepOthersWaiting(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: withCommands})
	b.startCommanded("gone", controlQueue+"-gone")
	b.terminate("gone")
	token := b.startCommanded("w", controlQueue)
	b.terminate("w")
	b.checkCancelled(token)
}

// answersCommand takes one command and answers it with the field of a result.
func (b *bench) answersCommand(field protowire.Number, answer proto.Message) (command protowire.Number) {
	b.t.Helper()
	task, err := b.client.PollNexusTaskQueue(b.ctx(), &workflowservice.PollNexusTaskQueueRequest{
		Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: controlQueue, Kind: enumspb.TASK_QUEUE_KIND_WORKER_COMMANDS}, Identity: "worker"})
	if err != nil || len(task.GetTaskToken()) == 0 {
		b.t.Fatalf("polling for commands: %v, %v", task, err)
	}
	request := new(workerservicepb.ExecuteCommandsRequest)
	if err := proto.Unmarshal(task.GetRequest().GetStartOperation().GetPayload().GetData(), request); err != nil || len(request.Commands) != 1 {
		b.t.Fatalf("the commands are %v, %v", request, err)
	}
	command, _, _ = protowire.ConsumeTag(request.Commands[0].ProtoReflect().GetUnknown())
	result := new(workerpb.WorkerCommandResult)
	if answer != nil {
		body, _ := proto.Marshal(answer)
		result.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), body))
	}
	data, _ := proto.Marshal(&workerservicepb.ExecuteCommandsResponse{Results: []*workerpb.WorkerCommandResult{result}})
	b.answerNexus(task, &nexuspb.Response{Variant: &nexuspb.Response_StartOperation{StartOperation: &nexuspb.StartOperationResponse{
		Variant: &nexuspb.StartOperationResponse_SyncSuccess{SyncSuccess: &nexuspb.StartOperationResponse_Sync{Payload: &commonpb.Payload{Data: data}}}}}})
	return command
}

func TestAWorkerIsAskedForItsConfigurationAndToChangeIt(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: []dynamicconfig.Override{{Key: "frontend.WorkerCommandsEnabled", Value: "true"}}})
	_, err := b.client.RecordWorkerHeartbeat(b.ctx(), &workflowservice.RecordWorkerHeartbeatRequest{Namespace: ns, WorkerHeartbeat: []*workerpb.WorkerHeartbeat{
		{WorkerInstanceKey: "w", HostInfo: &workerpb.WorkerHostInfo{WorkerGroupingKey: "one"}}}})
	if err != nil {
		t.Fatal(err)
	}
	one := &commonpb.WorkerSelector{Selector: &commonpb.WorkerSelector_WorkerInstanceKey{WorkerInstanceKey: "w"}}
	want := &sdkpb.WorkerConfig{WorkflowCacheSize: 7}
	update := &workflowservice.UpdateWorkerConfigRequest{Namespace: ns, Selector: one, WorkerConfig: want, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"workflow_cache_size"}}}

	command := make(chan protowire.Number, 1)
	go func() { command <- b.answersCommand(1001, want) }()
	fetched, err := b.client.FetchWorkerConfig(b.ctx(), &workflowservice.FetchWorkerConfigRequest{Namespace: ns, Selector: one})
	if err != nil || !proto.Equal(fetched.GetWorkerConfig(), want) || <-command != 1001 {
		t.Errorf("the configuration is %v, %v", fetched, err)
	}
	go func() { command <- b.answersCommand(1001, want) }()
	updated, err := b.client.UpdateWorkerConfig(b.ctx(), update)
	if err != nil || !proto.Equal(updated.GetWorkerConfig(), want) || <-command != 1002 {
		t.Errorf("the configuration is %v, %v", updated, err)
	}
	go func() { command <- b.answersCommand(0, nil) }()
	if _, err := b.client.UpdateWorkerConfig(b.ctx(), update); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("a worker that does not know the command: %v", err)
	}
	<-command
	for name, c := range map[string]struct {
		change func(*workflowservice.UpdateWorkerConfigRequest)
		want   codes.Code
	}{
		"no worker": {func(r *workflowservice.UpdateWorkerConfigRequest) { r.Selector = nil }, codes.InvalidArgument},
		"no such worker": {func(r *workflowservice.UpdateWorkerConfigRequest) {
			r.Selector = &commonpb.WorkerSelector{Selector: &commonpb.WorkerSelector_WorkerInstanceKey{WorkerInstanceKey: "x"}}
		}, codes.NotFound},
		"no configuration": {func(r *workflowservice.UpdateWorkerConfigRequest) { r.WorkerConfig = nil }, codes.InvalidArgument},
		"no field":         {func(r *workflowservice.UpdateWorkerConfigRequest) { r.UpdateMask = nil }, codes.InvalidArgument},
	} {
		req := proto.CloneOf(update)
		c.change(req)
		if _, err := b.client.UpdateWorkerConfig(b.ctx(), req); status.Code(err) != c.want {
			t.Errorf("%s: error is %v, want %v", name, err, c.want)
		}
	}
}
