package client

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/google/uuid"
	"github.com/nexus-rpc/sdk-go/nexus"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/searchattr"
)

type nexusClient struct {
	client   *Client
	endpoint string
	service  string
}

// NewNexusClient returns a client for the operations of a service. It does not ask the
// server whether it exists.
func (c *Client) NewNexusClient(options NexusClientOptions) (NexusClient, error) {
	switch {
	case options.Endpoint == "":
		return nil, errors.New("endpoint is required")
	case options.Service == "":
		return nil, errors.New("service is required")
	}
	return &nexusClient{client: c, endpoint: options.Endpoint, service: options.Service}, nil
}

func (n *nexusClient) ExecuteOperation(ctx context.Context, operation, input any, options StartNexusOperationOptions) (NexusOperationHandle, error) {
	name, err := operationName(operation, input)
	if err != nil {
		return nil, err
	}
	return n.client.outbound.ExecuteNexusOperation(n.client.outgoing(ctx), &ClientExecuteNexusOperationInput{
		Options:       &options,
		Endpoint:      n.endpoint,
		Service:       n.service,
		OperationType: name,
		Input:         input,
		NexusHeader:   nexus.Header{},
	})
}

// operationName returns the name of operation, a name or a reference, and fails if input is
// not what it takes.
func operationName(operation, input any) (string, error) {
	switch operation := operation.(type) {
	case string:
		if operation == "" {
			return "", errors.New("operation name must not be empty")
		}
		return operation, nil
	case interface {
		Name() string
		InputType() reflect.Type
	}:
		given := reflect.TypeOf(input)
		if given != nil && !given.AssignableTo(operation.InputType()) {
			return "", fmt.Errorf("cannot assign argument of type %q to type %q for operation %q",
				given, operation.InputType(), operation.Name())
		}
		return operation.Name(), nil
	default:
		return "", errors.New("invalid 'operation' parameter, must be an OperationReference or a string")
	}
}

func (o outbound) ExecuteNexusOperation(ctx context.Context, in *ClientExecuteNexusOperationInput) (NexusOperationHandle, error) {
	options := in.Options
	switch {
	case options.ID == "":
		return nil, errors.New("operation ID is required")
	case options.ScheduleToCloseTimeout < 0:
		return nil, errors.New("ScheduleToCloseTimeout must not be negative")
	}
	payloadsOf := converter.NexusSerializationContext{
		Endpoint:  in.Endpoint,
		Service:   in.Service,
		Operation: in.OperationType,
	}
	input, err := o.converterFor(ctx, payloadsOf).ToPayload(in.Input)
	if err != nil {
		return nil, err
	}
	attributes, err := searchattr.EncodeForStart(nil, options.SearchAttributes)
	if err != nil {
		return nil, err
	}
	// The summary stays with the caller, unlike the input.
	metadata, err := encoded.UserMetadata(options.Summary, "", o.converterIn(ctx))
	if err != nil {
		return nil, err
	}
	response, err := o.service.StartNexusOperationExecution(ctx, &workflowservice.StartNexusOperationExecutionRequest{
		Namespace:              o.namespace,
		Identity:               o.identity,
		RequestId:              uuid.NewString(),
		OperationId:            options.ID,
		Endpoint:               in.Endpoint,
		Service:                in.Service,
		Operation:              in.OperationType,
		ScheduleToCloseTimeout: positive(options.ScheduleToCloseTimeout),
		ScheduleToStartTimeout: positive(options.ScheduleToStartTimeout),
		StartToCloseTimeout:    positive(options.StartToCloseTimeout),
		Input:                  input,
		IdReusePolicy:          options.IDReusePolicy,
		IdConflictPolicy:       options.IDConflictPolicy,
		SearchAttributes:       attributes,
		NexusHeader:            in.NexusHeader,
		UserMetadata:           metadata,
	})
	if err != nil {
		return nil, err
	}
	return newNexusOperationHandle(o.Client, options.ID, response.GetRunId(), &payloadsOf), nil
}

// positive returns d as the API has it, or nil for none.
func positive(d time.Duration) *durationpb.Duration {
	if d <= 0 {
		return nil
	}
	return durationpb.New(d)
}

// GetNexusOperationHandle returns the handle of an operation, without asking the server
// whether it exists.
func (c *Client) GetNexusOperationHandle(options GetNexusOperationHandleOptions) NexusOperationHandle {
	in := ClientGetNexusOperationHandleInput(options)
	return c.outbound.GetNexusOperationHandle(&in)
}

func (o outbound) GetNexusOperationHandle(in *ClientGetNexusOperationHandleInput) NexusOperationHandle {
	return newNexusOperationHandle(o.Client, in.OperationID, in.RunID, nil)
}

// ListNexusOperations lists operations that were started without a workflow.
func (c *Client) ListNexusOperations(ctx context.Context, options ListNexusOperationsOptions) (ListNexusOperationsResult, error) {
	fetch := func(token []byte) ([]*nexuspb.NexusOperationExecutionListInfo, []byte, error) {
		response, err := c.service.ListNexusOperationExecutions(ctx, &workflowservice.ListNexusOperationExecutionsRequest{
			Namespace:     c.namespace,
			Query:         options.Query,
			NextPageToken: token,
		})
		return response.GetOperations(), response.GetNextPageToken(), err
	}
	return ListNexusOperationsResult{Results: sequence(fetch, func(p *nexuspb.NexusOperationExecutionListInfo) *ClientNexusOperationMetadata {
		return &ClientNexusOperationMetadata{
			RawExecutionListInfo: p,
			OperationID:          p.GetOperationId(),
			OperationRunID:       p.GetRunId(),
			Endpoint:             p.GetEndpoint(),
			Service:              p.GetService(),
			Operation:            p.GetOperation(),
			ScheduledTime:        p.GetScheduleTime().AsTime(),
			CloseTime:            p.GetCloseTime().AsTime(),
			Status:               p.GetStatus(),
			SearchAttributes:     searchattr.Decode(c.logger, p.GetSearchAttributes()),
			StateTransitionCount: p.GetStateTransitionCount(),
			ExecutionDuration:    p.GetExecutionDuration().AsDuration(),
		}
	})}, nil
}

// CountNexusOperations counts operations that were started without a workflow.
func (c *Client) CountNexusOperations(ctx context.Context, options CountNexusOperationsOptions) (*CountNexusOperationsResult, error) {
	response, err := c.service.CountNexusOperationExecutions(ctx, &workflowservice.CountNexusOperationExecutionsRequest{
		Namespace: c.namespace,
		Query:     options.Query,
	})
	if err != nil {
		return nil, err
	}
	result := &CountNexusOperationsResult{
		Count:  response.GetCount(),
		Groups: make([]CountNexusOperationsAggregationGroup, 0, len(response.GetGroups())),
	}
	for _, group := range response.GetGroups() {
		result.Groups = append(result.Groups, CountNexusOperationsAggregationGroup{
			GroupValues: groupValues(group.GetGroupValues()),
			Count:       group.GetCount(),
		})
	}
	return result, nil
}

// PollNexusOperationResult waits for the outcome. The server ends waits that take long,
// which is not an outcome.
func (o outbound) PollNexusOperationResult(ctx context.Context, in *ClientPollNexusOperationResultInput) (*ClientPollNexusOperationResultOutput, error) {
	for {
		response, err := o.service.PollNexusOperationExecution(ctx, &workflowservice.PollNexusOperationExecutionRequest{
			Namespace:   o.namespace,
			OperationId: in.OperationID,
			RunId:       in.RunID,
			WaitStage:   enumspb.NEXUS_OPERATION_WAIT_STAGE_CLOSED,
		})
		if err != nil {
			return nil, err
		}
		dc, fc := o.converterIn(ctx), o.failureConverter
		if in.payloadsOf != nil {
			dc = converter.WithDataConverterSerializationContext(dc, *in.payloadsOf)
			fc = converter.WithFailureConverterSerializationContext(fc, *in.payloadsOf)
		}
		switch outcome := response.GetOutcome().(type) {
		case nil:
			continue
		case *workflowservice.PollNexusOperationExecutionResponse_Result:
			result := &commonpb.Payloads{Payloads: []*commonpb.Payload{outcome.Result}}
			return &ClientPollNexusOperationResultOutput{Result: encoded.NewValue(result, dc)}, nil
		case *workflowservice.PollNexusOperationExecutionResponse_Failure:
			return &ClientPollNexusOperationResultOutput{Error: fc.FailureToError(outcome.Failure)}, nil
		default:
			return nil, fmt.Errorf("unexpected nexus operation outcome type: %T", outcome)
		}
	}
}
