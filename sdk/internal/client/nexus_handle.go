package client

import (
	"context"
	"errors"
	"sync"

	"github.com/google/uuid"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/header"
	"github.com/perdure/perdure/sdk/internal/searchattr"
)

type nexusOperationHandle struct {
	client *Client
	id     string
	runID  string
	// payloadsOf is nil for a handle that was made without starting the operation.
	payloadsOf *converter.NexusSerializationContext

	mu      sync.Mutex
	outcome *ClientPollNexusOperationResultOutput // nil while not known
}

func (h *nexusOperationHandle) GetID() string { return h.id }

func (h *nexusOperationHandle) GetRunID() string { return h.runID }

func (h *nexusOperationHandle) Get(ctx context.Context, valuePtr any) error {
	outcome, err := h.poll(ctx)
	switch {
	case err != nil:
		return err
	case outcome.Error != nil:
		return outcome.Error
	case valuePtr == nil:
		return nil
	}
	return outcome.Result.Get(valuePtr)
}

// poll returns the outcome, which it waits for once.
func (h *nexusOperationHandle) poll(ctx context.Context) (*ClientPollNexusOperationResultOutput, error) {
	h.mu.Lock()
	outcome := h.outcome
	h.mu.Unlock()
	if outcome != nil {
		return outcome, nil
	}
	for {
		outcome, err := h.client.outbound.PollNexusOperationResult(header.WithoutFields(ctx), &ClientPollNexusOperationResultInput{
			OperationID: h.id,
			RunID:       h.runID,
			payloadsOf:  h.payloadsOf,
		})
		if err != nil {
			return nil, err
		}
		// An interceptor may end the wait without an outcome.
		if outcome.Error == nil && outcome.Result == nil {
			continue
		}
		h.mu.Lock()
		h.outcome = outcome
		h.mu.Unlock()
		return outcome, nil
	}
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
