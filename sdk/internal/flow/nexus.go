package flow

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"
	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/internal/replay"
)

// NexusOperationCancellationType says what a workflow waits for when it cancels the
// context of a Nexus operation.
type NexusOperationCancellationType int

const (
	// NexusOperationCancellationTypeUnspecified is
	// NexusOperationCancellationTypeWaitCompleted.
	NexusOperationCancellationTypeUnspecified NexusOperationCancellationType = iota
	// NexusOperationCancellationTypeAbandon does not ask for cancellation: the futures
	// fail at once, and the operation goes on.
	NexusOperationCancellationTypeAbandon
	// NexusOperationCancellationTypeTryCancel asks for cancellation and waits for
	// nothing. If the workflow ends right after, the handler may never learn of it.
	NexusOperationCancellationTypeTryCancel
	// NexusOperationCancellationTypeWaitRequested asks for cancellation and waits until
	// the handler has been told.
	NexusOperationCancellationTypeWaitRequested
	// NexusOperationCancellationTypeWaitCompleted asks for cancellation and waits for the
	// end of the operation, whichever it is. It is the default.
	NexusOperationCancellationTypeWaitCompleted
)

// NexusOperationOptions say how a Nexus operation is to be carried out. All are optional.
type NexusOperationOptions struct {
	// ScheduleToCloseTimeout bounds the operation as a whole. The default is the longest
	// that the server allows.
	ScheduleToCloseTimeout time.Duration
	// ScheduleToStartTimeout bounds the time until the handler has started the operation,
	// or completed it. No limit by default.
	ScheduleToStartTimeout time.Duration
	// StartToCloseTimeout bounds an asynchronous operation from its start. No limit by
	// default.
	StartToCloseTimeout time.Duration
	// CancellationType says what to wait for when the context is cancelled.
	CancellationType NexusOperationCancellationType
	// Summary is a line for people to read in the UI.
	Summary string
}

// NexusOperationExecution is the value of NexusOperationFuture.GetNexusOperationExecution.
type NexusOperationExecution struct {
	// OperationToken names the operation to its handler. It is empty for an operation that
	// was completed at once.
	OperationToken string
}

// NexusOperationFuture is the result of a Nexus operation.
type NexusOperationFuture interface {
	Future
	// GetNexusOperationExecution is ready when the operation was started; its value is a
	// NexusOperationExecution. If the operation was completed at once it is ready together
	// with the result, and if it failed it has the same error.
	GetNexusOperationExecution() Future
}

// NexusClient calls the operations of a Nexus service, at an endpoint.
type NexusClient interface {
	// Endpoint is the name of the endpoint.
	Endpoint() string
	// Service is the name of the service.
	Service() string
	// ExecuteOperation asks for an operation: a nexus.OperationReference, such as an
	// operation itself, or a name. Its future fails with a NexusOperationError.
	ExecuteOperation(ctx Context, operation any, input any, options NexusOperationOptions) NexusOperationFuture
}

// ExecuteNexusOperationInput is the input of
// WorkflowOutboundInterceptor.ExecuteNexusOperation.
type ExecuteNexusOperationInput struct {
	// Client is what the operation was asked of.
	Client NexusClient
	// Operation is a name or a nexus.OperationReference.
	Operation any
	// Input for the operation, not yet encoded.
	Input any
	// Options that workflow code gave.
	Options NexusOperationOptions
	// NexusHeader is sent along. It is never nil. It is not encoded by data converters.
	NexusHeader nexus.Header
}

// RequestCancelNexusOperationInput is the input of
// WorkflowOutboundInterceptor.RequestCancelNexusOperation.
type RequestCancelNexusOperationInput struct {
	// Client is what the operation was asked of.
	Client NexusClient
	// Operation is a name or a nexus.OperationReference.
	Operation any
	// Token of the operation, empty if it has not been started.
	Token string

	call *nexusCall
}

type nexusClient struct{ endpoint, service string }

// NewNexusClient returns a client for a service at an endpoint. It panics if either has
// no name, or one that is reserved.
func NewNexusClient(endpoint, service string) NexusClient {
	for _, name := range [...]struct{ what, value string }{{"endpoint", endpoint}, {"service", service}} {
		if name.value == "" {
			panic(name.what + " must not be empty")
		}
		if strings.HasPrefix(name.value, registry.ReservedPrefix) {
			panic(name.what + " cannot use reserved " + registry.ReservedPrefix + " prefix")
		}
	}
	return nexusClient{endpoint, service}
}

func (c nexusClient) Endpoint() string { return c.endpoint }

func (c nexusClient) Service() string { return c.service }

func (c nexusClient) ExecuteOperation(ctx Context, operation any, input any, options NexusOperationOptions) NexusOperationFuture {
	return mutableCalls(ctx).ExecuteNexusOperation(ctx, ExecuteNexusOperationInput{
		Client: c, Operation: operation, Input: input, Options: options, NexusHeader: nexus.Header{},
	})
}

// nexusFuture implements NexusOperationFuture.
type nexusFuture struct {
	*future
	execution *future
}

func (f *nexusFuture) GetNexusOperationExecution() Future { return f.execution }

func (f *nexusFuture) fail(err error) {
	if !f.execution.ready {
		f.execution.Set(nil, err)
	}
	f.Set(nil, err)
}

// nexusCall is a Nexus operation whose futures wait.
type nexusCall struct {
	run       *run
	future    *nexusFuture
	operation *replay.NexusOperation
	failures  FailureConverter
	token     string
	hook      *cancelHook
	// cancelled says that the operation is to be cancelled once it was started.
	cancelled bool
}

func (o outbound) ExecuteNexusOperation(ctx Context, input ExecuteNexusOperationInput) NexusOperationFuture {
	r := o.mutable()
	f := &nexusFuture{future: &future{}, execution: &future{}}
	if err := ctx.Err(); err != nil {
		f.fail(err)
		return f
	}
	name, err := nexusOperationName(input.Operation, input.Input)
	if err != nil {
		f.fail(err)
		return f
	}
	serialization := converter.NexusSerializationContext{Endpoint: input.Client.Endpoint(), Service: input.Client.Service(), Operation: name}
	f.converter = converterFor(ctx, serialization)
	payload, err := f.converter.ToPayload(input.Input)
	if err != nil {
		f.fail(err)
		return f
	}
	metadata, err := encoded.UserMetadata(input.Options.Summary, "", r.converter)
	if err != nil {
		f.fail(err)
		return f
	}
	c := &nexusCall{run: r, future: f, failures: converter.WithFailureConverterSerializationContext(r.rootFailures, serialization)}
	c.operation = r.machine.ScheduleNexusOperation(&commandpb.ScheduleNexusOperationCommandAttributes{
		Endpoint:               serialization.Endpoint,
		Service:                serialization.Service,
		Operation:              name,
		Input:                  payload,
		ScheduleToCloseTimeout: durationpb.New(input.Options.ScheduleToCloseTimeout),
		ScheduleToStartTimeout: durationpb.New(input.Options.ScheduleToStartTimeout),
		StartToCloseTimeout:    durationpb.New(input.Options.StartToCloseTimeout),
		NexusHeader:            input.NexusHeader,
	}, metadata, nexusCancellation(input.Options.CancellationType), replay.NexusCallbacks{Started: c.started, Closed: c.closed})
	c.hook = onCancel(ctx, func() { c.cancel(ctx, input) })
	c.hook.arm()
	return f
}

// nexusOperationName is the name of an operation, which must take what input is.
func nexusOperationName(operation, input any) (string, error) {
	switch o := operation.(type) {
	case string:
		return o, nil
	case interface {
		Name() string
		InputType() reflect.Type
	}:
		if typ := reflect.TypeOf(input); typ != nil && !typ.AssignableTo(o.InputType()) {
			return "", fmt.Errorf("cannot assign argument of type %q to type %q for operation %q", typ, o.InputType(), o.Name())
		}
		return o.Name(), nil
	}
	return "", errors.New("invalid 'operation' parameter, must be an OperationReference or a string")
}

func nexusCancellation(t NexusOperationCancellationType) replay.NexusCancellation {
	switch t {
	case NexusOperationCancellationTypeTryCancel:
		return replay.NexusTryCancel
	case NexusOperationCancellationTypeWaitRequested:
		return replay.NexusWaitRequested
	default: // of those that ask for cancellation
		return replay.NexusWaitCompleted
	}
}

func (c *nexusCall) cancel(ctx Context, input ExecuteNexusOperationInput) {
	if c.future.ready {
		return
	}
	if input.Options.CancellationType == NexusOperationCancellationTypeAbandon {
		c.run.machine.AbandonNexusOperation(c.operation)
		c.future.fail(ErrCanceled)
		return
	}
	c.run.outbound.RequestCancelNexusOperation(ctx, RequestCancelNexusOperationInput{
		Client: input.Client, Operation: input.Operation, Token: c.token, call: c,
	})
}

func (o outbound) RequestCancelNexusOperation(_ Context, input RequestCancelNexusOperationInput) {
	c := input.call
	if o.run.options.NexusStartsFirst && !c.future.execution.ready {
		c.cancelled = true
		return
	}
	o.run.machine.CancelNexusOperation(c.operation)
}

// failure is the error of a result, nil if it completed.
func (c *nexusCall) failure(result replay.NexusResult) error {
	switch {
	case result.Closing == replay.Abandoned:
		return ErrCanceled
	case result.Failure != nil:
		return c.failures.FailureToError(result.Failure)
	}
	return nil
}

func (c *nexusCall) started(token string, result replay.NexusResult) {
	c.token = token
	c.future.execution.Set(NexusOperationExecution{OperationToken: token}, c.failure(result))
	if c.cancelled {
		c.run.machine.CancelNexusOperation(c.operation)
	}
}

func (c *nexusCall) closed(result replay.NexusResult) {
	c.hook.remove()
	if err := c.failure(result); err != nil {
		c.future.Set(nil, err)
		return
	}
	var payloads *commonpb.Payloads
	if result.Result != nil {
		payloads = &commonpb.Payloads{Payloads: []*commonpb.Payload{result.Result}}
	}
	c.future.setPayloads(payloads, nil)
}
