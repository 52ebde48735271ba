package flow

import (
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	sdkpb "go.temporal.io/api/sdk/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/registry"
)

// The queries that every workflow answers.
const (
	QueryTypeStackTrace       = "__stack_trace"
	QueryTypeOpenSessions     = "__open_sessions"
	QueryTypeWorkflowMetadata = "__temporal_workflow_metadata"
)

// QueryHandlerOptions are options of a query handler.
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
	return SetQueryHandlerWithOptions(ctx, queryType, handler, QueryHandlerOptions{})
}

// SetQueryHandlerWithOptions is SetQueryHandler with options.
func SetQueryHandlerWithOptions(ctx Context, queryType string, handler any, options QueryHandlerOptions) error {
	r := enterMutable(ctx).run
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

// query answers a query.
func (r *run) query(queryType string, args *commonpb.Payloads) (*commonpb.Payloads, error) {
	switch queryType {
	case QueryTypeStackTrace:
		return r.converter.ToPayloads(r.scheduler.Stacks())
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
		known := append([]string{QueryTypeStackTrace, QueryTypeWorkflowMetadata}, DeterministicKeys(r.queries)...)
		return nil, fmt.Errorf("unknown queryType %v. KnownQueryTypes=%v", queryType, known)
	}
	values, err := handler.function.DecodeArgs(handler.converter, args)
	if err != nil {
		return nil, fmt.Errorf("unable to decode the input for queryType: %v, with error: %w", queryType, err)
	}
	result, err := r.answer(handler, values)
	if err != nil {
		return nil, err
	}
	return handler.converter.ToPayloads(result)
}

// answer calls a handler. Its panics are errors of the query.
func (r *run) answer(handler *queryHandler, args []any) (result any, err error) {
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
	return handler.function.Call(nil, args)
}

// GetCurrentDetails returns what SetCurrentDetails set.
func GetCurrentDetails(ctx Context) string { return runOf(ctx).currentDetails }

// SetCurrentDetails sets a text, in Markdown, that the UI shows of the
// workflow as long as it can be queried.
func SetCurrentDetails(ctx Context, details string) { runOf(ctx).currentDetails = details }

// metadata tells the UI what the workflow can be asked and sent.
func (r *run) metadata() *sdkpb.WorkflowMetadata {
	definition := &sdkpb.WorkflowDefinition{
		Type: r.info.WorkflowType.Name,
		QueryDefinitions: []*sdkpb.WorkflowInteractionDefinition{
			{Name: QueryTypeStackTrace, Description: "Current stack trace"},
			{Name: QueryTypeWorkflowMetadata, Description: "Metadata about the workflow"},
		},
	}
	for name, handler := range r.queries {
		definition.QueryDefinitions = append(definition.QueryDefinitions,
			&sdkpb.WorkflowInteractionDefinition{Name: name, Description: handler.options.Description})
	}
	for name, options := range r.signalOptions {
		definition.SignalDefinitions = append(definition.SignalDefinitions,
			&sdkpb.WorkflowInteractionDefinition{Name: name, Description: options.Description})
	}
	byName := func(a, b *sdkpb.WorkflowInteractionDefinition) int { return strings.Compare(a.GetName(), b.GetName()) }
	slices.SortFunc(definition.QueryDefinitions, byName)
	slices.SortFunc(definition.SignalDefinitions, byName)
	return &sdkpb.WorkflowMetadata{Definition: definition, CurrentDetails: r.currentDetails}
}
