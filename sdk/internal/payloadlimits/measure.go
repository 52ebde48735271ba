package payloadlimits

import (
	"context"
	"fmt"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/proxy"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// severity is what follows from a size that is too large.
type severity uint8

const (
	warn severity = 1 << iota
	refuse

	ignore = severity(0)
	both   = warn | refuse
)

// severities hold for a message and all that is in it.
type severities struct{ payloads, memo severity }

type severitiesKey struct{}

func severitiesIn(ctx context.Context) severities {
	if s, ok := ctx.Value(severitiesKey{}).(severities); ok {
		return s
	}
	return severities{payloads: both, memo: both}
}

func with(ctx context.Context, s severities) context.Context {
	return context.WithValue(ctx, severitiesKey{}, s)
}

// measure walks through request.
func measure(ctx context.Context, c *Checker, request proto.Message) error {
	options := proxy.VisitPayloadsOptions{SkipSearchAttributes: true}
	options.Visitor = func(at *proxy.VisitPayloadsContext, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
		size := proto.Size(&commonpb.Payloads{Payloads: payloads})
		if at.SinglePayloadRequired {
			// Of single payloads, servers limit only the input of Nexus operations.
			if _, ok := at.Parent.(*commandpb.ScheduleNexusOperationCommandAttributes); !ok {
				return payloads, nil
			}
			size = proto.Size(payloads[0])
		}
		return payloads, c.checkPayloads(at.Context, size, severitiesIn(at.Context).payloads)
	}
	options.ContextHook = func(ctx context.Context, m proto.Message) (context.Context, error) {
		return c.enter(ctx, m)
	}
	options.WellKnownAnyVisitor = func(at *proxy.VisitPayloadsContext, in *anypb.Any) error {
		// Unlike the default, this does not encode again what it has not changed.
		m, err := in.UnmarshalNew()
		if err != nil {
			return fmt.Errorf("unmarshal a message of the update protocol: %w", err)
		}
		return proxy.VisitPayloads(at.Context, m, options)
	}
	return proxy.VisitPayloads(ctx, request, options)
}

// enter measures what servers measure of m as a whole, and returns the severities for what
// is in it.
func (c *Checker) enter(ctx context.Context, m proto.Message) (context.Context, error) {
	inside := severitiesIn(ctx)
	var err error
	switch m := m.(type) {
	case *commandpb.RecordMarkerCommandAttributes:
		err = c.checkPayloads(ctx, sizeOfDetails(m.GetDetails()), both)
		inside.payloads = ignore
	case *commandpb.UpsertWorkflowSearchAttributesCommandAttributes:
		err = c.checkPayloads(ctx, sizeOfFields(m.GetSearchAttributes().GetIndexedFields()), both)
		inside.payloads = ignore
	case *commandpb.ModifyWorkflowPropertiesCommandAttributes:
		err = c.checkPayloads(ctx, sizeOfFields(m.GetUpsertedMemo().GetFields()), both)
		inside = severities{payloads: ignore, memo: ignore}
	case *commonpb.Memo:
		err = c.checkMemo(ctx, proto.Size(m), inside.memo)
		inside.payloads = ignore

	case *querypb.WorkflowQueryResult:
		if tooLarge := c.checkPayloads(ctx, proto.Size(m.GetAnswer()), both); tooLarge != nil {
			m.Answer, m.ErrorMessage, m.ResultType = nil, tooLarge.Error(), enumspb.QUERY_RESULT_TYPE_FAILED
		}
		inside.payloads = ignore
	case *workflowservice.RespondQueryTaskCompletedRequest:
		if tooLarge := c.checkPayloads(ctx, proto.Size(m.GetQueryResult()), both); tooLarge != nil {
			m.QueryResult, m.ErrorMessage, m.CompletedType = nil, tooLarge.Error(), enumspb.QUERY_RESULT_TYPE_FAILED
		}
		inside.payloads = ignore

	case *workflowservice.CreateScheduleRequest:
		// The memo of the schedule and the input of its workflows are measured together, and
		// the workflows' memo not at all.
		size := proto.Size(m.GetMemo()) + proto.Size(m.GetSchedule().GetAction().GetStartWorkflow().GetInput())
		err = c.checkPayloads(ctx, size, both)
		inside = severities{payloads: ignore, memo: ignore}
	case *workflowservice.UpdateScheduleRequest:
		inside.memo = warn

	case *workflowservice.RespondActivityTaskFailedRequest,
		*workflowservice.RespondActivityTaskFailedByIdRequest,
		*workflowservice.RespondWorkflowTaskFailedRequest,
		*workflowservice.RespondNexusTaskFailedRequest:
		inside = severities{payloads: warn, memo: warn}
	case *workflowservice.RespondNexusTaskCompletedRequest:
		inside.payloads = ignore
	default:
		return ctx, nil
	}
	if err != nil {
		return nil, err
	}
	return with(ctx, inside), nil
}

// sizeOfFields is how servers measure a map of payloads that is not a memo.
func sizeOfFields(fields map[string]*commonpb.Payload) int {
	size := 0
	for key, payload := range fields {
		size += len(key) + len(payload.GetData())
	}
	return size
}

// sizeOfDetails is how servers measure the details of a marker.
func sizeOfDetails(details map[string]*commonpb.Payloads) int {
	size := 0
	for key, payloads := range details {
		size += len(key) + proto.Size(payloads)
	}
	return size
}
