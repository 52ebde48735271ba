package flow

import (
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	querypb "go.temporal.io/api/query/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/registry"
)

// The queries that every workflow answers.
const (
	QueryTypeStackTrace       = "__stack_trace"
	QueryTypeOpenSessions     = "__open_sessions"
	QueryTypeWorkflowMetadata = "__temporal_workflow_metadata"
)

// QueryHandlerOptions say what people see of a query.
type QueryHandlerOptions struct {
	// Description is for people to read in the UI.
	Description string
}

type queryHandler struct {
	function  *registry.Function
	converter DataConverter
	options   QueryHandlerOptions
}

// SetQueryHandler sets what answers queries of a type. handler takes the
// query's arguments and returns a value and an error. It only looks at the
// workflow's state: it must not change it, nor call anything that blocks or
// takes a Context.
func SetQueryHandler(ctx Context, queryType string, handler any) error {
	return mutableCalls(ctx).SetQueryHandler(ctx, queryType, handler)
}

// SetQueryHandlerWithOptions is SetQueryHandler with options.
func SetQueryHandlerWithOptions(ctx Context, queryType string, handler any, options QueryHandlerOptions) error {
	return mutableCalls(ctx).SetQueryHandlerWithOptions(ctx, queryType, handler, options)
}

func (o outbound) SetQueryHandler(ctx Context, queryType string, handler any) error {
	return o.SetQueryHandlerWithOptions(ctx, queryType, handler, QueryHandlerOptions{})
}

func (o outbound) SetQueryHandlerWithOptions(ctx Context, queryType string, handler any, options QueryHandlerOptions) error {
	r := o.mutable()
	if strings.HasPrefix(queryType, "__") && !strings.HasPrefix(queryType, streamPrefix) {
		return errors.New("queryType starts with '__' is reserved for internal use")
	}
	typ := reflect.TypeOf(handler)
	if typ == nil || typ.Kind() != reflect.Func {
		return fmt.Errorf("handler must be function but was %v", typ)
	}
	if typ.NumOut() != 2 {
		return fmt.Errorf("handler must return 2 values (serializable result and error), but found %d return values", typ.NumOut())
	}
	function, err := registry.NewFunction(queryType, handler, nil)
	if err != nil {
		return err
	}
	if r.queries == nil {
		r.queries = make(map[string]*queryHandler)
	}
	r.queries[queryType] = &queryHandler{function: function, converter: dataConverterOf(ctx), options: options}
	return nil
}

// Query answers a query on what the run has come to, outside of tasks; also after the
// run has ended or the instance was closed. It must not be called concurrently with
// the other methods.
func (i *Instance) Query(query *querypb.WorkflowQuery) (result *commonpb.Payloads, err error) {
	if i.run == nil || i.run.root == nil {
		return nil, errors.New("the workflow has not run yet: it can be queried from its first workflow task on")
	}
	if i.state.Load() != idle {
		return i.run.query(query)
	}
	if stuck := i.guard(func() { result, err = i.run.query(query) }); stuck != nil {
		return nil, stuck
	}
	return result, err
}

// query answers a query. Those for which workflow code has set a handler go
// through the interceptors.
func (r *run) query(query *querypb.WorkflowQuery) (*commonpb.Payloads, error) {
	queryType := query.GetQueryType()
	switch queryType {
	case QueryTypeStackTrace:
		return r.converter.ToPayloads(r.scheduler.Stacks())
	case QueryTypeOpenSessions:
		return r.converter.ToPayloads(r.openSessions())
	case QueryTypeWorkflowMetadata:
		// The UI reads it, so it must not be encrypted.
		payload, err := converter.GetDefaultDataConverter().ToPayload(r.metadata())
		if err != nil {
			return nil, err
		}
		return &commonpb.Payloads{Payloads: []*commonpb.Payload{payload}}, nil
	}
	handler, ok := r.queries[queryType]
	if !ok {
		known := append([]string{QueryTypeStackTrace, QueryTypeOpenSessions, QueryTypeWorkflowMetadata}, DeterministicKeys(r.queries)...)
		return nil, fmt.Errorf("unknown queryType %v. KnownQueryTypes=%v", queryType, known)
	}
	args, err := handler.function.DecodeArgs(handler.converter, query.GetQueryArgs())
	if err != nil {
		return nil, fmt.Errorf("unable to decode the input for queryType: %v, with error: %w", queryType, err)
	}
	result, err := r.answer(query.GetHeader(), &HandleQueryInput{QueryType: queryType, Args: args})
	if err != nil {
		return nil, err
	}
	return handler.converter.ToPayloads(result)
}

// answer calls the interceptors and the handler. Their panics are errors of the
// query.
func (r *run) answer(header *commonpb.Header, in *HandleQueryInput) (result any, err error) {
	r.readOnly = true
	defer func() {
		r.readOnly = false
		if p := recover(); p != nil {
			if p == illegalAccess {
				p = "query handler must not use temporal context to do things like workflow.NewChannel(), " +
					"workflow.Go() or to call any workflow blocking functions like Channel.Get() or Future.Get()"
			}
			result, err = nil, fmt.Errorf("query handler panic: %v, stack trace: %s", p, debug.Stack())
		}
	}()
	ctx := r.root
	if r.intercepted() {
		if ctx, err = r.incoming(ctx, header); err != nil {
			return nil, err
		}
	}
	return r.inbound.HandleQuery(ctx, in)
}

// HandleQuery implements WorkflowInboundInterceptor.
func (i inbound) HandleQuery(_ Context, in *HandleQueryInput) (any, error) {
	handler, ok := i.run.queries[in.QueryType]
	if !ok {
		return nil, fmt.Errorf("an interceptor asked for the query %q, for which the workflow has no handler", in.QueryType)
	}
	return handler.function.Call(nil, in.Args)
}
