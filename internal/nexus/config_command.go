package nexus

import (
	"context"
	"errors"

	commonpb "go.temporal.io/api/common/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	workerservicepb "go.temporal.io/api/nexusservices/workerservice/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	workerpb "go.temporal.io/api/worker/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// The API has no commands yet to read and change the configuration of a worker. They are in fields of WorkerCommand that SDKs
// do not know and pass over, but Perdure's, whose package workergroup has the same numbers; results likewise.
const (
	commandFetchConfig  protowire.Number = 1001 // a FetchWorkerConfigRequest
	commandUpdateConfig protowire.Number = 1002 // an UpdateWorkerConfigRequest
	resultConfig        protowire.Number = 1001 // a WorkerConfig
	resultRefusal       protowire.Number = 1002 // why it was not carried out
)

// RefusedError says why a worker has not done what it was told.
type RefusedError struct{ Message string }

func (e *RefusedError) Error() string { return e.Message }

// ErrUnknownCommand is what a worker comes to that does not know the command.
var ErrUnknownCommand = errors.New("nexus: the worker does not know the command")

// CommandConfig has a worker that takes commands at the queue tell its configuration, or change it first if req is a
// workflowservice.UpdateWorkerConfigRequest and not a FetchWorkerConfigRequest. It fails with ErrNoAnswer, ErrUnknownCommand or a *RefusedError.
func (d *Dispatcher) CommandConfig(ctx context.Context, namespaceID, queue string, req proto.Message) (*sdkpb.WorkerConfig, error) {
	number := commandFetchConfig
	if _, ok := req.(*workflowservice.UpdateWorkerConfigRequest); ok {
		number = commandUpdateConfig
	}
	body, err := proto.Marshal(req)
	if err != nil {
		return nil, err
	}
	command := new(workerpb.WorkerCommand)
	command.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), body))
	results, err := d.command(ctx, namespaceID, queue, command)
	if err != nil {
		return nil, err
	}
	if len(results) != 1 {
		return nil, ErrUnknownCommand
	}
	fields := results[0].ProtoReflect().GetUnknown()
	number, _, n := protowire.ConsumeTag(fields)
	if n < 0 {
		return nil, ErrUnknownCommand
	}
	answer, n := protowire.ConsumeBytes(fields[n:])
	switch {
	case n < 0:
		return nil, ErrUnknownCommand
	case number == resultRefusal:
		return nil, &RefusedError{string(answer)}
	case number != resultConfig:
		return nil, ErrUnknownCommand
	}
	config := new(sdkpb.WorkerConfig)
	return config, proto.Unmarshal(answer, config)
}

// command has a worker carry out commands, and returns the results.
func (d *Dispatcher) command(ctx context.Context, namespaceID, queue string, commands ...*workerpb.WorkerCommand) ([]*workerpb.WorkerCommandResult, error) {
	data, err := proto.Marshal(&workerservicepb.ExecuteCommandsRequest{Commands: commands})
	if err != nil {
		return nil, err
	}
	answer, err := d.Dispatch(ctx, namespaceID, queue, &nexuspb.Request{
		ScheduledTime: timestamppb.Now(),
		Variant: &nexuspb.Request_StartOperation{StartOperation: &nexuspb.StartOperationRequest{
			Service: CommandService, Operation: CommandOperation,
			Payload: &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/protobuf")}, Data: data},
		}},
	})
	if err != nil {
		return nil, err
	}
	if answer.Response == nil {
		return nil, errors.New("nexus: the worker has answered commands with a failure")
	}
	response := new(workerservicepb.ExecuteCommandsResponse)
	if err := proto.Unmarshal(answer.Response.GetStartOperation().GetSyncSuccess().GetPayload().GetData(), response); err != nil {
		return nil, err
	}
	return response.GetResults(), nil
}
