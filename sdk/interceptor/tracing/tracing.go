package tracing

import (
	"errors"

	"github.com/nexus-rpc/sdk-go/nexus"
	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/interceptor"
	"github.com/perdure/perdure/sdk/workflow"
)

// The tags of spans.
const (
	workflowIDTag      = "temporalWorkflowID"
	runIDTag           = "temporalRunID"
	activityIDTag      = "temporalActivityID"
	updateIDTag        = "temporalUpdateID"
	terminateReasonTag = "temporalTerminateReason"
	nexusServiceTag    = "temporalNexusService"
	nexusOperationTag  = "temporalNexusOperation"
	nexusEndpointTag   = "temporalNexusEndpoint"
)

// NewTracingInterceptor returns an interceptor for clients and one for workers. They are two, so that
// a client's workers do not trace because the client does: give each to its options.
func NewTracingInterceptor(tracer Tracer, workflowTracer WorkflowTracer) (interceptor.ClientInterceptor, interceptor.WorkerInterceptor) {
	return &clientTracing{tracer: tracer}, &workerTracing{tracer: tracer, workflowTracer: workflowTracer}
}

// carrier takes a span along: a header, in one of its forms. Its functions may be nil.
type carrier struct {
	read  func(commonTracer) (TracerSpanRef, error)
	write func(commonTracer, TracerSpanRef) error
}

// inHeader carries spans in the header of a call, as a payload.
func inHeader(header map[string]*commonpb.Payload) carrier {
	return carrier{
		read: func(t commonTracer) (TracerSpanRef, error) {
			payload := header[t.Options().HeaderKey]
			if payload == nil {
				return nil, nil
			}
			// Not the user's converter: the other side may have another.
			var data map[string]string
			if err := converter.GetDefaultDataConverter().FromPayload(payload, &data); err != nil {
				return nil, err
			}
			return t.UnmarshalSpan(data)
		},
		write: func(t commonTracer, span TracerSpanRef) error {
			data, err := t.MarshalSpan(span)
			if err != nil || len(data) == 0 || header == nil {
				return err
			}
			payload, err := converter.GetDefaultDataConverter().ToPayload(data)
			if err == nil {
				header[t.Options().HeaderKey] = payload
			}
			return err
		},
	}
}

// inNexusHeader carries spans in the header of a Nexus request, as it is.
func inNexusHeader(header nexus.Header) carrier {
	return carrier{
		read: func(t commonTracer) (TracerSpanRef, error) { return t.UnmarshalSpan(header) },
		write: func(t commonTracer, span TracerSpanRef) error {
			data, err := t.MarshalSpan(span)
			if err != nil || header == nil {
				return err
			}
			for key, value := range data {
				header.Set(key, value)
			}
			return nil
		},
	}
}

// inbound calls f, which something that entered has called, in a span below that of the caller.
func inbound[C, T any](t spanner[C], ctx C, from carrier, options *TracerStartSpanOptions, f func(ctx C) (T, error)) (T, error) {
	span, err := from.read(t)
	if err != nil {
		if !t.Options().AllowInvalidParentSpans {
			var none T
			return none, err
		}
		span = nil
	}
	if span == nil {
		span = t.SpanFromContext(ctx)
	}
	options.Direction = SpanDirectionInbound
	return within(t, ctx, span, options, f)
}

// outbound calls f, which sends something, in a span of its own, and sends that along.
func outbound[C, T any](t spanner[C], ctx C, to carrier, options *TracerStartSpanOptions, f func(ctx C) (T, error)) (T, error) {
	options.Direction = SpanDirectionOutbound
	return within(t, ctx, t.SpanFromContext(ctx), options, func(ctx C) (T, error) {
		if to.write != nil {
			if err := to.write(t, t.SpanFromContext(ctx)); err != nil {
				var none T
				return none, err
			}
		}
		return f(ctx)
	})
}

// within calls f in a new span below parent, or in parent if there are to be no spans of ours.
func within[C, T any](t spanner[C], ctx C, parent TracerSpanRef, options *TracerStartSpanOptions, f func(ctx C) (T, error)) (result T, err error) {
	if !t.Options().AddTemporalSpans {
		if parent != nil {
			ctx = t.ContextWithSpan(ctx, parent)
		}
		return f(ctx)
	}
	options.Parent = parent
	span := t.CreateSpan(ctx, options)
	if span == nil {
		return f(ctx)
	}
	var finish TracerFinishSpanOptions
	defer func() { span.Finish(&finish) }()
	result, err = f(t.ContextWithSpan(ctx, span))
	if !isNoFailure(err) {
		finish.Error = err
	}
	return result, err
}

// isNoFailure says whether an error only says what comes next.
func isNoFailure(err error) bool {
	_, continues := errors.AsType[*workflow.ContinueAsNewError](err)
	return continues || err == activity.ErrResultPending
}

// only is f for what has no result but an error.
func only[C any](f func(ctx C) error) func(ctx C) (struct{}, error) {
	return func(ctx C) (struct{}, error) { return struct{}{}, f(ctx) }
}

func executionTags(workflowID, runID string) map[string]string {
	tags := map[string]string{workflowIDTag: workflowID}
	if runID != "" {
		tags[runIDTag] = runID
	}
	return tags
}

func nexusTags(tags map[string]string, endpoint, service, operation string) map[string]string {
	tags[nexusServiceTag], tags[nexusOperationTag] = service, operation
	if endpoint != "" {
		tags[nexusEndpointTag] = endpoint
	}
	return tags
}
