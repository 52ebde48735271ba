package nexusop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nexus-rpc/sdk-go/nexus"
	nexuspb "go.temporal.io/api/nexus/v1"
	apinexus "go.temporal.io/api/temporalnexus"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/extstore"
	"github.com/perdure/perdure/sdk/internal/links"
	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/log"
)

// Options of a Handler.
type Options struct {
	// Namespace and TaskQueue of the worker, and its Identity, which goes into responses.
	Namespace, TaskQueue, Identity string
	// Registry has the services, and the names of functions. Required.
	Registry *registry.Registry
	// DataConverter, FailureConverter and Logger. Required.
	DataConverter    converter.DataConverter
	FailureConverter converter.FailureConverter
	Logger           log.Logger
	// Metrics may be nil.
	Metrics metrics.Handler
	// Client is what operations get.
	Client client.Client
	// Interceptors, the first outermost.
	Interceptors []Interceptor
	// Storage retrieves payloads of tasks, and stores those of outcomes that are large. Nil
	// for none.
	Storage *extstore.Storage
	// Context is the parent of all contexts of operations. Default context.Background().
	Context context.Context
	// Wrap, if set, is put around the handler of all services: a test environment answers
	// for operations that are mocked.
	Wrap func(nexus.Handler) nexus.Handler
}

// Handler handles Nexus tasks. It may be used concurrently.
type Handler struct {
	options Options
	handler nexus.Handler
}

// NewHandler returns a handler of the services in the registry, which takes no more of them.
func NewHandler(options Options) (*Handler, error) {
	services := nexus.NewServiceRegistry()
	for _, service := range options.Registry.SealNexusServices() {
		if err := services.Register(service); err != nil {
			return nil, fmt.Errorf("registering Nexus service %q: %w", service.Name, err)
		}
	}
	services.Use(intercept(options.Interceptors))
	handler, err := services.NewHandler()
	if err != nil {
		return nil, fmt.Errorf("making the handler of Nexus services: %w", err)
	}
	if options.Wrap != nil {
		handler = options.Wrap(handler)
	}
	if options.Context == nil {
		options.Context = context.Background()
	}
	options.Metrics = metrics.OrNop(options.Metrics)
	return &Handler{options: options, handler: handler}, nil
}

// ErrTimeout says that the time for a task was up: the caller does not wait for an answer.
var ErrTimeout = errors.New("nexus task timeout")

// Outcome is the answer to a Nexus task: Completed or Failed.
type Outcome struct {
	Completed *workflowservice.RespondNexusTaskCompletedRequest
	Failed    *workflowservice.RespondNexusTaskFailedRequest
	// FailureReason is for metrics: "" if the operation was started or cancelled well.
	FailureReason string
}

// task is a Nexus task while it is handled.
type task struct {
	*Handler
	poll      *workflowservice.PollNexusTaskQueueResponse
	operation *Operation
	converter converter.DataConverter
	failures  converter.FailureConverter
}

// MetricsOf is the metrics handler of a task, with its service and operation for tags.
func (h *Handler) MetricsOf(poll *workflowservice.PollNexusTaskQueueResponse) metrics.Handler {
	service, operation := names(poll.GetRequest())
	return h.options.Metrics.WithTags(metrics.NexusTags(service, operation, h.options.TaskQueue))
}

// Name is the service and the operation of a task, for people.
func (h *Handler) Name(poll *workflowservice.PollNexusTaskQueueResponse) string {
	service, operation := names(poll.GetRequest())
	return service + "." + operation
}

func names(request *nexuspb.Request) (service, operation string) {
	switch r := request.GetVariant().(type) {
	case *nexuspb.Request_StartOperation:
		return r.StartOperation.GetService(), r.StartOperation.GetOperation()
	case *nexuspb.Request_CancelOperation:
		return r.CancelOperation.GetService(), r.CancelOperation.GetOperation()
	}
	return "", ""
}

// Handle calls the operation. An error means that there is nothing to answer: ErrTimeout, or
// that the answer could not be put into words.
func (h *Handler) Handle(poll *workflowservice.PollNexusTaskQueueResponse) (*Outcome, error) {
	if err := h.options.Storage.Retrieve(h.options.Context, poll); err != nil {
		return h.unstored(poll, "retrieve Nexus operation input from external storage", err)
	}
	outcome, err := h.newTask(poll).handle()
	if err != nil {
		return nil, err
	}
	if err := h.store(outcome); err != nil {
		return h.unstored(poll, "store the outcome of a Nexus operation in external storage", err)
	}
	return outcome, nil
}

// store stores the large payloads of an outcome.
func (h *Handler) store(outcome *Outcome) error {
	if outcome.Failed != nil {
		return h.options.Storage.Store(h.options.Context, outcome.Failed, nil)
	}
	return h.options.Storage.Store(h.options.Context, outcome.Completed, nil)
}

// unstored fails a task whose payloads could not be stored or retrieved: it may be tried again.
func (h *Handler) unstored(poll *workflowservice.PollNexusTaskQueueResponse, doing string, err error) (*Outcome, error) {
	t := h.newTask(poll)
	t.operation.logger.Error("Payloads of a Nexus task could not be stored or retrieved: the task fails.", logtag.Error, err)
	return t.failed(&nexus.HandlerError{Type: nexus.HandlerErrorTypeInternal, Message: "failed to " + doing, Cause: err})
}

func (h *Handler) newTask(poll *workflowservice.PollNexusTaskQueueResponse) *task {
	service, name := names(poll.GetRequest())
	endpoint := poll.GetRequest().GetEndpoint()
	serialization := converter.NexusSerializationContext{Endpoint: endpoint, Service: service, Operation: name}
	return &task{
		Handler: h,
		poll:    poll,
		operation: &Operation{
			Info:          Info{Namespace: h.options.Namespace, TaskQueue: h.options.TaskQueue, Endpoint: endpoint},
			Registry:      h.options.Registry,
			serialization: serialization,
			client:        h.options.Client,
			logger:        log.With(h.options.Logger, logtag.NexusService, service, logtag.NexusOperation, name, logtag.TaskQueue, h.options.TaskQueue),
			metrics:       h.MetricsOf(poll),
			links:         &links.Exchange{},
		},
		converter: converter.WithDataConverterSerializationContext(h.options.DataConverter, serialization),
		failures:  converter.WithFailureConverterSerializationContext(h.options.FailureConverter, serialization),
	}
}

func (t *task) handle() (*Outcome, error) {
	header := nexus.Header{}
	for key, value := range t.poll.GetRequest().GetHeader() {
		header[strings.ToLower(key)] = value // as nexus.Header wants them
	}
	ctx := context.WithValue(t.options.Context, operationKey{}, t.operation)
	if text := header.Get(nexus.HeaderRequestTimeout); text != "" {
		timeout, err := time.ParseDuration(text)
		if err != nil {
			return t.failed(nexus.NewHandlerErrorf(nexus.HandlerErrorTypeBadRequest, "cannot parse request timeout"))
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	service, name := names(t.poll.GetRequest())
	ctx = nexus.WithHandlerContext(ctx, nexus.HandlerInfo{Service: service, Operation: name, Header: header})
	switch request := t.poll.GetRequest().GetVariant().(type) {
	case *nexuspb.Request_StartOperation:
		return t.start(ctx, request.StartOperation, header)
	case *nexuspb.Request_CancelOperation:
		return t.cancel(ctx, request.CancelOperation, header)
	}
	return t.failed(nexus.NewHandlerErrorf(nexus.HandlerErrorTypeNotImplemented, "unknown request type"))
}

func (t *task) start(ctx context.Context, request *nexuspb.StartOperationRequest, header nexus.Header) (*Outcome, error) {
	options := nexus.StartOperationOptions{
		RequestID:      request.GetRequestId(),
		CallbackURL:    request.GetCallback(),
		Header:         header,
		CallbackHeader: nexus.Header(request.GetCallbackHeader()),
	}
	if options.CallbackHeader == nil {
		options.CallbackHeader = nexus.Header{}
	}
	if options.RequestID == "" {
		options.RequestID = uuid.NewString() // older servers may not send one
	}
	for _, link := range request.GetLinks() {
		parsed, err := url.Parse(link.GetUrl())
		if err != nil {
			t.operation.logger.Error("Failed to parse link url", "LinkURL", link.GetUrl(), logtag.Error, err)
			return t.failed(nexus.NewHandlerErrorf(nexus.HandlerErrorTypeBadRequest, "failed to parse link url"))
		}
		options.Links = append(options.Links, nexus.Link{URL: parsed, Type: link.GetType()})
		if common, ok := apinexus.NexusLinkToCommonLink(link); ok {
			t.operation.links.Request = append(t.operation.links.Request, common)
		}
	}
	t.operation.links.RequestID = options.RequestID
	ctx = links.WithExchange(ctx, t.operation.links)
	input := nexus.NewLazyValue(PayloadSerializer(t.converter, request.GetPayload()),
		&nexus.Reader{ReadCloser: io.NopCloser(strings.NewReader(""))})
	var result nexus.HandlerStartOperationResult[any]
	err := t.call(func() (err error) {
		result, err = t.handler.StartOperation(ctx, request.GetService(), request.GetOperation(), input, options)
		return err
	})
	if ctx.Err() != nil {
		return nil, t.timedOut(ctx)
	}
	if err != nil {
		return t.operationFailed(err)
	}
	return t.started(ctx, result)
}

// started answers for an operation that was started, or completed at once.
func (t *task) started(ctx context.Context, result nexus.HandlerStartOperationResult[any]) (*Outcome, error) {
	var all []*nexuspb.Link
	for _, link := range nexus.HandlerLinks(ctx) {
		all = append(all, &nexuspb.Link{Url: link.URL.String(), Type: link.Type})
	}
	for _, link := range t.operation.links.Response() {
		if converted, ok := apinexus.CommonLinkToNexusLink(link); ok {
			all = append(all, converted)
		}
	}
	if async, ok := result.(*nexus.HandlerStartOperationResultAsync); ok {
		return t.completed(&nexuspb.StartOperationResponse{Variant: &nexuspb.StartOperationResponse_AsyncSuccess{
			AsyncSuccess: &nexuspb.StartOperationResponse_Async{OperationToken: async.OperationToken, Links: all},
		}}), nil
	}
	// The other kind of result is generic: its type depends on the operation.
	value := reflect.ValueOf(result)
	if value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	if value.Kind() != reflect.Struct || !value.FieldByName("Value").IsValid() {
		return t.failed(nexus.NewHandlerErrorf(nexus.HandlerErrorTypeInternal, "the handler returned neither a result nor an error"))
	}
	payload, err := t.converter.ToPayload(value.FieldByName("Value").Interface())
	if err != nil {
		t.operation.logger.Error("Cannot convert Nexus sync result", logtag.Error, err)
		return t.failed(nexus.NewHandlerErrorf(nexus.HandlerErrorTypeInternal, "cannot convert nexus sync result: %v", err))
	}
	return t.completed(&nexuspb.StartOperationResponse{Variant: &nexuspb.StartOperationResponse_SyncSuccess{
		SyncSuccess: &nexuspb.StartOperationResponse_Sync{Payload: payload, Links: all},
	}}), nil
}

func (t *task) cancel(ctx context.Context, request *nexuspb.CancelOperationRequest, header nexus.Header) (*Outcome, error) {
	token := request.GetOperationToken()
	if token == "" {
		//lint:ignore SA1019 older servers send it here
		token = request.GetOperationId()
	}
	err := t.call(func() error {
		return t.handler.CancelOperation(ctx, request.GetService(), request.GetOperation(), token, nexus.CancelOperationOptions{Header: header})
	})
	if ctx.Err() != nil {
		return nil, t.timedOut(ctx)
	}
	if err != nil {
		return t.failed(handlerError(err))
	}
	return t.respond(&nexuspb.Response{Variant: &nexuspb.Response_CancelOperation{CancelOperation: &nexuspb.CancelOperationResponse{}}}), nil
}

// call calls an operation. A panic is an error.
func (t *task) call(f func() error) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			if err != nil {
				t.operation.logger.Error("Handler returned error while processing Nexus task", logtag.Error, err)
			}
			return
		}
		var ok bool
		if err, ok = p.(error); !ok {
			err = fmt.Errorf("panic: %v", p)
		}
		t.operation.logger.Error("Panic captured while handling Nexus task", logtag.StackTrace, string(debug.Stack()), logtag.Error, err)
	}()
	return f()
}

func (t *task) timedOut(ctx context.Context) error {
	t.operation.logger.Error("Context error while processing Nexus task", logtag.Error, ctx.Err())
	return ErrTimeout
}
