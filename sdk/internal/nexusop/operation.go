package nexusop

import (
	"context"

	"github.com/nexus-rpc/sdk-go/nexus"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/links"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/log"
)

// Info is about the Nexus operation that is being handled.
type Info struct {
	// Namespace and TaskQueue of the worker that handles it.
	Namespace string
	TaskQueue string
	// Endpoint that the operation was asked of. Servers before 1.30.0 do not tell.
	Endpoint string
}

// Operation is what belongs to one Nexus task.
type Operation struct {
	Info
	// Registry resolves the functions of workflows and activities to their names.
	Registry *registry.Registry

	serialization converter.NexusSerializationContext
	client        client.Client
	logger        log.Logger
	metrics       metrics.Handler
	links         *links.Exchange
}

type operationKey struct{}

// OperationOf is the operation that ctx belongs to; ok is false outside of one.
func OperationOf(ctx context.Context) (o *Operation, ok bool) {
	o, ok = ctx.Value(operationKey{}).(*Operation)
	return o, ok
}

type outboundKey struct{}

// Outbound is the chain of outbound calls. It panics outside of Nexus operations.
func Outbound(ctx context.Context) NexusOperationOutboundInterceptor {
	chain, ok := ctx.Value(outboundKey{}).(NexusOperationOutboundInterceptor)
	if !ok {
		panic("temporalnexus: Not a valid Nexus context")
	}
	return chain
}

// outbound is the end of the chain of outbound calls.
type outbound struct{}

func (outbound) mustEmbedNexusOperationOutboundInterceptorBase() {}

// operation panics outside of Nexus operations.
func operation(ctx context.Context) *Operation {
	o, ok := OperationOf(ctx)
	if !ok {
		panic("temporalnexus: Not a valid Nexus context")
	}
	return o
}

func (outbound) GetOperationInfo(ctx context.Context) Info { return operation(ctx).Info }

func (outbound) GetClient(ctx context.Context) client.Client { return operation(ctx).client }

func (outbound) GetLogger(ctx context.Context) log.Logger { return operation(ctx).logger }

func (outbound) GetMetricsHandler(ctx context.Context) metrics.Handler { return operation(ctx).metrics }

// inbound is the end of the chain of inbound calls: it enters the operation.
type inbound struct {
	handler  nexus.OperationHandler[any, any]
	outbound NexusOperationOutboundInterceptor
}

func (*inbound) mustEmbedNexusOperationInboundInterceptorBase() {}

func (i *inbound) Init(_ context.Context, outbound NexusOperationOutboundInterceptor) error {
	i.outbound = outbound
	return nil
}

func (i *inbound) StartOperation(ctx context.Context, input NexusStartOperationInput) (nexus.HandlerStartOperationResult[any], error) {
	return i.handler.Start(ctx, input.Input, input.Options)
}

func (i *inbound) CancelOperation(ctx context.Context, input NexusCancelOperationInput) error {
	return i.handler.Cancel(ctx, input.Token, input.Options)
}

// intercepted is an operation's handler behind its interceptors.
type intercepted struct {
	nexus.UnimplementedOperation[any, any]
	first NexusOperationInboundInterceptor
	last  *inbound
}

func (h *intercepted) Start(ctx context.Context, input any, options nexus.StartOperationOptions) (nexus.HandlerStartOperationResult[any], error) {
	return h.first.StartOperation(context.WithValue(ctx, outboundKey{}, h.last.outbound), NexusStartOperationInput{Input: input, Options: options})
}

func (h *intercepted) Cancel(ctx context.Context, token string, options nexus.CancelOperationOptions) error {
	return h.first.CancelOperation(context.WithValue(ctx, outboundKey{}, h.last.outbound), NexusCancelOperationInput{Token: token, Options: options})
}

// intercept puts interceptors before every operation, the first outermost.
func intercept(interceptors []Interceptor) nexus.MiddlewareFunc {
	return func(ctx context.Context, next nexus.OperationHandler[any, any]) (nexus.OperationHandler[any, any], error) {
		last := &inbound{handler: next}
		var first NexusOperationInboundInterceptor = last
		for n := len(interceptors) - 1; n >= 0; n-- {
			first = interceptors[n].InterceptNexusOperation(ctx, first)
		}
		if err := first.Init(ctx, outbound{}); err != nil {
			return nil, err
		}
		return &intercepted{first: first, last: last}, nil
	}
}
