package workergroup

import (
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	workerservicepb "go.temporal.io/api/nexusservices/workerservice/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workerpb "go.temporal.io/api/worker/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/logtag"
)

const (
	// commandPollTimeout bounds a poll for commands, as those for tasks are.
	commandPollTimeout = 70 * time.Second
	// commandRetryInterval is the wait after a poll that failed.
	commandRetryInterval = time.Second
	// commandBuildID is sent with polls for commands, which belong to no build: servers
	// ask for one.
	commandBuildID = "1.0"
)

// CommandQueue is the task queue on which the server sends commands to the group of a
// namespace. Workers name it in their polls; the server finds it there.
func (g *Group) CommandQueue(namespace string) string {
	return "temporal-sys/worker-commands/" + namespace + "/" + g.key
}

// Cancellable lets a command cancel the activity of a task until forget is called. It costs
// nothing where no commands are taken.
func (g *Group) Cancellable(taskToken []byte, cancel context.CancelCauseFunc) (forget func()) {
	if !g.commanded.Load() {
		return func() {}
	}
	key := string(taskToken)
	g.mu.Lock()
	g.cancels[key] = cancel
	g.mu.Unlock()
	return func() {
		g.mu.Lock()
		delete(g.cancels, key)
		g.mu.Unlock()
	}
}

// cancel does what a command asks for. An activity that has ended is none of its business.
func (g *Group) cancel(taskToken []byte) {
	g.mu.Lock()
	cancel := g.cancels[string(taskToken)]
	g.mu.Unlock()
	if cancel != nil {
		cancel(failure.NewCanceledError(failure.CanceledErrorOptions{}))
	}
}

// takeCommands polls for commands and carries them out, one poll at a time, until ctx ends.
func (r *runner) takeCommands(ctx context.Context) {
	for ctx.Err() == nil {
		task, err := r.pollCommand(ctx)
		if err == nil && len(task.GetTaskToken()) > 0 {
			err = r.carryOut(ctx, task)
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		r.options.Logger.Warn("A command for workers was not taken.", logtag.Error, err)
		select {
		case <-time.After(commandRetryInterval):
		case <-ctx.Done():
		}
	}
}

func (r *runner) pollCommand(ctx context.Context) (*workflowservice.PollNexusTaskQueueResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, commandPollTimeout)
	defer cancel()
	return r.options.Service.PollNexusTaskQueue(ctx, &workflowservice.PollNexusTaskQueueRequest{
		Namespace: r.options.Namespace,
		TaskQueue: &taskqueuepb.TaskQueue{
			Name: r.group.CommandQueue(r.options.Namespace),
			Kind: enumspb.TASK_QUEUE_KIND_WORKER_COMMANDS,
		},
		Identity:          r.options.Identity,
		WorkerInstanceKey: r.instance,
		DeploymentOptions: &deploymentpb.WorkerDeploymentOptions{
			BuildId:              commandBuildID,
			WorkerVersioningMode: enumspb.WORKER_VERSIONING_MODE_UNVERSIONED,
		},
	})
}

// carryOut does what the commands of a task say and answers it.
func (r *runner) carryOut(ctx context.Context, task *workflowservice.PollNexusTaskQueueResponse) error {
	start := task.GetRequest().GetStartOperation()
	if start == nil {
		return errors.New("the task has no commands")
	}
	var request workerservicepb.ExecuteCommandsRequest
	if err := proto.Unmarshal(start.GetPayload().GetData(), &request); err != nil {
		return fmt.Errorf("reading commands: %w", err)
	}
	response := &workerservicepb.ExecuteCommandsResponse{}
	for _, command := range request.GetCommands() {
		response.Results = append(response.Results, r.execute(command))
	}
	data, err := proto.Marshal(response)
	if err != nil {
		return fmt.Errorf("writing the results of commands: %w", err)
	}
	// What was done is told though the group ends: the service bounds the call.
	_, err = r.options.Service.RespondNexusTaskCompleted(context.WithoutCancel(ctx), &workflowservice.RespondNexusTaskCompletedRequest{
		Namespace:     r.options.Namespace,
		Identity:      r.options.Identity,
		TaskToken:     task.GetTaskToken(),
		PollerGroupId: task.GetPollerGroupId(),
		Response: &nexuspb.Response{Variant: &nexuspb.Response_StartOperation{StartOperation: &nexuspb.StartOperationResponse{
			Variant: &nexuspb.StartOperationResponse_SyncSuccess{SyncSuccess: &nexuspb.StartOperationResponse_Sync{
				Payload: &commonpb.Payload{Data: data},
			}},
		}}},
	})
	if err != nil {
		return fmt.Errorf("reporting the results of commands: %w", err)
	}
	return nil
}

// execute carries out one command. The result of a command that is not known is empty.
func (r *runner) execute(command *workerpb.WorkerCommand) *workerpb.WorkerCommandResult {
	c, ok := command.GetType().(*workerpb.WorkerCommand_CancelActivity)
	if !ok {
		if result := r.group.configured(command); result != nil {
			return result
		}
		r.options.Logger.Warn("The server sent a command that this version of the SDK does not know.")
		return &workerpb.WorkerCommandResult{}
	}
	r.group.cancel(c.CancelActivity.GetTaskToken())
	return &workerpb.WorkerCommandResult{Type: &workerpb.WorkerCommandResult_CancelActivity{CancelActivity: &workerpb.CancelActivityResult{}}}
}
