package frontend

import (
	"context"
	"errors"

	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/nexusdoor"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/records"
)

// nexusDoor is the service behind the Nexus routes of the HTTP port.
type nexusDoor struct {
	runtime    stepper
	dispatcher *nexus.Dispatcher
}

// nexusOwner is whose operations are completed.
type nexusOwner interface {
	CompleteNexusOperation(*entity.Step, *records.NexusResult) error
}

var errNexusBody = serviceerror.NewInvalidArgument("The request does not decode.")

// DispatchNexusTask has a worker answer a request.
func (d *nexusDoor) DispatchNexusTask(ctx context.Context, req *nexusdoor.DispatchNexusTaskRequest) (*nexusdoor.DispatchNexusTaskResponse, error) {
	if err := limitsOf(ctx).CheckTaskQueueName(req.GetTaskQueue()); err != nil {
		return nil, err
	}
	request := new(nexuspb.Request)
	if proto.Unmarshal(req.GetRequest(), request) != nil {
		return nil, errNexusBody
	}
	if proto.Size(request.GetStartOperation().GetPayload()) > settingOf(ctx, dynamicconfig.BlobSize) {
		return nil, serviceerror.NewInvalidArgument("input exceeds size limit")
	}
	answer, err := d.dispatcher.Dispatch(ctx, callOf(ctx).namespace.ID, req.GetTaskQueue(), request)
	if errors.Is(err, nexus.ErrNoAnswer) {
		return nil, serviceerror.NewDeadlineExceeded("upstream timeout")
	}
	if err != nil {
		return nil, err
	}
	resp := new(nexusdoor.DispatchNexusTaskResponse)
	switch {
	case answer.Failure != nil:
		resp.Failure, err = proto.Marshal(answer.Failure)
	case answer.Error != nil:
		resp.Error, err = proto.Marshal(answer.Error)
	default:
		resp.Response, err = proto.Marshal(answer.Response)
	}
	return resp, err
}

// CompleteNexusOperation ends an operation as its handler reports.
func (d *nexusDoor) CompleteNexusOperation(ctx context.Context, req *nexusdoor.CompleteNexusOperationRequest) (*nexusdoor.CompleteNexusOperationResponse, error) {
	result := new(records.NexusResult)
	if proto.Unmarshal(req.GetResult(), result) != nil || result.GetCompletion().GetNamespaceId() != callOf(ctx).namespace.ID {
		return nil, errNexusBody
	}
	if most := settingOf(ctx, dynamicconfig.NexusOperationToken); len(result.GetOperationToken()) > most {
		return nil, serviceerror.NewInvalidArgumentf("operation token length exceeds allowed limit (%d/%d)", len(result.GetOperationToken()), most)
	}
	if proto.Size(result.GetResult()) > settingOf(ctx, dynamicconfig.BlobSize) {
		return nil, serviceerror.NewInvalidArgument("result exceeds size limit")
	}
	err := d.runtime.Step(ctx, nexus.Target(result.GetCompletion()), func(step *entity.Step, e entity.Entity) error {
		return e.(nexusOwner).CompleteNexusOperation(step, result)
	})
	if err != nil {
		return nil, err
	}
	return &nexusdoor.CompleteNexusOperationResponse{}, nil
}
