package client

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/header"
	"github.com/perdure/perdure/sdk/internal/searchattr"
)

type nexusOperationHandle struct{ executionHandle }

// newNexusOperationHandle returns the handle of an operation. payloadsOf is nil if the
// operation was not started with it.
func newNexusOperationHandle(c *Client, id, runID string, payloadsOf *converter.NexusSerializationContext) *nexusOperationHandle {
	return &nexusOperationHandle{executionHandle{client: c, id: id, runID: runID, ask: func(ctx context.Context) (*executionOutcome, error) {
		out, err := c.outbound.PollNexusOperationResult(header.WithoutFields(ctx), &ClientPollNexusOperationResultInput{
			OperationID: id,
			RunID:       runID,
			payloadsOf:  payloadsOf,
		})
		if err != nil {
			return nil, err
		}
		return &executionOutcome{result: out.Result, err: out.Error}, nil
	}}}
}

func (h *nexusOperationHandle) Describe(ctx context.Context, _ DescribeNexusOperationOptions) (*NexusOperationExecutionDescription, error) {
	out, err := h.client.outbound.DescribeNexusOperation(header.WithoutFields(ctx), &ClientDescribeNexusOperationInput{
		OperationID: h.id,
		RunID:       h.runID,
	})
	if err != nil {
		return nil, err
	}
	return out.Description, nil
}

func (o outbound) DescribeNexusOperation(ctx context.Context, in *ClientDescribeNexusOperationInput) (*ClientDescribeNexusOperationOutput, error) {
	response, err := o.service.DescribeNexusOperationExecution(ctx, &workflowservice.DescribeNexusOperationExecutionRequest{
		Namespace:   o.namespace,
		OperationId: in.OperationID,
		RunId:       in.RunID,
	})
	if err != nil {
		return nil, err
	}
	info := response.GetInfo()
	if info == nil {
		return nil, errors.New("the description of the Nexus operation has no info")
	}
	fc := converter.WithFailureConverterSerializationContext(o.failureConverter, converter.NexusSerializationContext{
		Endpoint:  info.GetEndpoint(),
		Service:   info.GetService(),
		Operation: info.GetOperation(),
	})
	description := &NexusOperationExecutionDescription{
		ClientNexusOperationMetadata: ClientNexusOperationMetadata{
			OperationID:          info.GetOperationId(),
			OperationRunID:       info.GetRunId(),
			Endpoint:             info.GetEndpoint(),
			Service:              info.GetService(),
			Operation:            info.GetOperation(),
			ScheduledTime:        info.GetScheduleTime().AsTime(),
			CloseTime:            info.GetCloseTime().AsTime(),
			Status:               info.GetStatus(),
			SearchAttributes:     searchattr.Decode(o.logger, info.GetSearchAttributes()),
			StateTransitionCount: info.GetStateTransitionCount(),
			ExecutionDuration:    info.GetExecutionDuration().AsDuration(),
		},
		RawInfo:                 info,
		State:                   info.GetState(),
		ScheduleToCloseTimeout:  info.GetScheduleToCloseTimeout().AsDuration(),
		ScheduleToStartTimeout:  info.GetScheduleToStartTimeout().AsDuration(),
		StartToCloseTimeout:     info.GetStartToCloseTimeout().AsDuration(),
		Attempt:                 info.GetAttempt(),
		ExpirationTime:          info.GetExpirationTime().AsTime(),
		LastAttemptCompleteTime: info.GetLastAttemptCompleteTime().AsTime(),
		NextAttemptScheduleTime: info.GetNextAttemptScheduleTime().AsTime(),
		LastAttemptFailure:      info.GetLastAttemptFailure(),
		BlockedReason:           info.GetBlockedReason(),
		OperationToken:          info.GetOperationToken(),
		Identity:                info.GetIdentity(),
		dc:                      o.converterIn(ctx),
		fc:                      fc,
	}
	if cancellation := info.GetCancellationInfo(); cancellation != nil {
		description.CancellationInfo = &NexusOperationCancellationInfo{
			RawInfo:                 cancellation,
			RequestedTime:           cancellation.GetRequestedTime().AsTime(),
			State:                   cancellation.GetState(),
			Attempt:                 cancellation.GetAttempt(),
			LastAttemptCompleteTime: cancellation.GetLastAttemptCompleteTime().AsTime(),
			NextAttemptScheduleTime: cancellation.GetNextAttemptScheduleTime().AsTime(),
			BlockedReason:           cancellation.GetBlockedReason(),
			Reason:                  cancellation.GetReason(),
			fc:                      fc,
		}
	}
	return &ClientDescribeNexusOperationOutput{Description: description}, nil
}

func (h *nexusOperationHandle) Cancel(ctx context.Context, options CancelNexusOperationOptions) error {
	return h.client.outbound.CancelNexusOperation(header.WithoutFields(ctx), &ClientCancelNexusOperationInput{
		OperationID: h.id,
		RunID:       h.runID,
		Reason:      options.Reason,
	})
}

func (o outbound) CancelNexusOperation(ctx context.Context, in *ClientCancelNexusOperationInput) error {
	_, err := o.service.RequestCancelNexusOperationExecution(ctx, &workflowservice.RequestCancelNexusOperationExecutionRequest{
		Namespace:   o.namespace,
		OperationId: in.OperationID,
		RunId:       in.RunID,
		Identity:    o.identity,
		RequestId:   uuid.NewString(),
		Reason:      in.Reason,
	})
	return err
}

func (h *nexusOperationHandle) Terminate(ctx context.Context, options TerminateNexusOperationOptions) error {
	return h.client.outbound.TerminateNexusOperation(header.WithoutFields(ctx), &ClientTerminateNexusOperationInput{
		OperationID: h.id,
		RunID:       h.runID,
		Reason:      options.Reason,
	})
}

func (o outbound) TerminateNexusOperation(ctx context.Context, in *ClientTerminateNexusOperationInput) error {
	_, err := o.service.TerminateNexusOperationExecution(ctx, &workflowservice.TerminateNexusOperationExecutionRequest{
		Namespace:   o.namespace,
		OperationId: in.OperationID,
		RunId:       in.RunID,
		Identity:    o.identity,
		RequestId:   uuid.NewString(),
		Reason:      in.Reason,
	})
	return err
}
