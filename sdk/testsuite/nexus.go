package testsuite

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"
	"github.com/stretchr/testify/mock"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/nexusop"
	"github.com/perdure/perdure/sdk/internal/testenv"
	"github.com/perdure/perdure/sdk/workflow"
)

// operationReference is what is known of an operation: nexus.Operation and
// nexus.OperationReference of all types have it.
type operationReference interface {
	Name() string
	InputType() reflect.Type
	OutputType() reflect.Type
}

type nexusKey struct{ service, operation, token string }

// nexusMocks is what an environment knows of Nexus operations.
type nexusMocks struct {
	mu sync.Mutex
	// operations are those that mocks were set up for, by service and name.
	operations map[nexusKey]operationReference
	// mocked are the tokens of operations that a mock has started.
	mocked map[nexusKey]bool
	// completions are how those end.
	completions map[nexusKey]testenv.NexusCompletion
	// options of the calls that workflows have made, by number.
	options []workflow.NexusOperationOptions

	startedListener func(service, operation string, input converter.EncodedValue)
}

// mockOptionsHeader says which of the kept options a call was made with. Handlers do not see it.
const mockOptionsHeader = "test-env-options"

func (m *nexusMocks) keepOptions(options workflow.NexusOperationOptions) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.options = append(m.options, options)
	return strconv.Itoa(len(m.options) - 1)
}

// takeOptions finds the options of a call, and takes the header away.
func (m *nexusMocks) takeOptions(header nexus.Header) workflow.NexusOperationOptions {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := strconv.Atoi(header.Get(mockOptionsHeader))
	delete(header, mockOptionsHeader)
	if err != nil || n < 0 || n >= len(m.options) {
		return workflow.NexusOperationOptions{}
	}
	return m.options[n]
}

// RegisterNexusService registers a Nexus service. The operations that workflows ask for run as
// with a worker, on other goroutines than workflow code; workflows that they start run in the
// test. It panics after OnNexusOperation and when the name is taken.
func (e *TestWorkflowEnvironment) RegisterNexusService(s *nexus.Service) {
	e.plugins.registrar(e.registry).RegisterNexusService(s)
}

// OnNexusOperation sets up a mock of a Nexus operation, for calls with the given input and
// options, either of which may be mock.Anything. service is a *nexus.Service or a name; operation
// is an operation, a nexus.OperationReference or, if the service has it, a name. The mock returns
// a nexus.HandlerStartOperationResult and an error:
//
//	env.OnNexusOperation("payments", charge, Order{ID: "7"}, mock.Anything).Return(
//		&nexus.HandlerStartOperationResultSync[Receipt]{Value: Receipt{}}, nil)
//
// One that returns a *nexus.HandlerStartOperationResultAsync has started the operation:
// RegisterNexusAsyncOperationCompletion says how it ends.
func (e *TestWorkflowEnvironment) OnNexusOperation(service any, operation any, input any, options any) *MockCallWrapper {
	s := e.nexusService(service)
	reference := nexusReference(s, operation)
	if input != mock.Anything && reference.InputType() != reflect.TypeOf(input) {
		panic(fmt.Sprintf("operation %q expects input type %s, got %T", reference.Name(), reference.InputType(), input))
	}
	if options != mock.Anything {
		if _, ok := options.(workflow.NexusOperationOptions); !ok {
			panic(fmt.Sprintf("options must be an instance of NexusOperationOptions or mock.Anything, got %T", options))
		}
	}
	e.nexus.mu.Lock()
	defer e.nexus.mu.Unlock()
	if e.nexus.operations == nil {
		e.nexus.operations = make(map[nexusKey]operationReference)
	}
	e.nexus.operations[nexusKey{service: s.Name, operation: reference.Name()}] = reference
	return e.wrap(e.nexusMock.On(s.Name, reference.Name(), input, options), takeTime)
}

func (e *TestWorkflowEnvironment) nexusService(service any) *nexus.Service {
	switch s := service.(type) {
	case *nexus.Service:
		if _, known := e.registry.NexusService(s.Name); !known {
			e.plugins.registrar(e.registry).RegisterNexusService(s)
		}
		return s
	case string:
		known, ok := e.registry.NexusService(s)
		if !ok {
			known = nexus.NewService(s)
			must(e.registry.RegisterNexusService(known))
		}
		return known
	}
	panic("service must be *nexus.Service or string")
}

// nexusReference is an operation, which the service has afterwards.
func nexusReference(s *nexus.Service, operation any) operationReference {
	switch o := operation.(type) {
	case operationReference:
		if s.Operation(o.Name()) == nil {
			must(s.Register(&mockOnlyOperation{operationReference: o}))
		}
		return o
	case string:
		if known, ok := s.Operation(o).(operationReference); ok {
			return known
		}
		panic(fmt.Sprintf("operation %q not registered in service %q", o, s.Name))
	}
	panic("operation must be nexus.RegisterableOperation, nexus.OperationReference, or string")
}

// mockOnlyOperation is an operation that has nothing but mocks.
type mockOnlyOperation struct {
	nexus.UnimplementedOperation[any, any]
	operationReference
}

func (o *mockOnlyOperation) Name() string             { return o.operationReference.Name() }
func (o *mockOnlyOperation) InputType() reflect.Type  { return o.operationReference.InputType() }
func (o *mockOnlyOperation) OutputType() reflect.Type { return o.operationReference.OutputType() }

// RegisterNexusAsyncOperationCompletion says how an operation ends that a mock has started with
// the token: with a result or an error, when delay has passed, in the workflow's time, since it was
// started. It fails if the operation is not mocked, or returns another type than result.
func (e *TestWorkflowEnvironment) RegisterNexusAsyncOperationCompletion(
	service string, operation string, token string, result any, err error, delay time.Duration,
) error {
	m := &e.nexus
	m.mu.Lock()
	defer m.mu.Unlock()
	reference := m.operations[nexusKey{service: service, operation: operation}]
	if reference == nil {
		return fmt.Errorf("nexus service %q operation %q not mocked", service, operation)
	}
	if reflect.TypeOf(result) != reference.OutputType() {
		return fmt.Errorf("nexus service %q operation %q expected result type %s, got %T", service, operation, reference.OutputType(), result)
	}
	completion := testenv.NexusCompletion{Err: err, Delay: delay}
	if result != nil {
		payload, err := e.engine.Options.DataConverter.ToPayload(result)
		if err != nil {
			return err
		}
		completion.Result = payload
	}
	if m.completions == nil {
		m.completions = make(map[nexusKey]testenv.NexusCompletion)
	}
	m.completions[nexusKey{service, operation, token}] = completion
	return nil
}

// nexusCompletion is how an operation that a mock has started ends. It is asked once.
func (e *TestWorkflowEnvironment) nexusCompletion(service, operation, token string) (testenv.NexusCompletion, bool) {
	m, key := &e.nexus, nexusKey{service, operation, token}
	m.mu.Lock()
	defer m.mu.Unlock()
	completion, ok := m.completions[key]
	if !ok || !m.mocked[key] {
		return testenv.NexusCompletion{}, false
	}
	delete(m.completions, key)
	return completion, true
}

// newNexusHandler makes the handler of all operations.
func (e *TestWorkflowEnvironment) newNexusHandler() (*nexusop.Handler, error) {
	o := &e.engine.Options
	c, err := client.NewLazyClient(client.Options{
		HostPort: "passthrough:///test", Namespace: o.Namespace, Logger: o.Logger,
		DataConverter: o.DataConverter, FailureConverter: o.FailureConverter, ContextPropagators: o.ContextPropagators,
		ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(
			func(ctx context.Context, _ string, request, reply any, _ *grpc.ClientConn, _ grpc.UnaryInvoker, _ ...grpc.CallOption) error {
				answer, err := e.engine.Serve(ctx, request.(proto.Message))
				if err != nil {
					return serviceerror.ToStatus(err).Err()
				}
				proto.Merge(reply.(proto.Message), answer)
				return nil
			})}},
	})
	if err != nil {
		return nil, err
	}
	var interceptors []nexusop.Interceptor
	for _, i := range e.workerSet.Interceptors {
		interceptors = append(interceptors, i)
	}
	return nexusop.NewHandler(nexusop.Options{
		Namespace: o.Namespace, TaskQueue: e.start.TaskQueue, Identity: o.Identity, Registry: e.registry,
		DataConverter: o.DataConverter, FailureConverter: o.FailureConverter, Logger: o.Logger, Metrics: o.Metrics,
		Client: c, Interceptors: interceptors,
		Wrap: func(next nexus.Handler) nexus.Handler { return &mockedNexus{Handler: next, env: e} },
	})
}

// mockedNexus calls the mock of an operation, if there is one, in place of it.
type mockedNexus struct {
	nexus.Handler
	env *TestWorkflowEnvironment
}

func (h *mockedNexus) StartOperation(ctx context.Context, service, operation string, input *nexus.LazyValue, options nexus.StartOperationOptions) (nexus.HandlerStartOperationResult[any], error) {
	called := h.env.nexus.takeOptions(options.Header)
	h.env.nexus.mu.Lock()
	reference := h.env.nexus.operations[nexusKey{service: service, operation: operation}]
	h.env.nexus.mu.Unlock()
	mocked := reference != nil
	s, known := h.env.registry.NexusService(service)
	if !known {
		return nil, fmt.Errorf("nexus service %q is not registered with the TestWorkflowEnvironment", service)
	}
	if !mocked {
		if reference, known = s.Operation(operation).(operationReference); !known {
			return nil, fmt.Errorf("nexus service %q operation %q not registered and not mocked", service, operation)
		}
	}
	// The input can be read once: what is read here is encoded again for the operation.
	value := reflect.New(reference.InputType())
	if err := input.Consume(value.Interface()); err != nil {
		return nil, err
	}
	payload, err := h.env.engine.Options.DataConverter.ToPayload(value.Elem().Interface())
	if err != nil {
		return nil, err
	}
	if listener := h.env.nexus.startedListener; listener != nil {
		encodedInput := encoded.NewValue(&commonpb.Payloads{Payloads: []*commonpb.Payload{payload}}, h.env.engine.Options.DataConverter)
		h.env.engine.Call(func() { listener(service, operation, encodedInput) })
	}
	if mocked {
		return h.mock(service, reference, value.Elem().Interface(), called)
	}
	again := nexus.NewLazyValue(nexusop.PayloadSerializer(h.env.engine.Options.DataConverter, payload), emptyReader())
	return h.Handler.StartOperation(ctx, service, operation, again, options)
}

func emptyReader() *nexus.Reader {
	return &nexus.Reader{ReadCloser: noCloser{strings.NewReader("")}}
}

type noCloser struct{ *strings.Reader }

func (noCloser) Close() error { return nil }

// mock calls the mock of an operation.
func (h *mockedNexus) mock(service string, reference operationReference, input any, options workflow.NexusOperationOptions) (nexus.HandlerStartOperationResult[any], error) {
	name := reference.Name()
	returned := h.env.nexusMock.MethodCalled(service, name, input, options)
	if len(returned) != 2 {
		panic(fmt.Sprintf("mock of ExecuteNexusOperation has incorrect number of return values, expected 2, got %d", len(returned)))
	}
	if returned[1] != nil {
		err, ok := returned[1].(error)
		if !ok {
			panic(fmt.Sprintf("mock of ExecuteNexusOperation has incorrect return type, expected error, got %T", returned[1]))
		}
		return nil, err
	}
	result, ok := returned[0].(nexus.HandlerStartOperationResult[any])
	if !ok {
		panic(fmt.Sprintf("mock of ExecuteNexusOperation has incorrect return type, expected nexus.HandlerStartOperationResult[T], but actual is %T", returned[0]))
	}
	if async, ok := result.(*nexus.HandlerStartOperationResultAsync); ok {
		h.env.nexus.mu.Lock()
		defer h.env.nexus.mu.Unlock()
		if h.env.nexus.mocked == nil {
			h.env.nexus.mocked = make(map[nexusKey]bool)
		}
		h.env.nexus.mocked[nexusKey{service, name, async.OperationToken}] = true
		return result, nil
	}
	if value := reflect.ValueOf(result).Elem().FieldByName("Value"); value.IsValid() && value.Type() != reference.OutputType() {
		panic(fmt.Sprintf("mock of ExecuteNexusOperation has incorrect return type, operation expects to return %s, got %s", reference.OutputType(), value.Type()))
	}
	return result, nil
}

func (h *mockedNexus) CancelOperation(ctx context.Context, service, operation, token string, options nexus.CancelOperationOptions) error {
	delete(options.Header, mockOptionsHeader)
	h.env.nexus.mu.Lock()
	mocked := h.env.nexus.mocked[nexusKey{service, operation, token}]
	h.env.nexus.mu.Unlock()
	if mocked {
		return nil // there is nothing behind it
	}
	return h.Handler.CancelOperation(ctx, service, operation, token, options)
}
