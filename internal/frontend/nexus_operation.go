package frontend

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/api/check"
	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/endpoint"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/nexusoperation"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/searchattribute"
	"github.com/perdure/perdure/internal/visibility"
)

// nexusOperationHandlers are what clients do to Nexus operations without a workflow.
type nexusOperationHandlers struct {
	runtime interface {
		stepper
		viewer
		awaiter
	}
	waits     *waits
	lists     *visibilityHandlers
	endpoints *endpoint.Registry // may be nil
}

// standaloneOperation is what they need of an operation.
type standaloneOperation interface {
	Start(step *entity.Step, req *workflowservice.StartNexusOperationExecutionRequest, endpointID string) (*workflowservice.StartNexusOperationExecutionResponse, error)
	Describe(entity.View, *workflowservice.DescribeNexusOperationExecutionRequest) (*workflowservice.DescribeNexusOperationExecutionResponse, error)
	Poll(view entity.View, runID string, stage enumspb.NexusOperationWaitStage) (id string, resp *workflowservice.PollNexusOperationExecutionResponse, err error)
	Changed(runID string, since *records.DescriptionToken) bool
	Reached(runID string, stage enumspb.NexusOperationWaitStage) bool
	Over(runID string) bool
	RequestCancel(*entity.Step, *workflowservice.RequestCancelNexusOperationExecutionRequest) error
	Terminate(*entity.Step, *workflowservice.TerminateNexusOperationExecutionRequest) error
	Delete(step *entity.Step, runID string) error
}

var _ standaloneOperation = (*nexusoperation.Chain)(nil)

var errStandaloneNexusOff = serviceerror.NewUnimplemented("Standalone Nexus operation is disabled")

func checkStandaloneNexus(ctx context.Context) error {
	if !settingOf(ctx, dynamicconfig.StandaloneNexus) {
		return errStandaloneNexusOff
	}
	return nil
}

func (h *nexusOperationHandlers) step(ctx context.Context, id string, fn func(*entity.Step, standaloneOperation) error) error {
	return h.runtime.Step(ctx, keyOf(ctx, entity.KindNexusOperation, id), func(step *entity.Step, e entity.Entity) error {
		return fn(step, e.(standaloneOperation))
	})
}

func (h *nexusOperationHandlers) view(ctx context.Context, id string, fn func(standaloneOperation, entity.View) error) error {
	return h.runtime.View(ctx, keyOf(ctx, entity.KindNexusOperation, id), func(e entity.Entity, view entity.View) error {
		return fn(e.(standaloneOperation), view)
	})
}

// checkLength bounds a field, in the words of this area.
func checkLength(field, value string, most int) error {
	if len(value) > most {
		return serviceerror.NewInvalidArgumentf("%s exceeds length limit. Length=%d Limit=%d", field, len(value), most)
	}
	return nil
}

func checkNamed(field, value string, most int) error {
	if value == "" {
		return serviceerror.NewInvalidArgumentf("%s is required", field)
	}
	return checkLength(field, value, most)
}

func checkOperationRunID(runID string) error {
	if runID != "" && uuid.Validate(runID) != nil {
		return serviceerror.NewInvalidArgument("run_id is not a valid UUID")
	}
	return nil
}

func completeRequestID(ctx context.Context, id *string) error {
	if *id == "" {
		*id = uuid.NewString()
	}
	return checkLength("request_id", *id, limitsOf(ctx).ID)
}

// StartNexusOperationExecution starts an operation, or says which one is in the way.
func (h *nexusOperationHandlers) StartNexusOperationExecution(ctx context.Context, req *workflowservice.StartNexusOperationExecutionRequest) (*workflowservice.StartNexusOperationExecutionResponse, error) {
	if err := checkStartOperation(ctx, req); err != nil {
		return nil, err
	}
	found := h.endpoints.ByName(req.GetEndpoint())
	if found == nil {
		return nil, serviceerror.NewNotFoundf("could not find Nexus endpoint by name: %v", req.GetEndpoint())
	}
	var resp *workflowservice.StartNexusOperationExecutionResponse
	err := h.step(ctx, req.GetOperationId(), func(step *entity.Step, o standaloneOperation) (err error) {
		resp, err = o.Start(step, req, found.GetId())
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// checkStartOperation checks the request and fills in what it leaves open.
func checkStartOperation(ctx context.Context, req *workflowservice.StartNexusOperationExecutionRequest) error {
	if err := cmp.Or(
		checkStandaloneNexus(ctx),
		completeRequestID(ctx, &req.RequestId),
		checkNamed("operation_id", req.GetOperationId(), limitsOf(ctx).ID),
		checkLength("identity", req.GetIdentity(), limitsOf(ctx).ID),
		checkNamed("endpoint", req.GetEndpoint(), limitsOf(ctx).ID),
		checkNamed("service", req.GetService(), settingOf(ctx, dynamicconfig.NexusServiceName)),
		checkNamed("operation", req.GetOperation(), settingOf(ctx, dynamicconfig.NexusOperationName)),
		checkOperationTimeouts(ctx, req),
	); err != nil {
		return err
	}
	if size, most := proto.Size(req.GetInput()), settingOf(ctx, dynamicconfig.BlobSize); size > most {
		return serviceerror.NewInvalidArgumentf("input exceeds size limit. Length=%d Limit=%d", size, most)
	}
	for _, part := range []struct {
		field   string
		payload *commonpb.Payload
		most    int
	}{
		{"summary", req.GetUserMetadata().GetSummary(), settingOf(ctx, dynamicconfig.UserSummarySize)},
		{"details", req.GetUserMetadata().GetDetails(), settingOf(ctx, dynamicconfig.UserDetailsSize)},
	} {
		if size := proto.Size(part.payload); size > part.most {
			return serviceerror.NewInvalidArgumentf("user_metadata.%s exceeds size limit. Length=%d Limit=%d", part.field, size, part.most)
		}
	}
	if err := checkOperationHeader(ctx, req); err != nil {
		return err
	}
	if attributes := req.GetSearchAttributes(); len(attributes.GetIndexedFields()) > 0 {
		ns := callOf(ctx).namespace
		if err := searchattribute.Check(ns.Name, ns.SearchAttributes, attributes, settingOf(ctx, dynamicconfig.SearchAttributeKeys)); err != nil {
			return err
		}
		if err := limitsOf(ctx).CheckSearchAttributes(attributes); err != nil {
			return err
		}
	}
	return nil
}

func checkOperationHeader(ctx context.Context, req *workflowservice.StartNexusOperationExecutionRequest) error {
	size, lower := 0, make(map[string]string, len(req.GetNexusHeader()))
	disallowed := dynamicconfig.NexusDisallowedHeaders.Get(callOf(ctx).settings.config)
	for name, value := range req.GetNexusHeader() {
		key := strings.ToLower(name)
		if slices.Contains(disallowed, key) {
			return serviceerror.NewInvalidArgumentf("nexus_header contains a disallowed key: %q", name)
		}
		lower[key] = value
		size += len(key) + len(value)
	}
	if size > settingOf(ctx, dynamicconfig.NexusHeaderSize) {
		return serviceerror.NewInvalidArgument("nexus_header exceeds size limit")
	}
	req.NexusHeader = lower
	return nil
}

func checkOperationTimeouts(ctx context.Context, req *workflowservice.StartNexusOperationExecutionRequest) error {
	if err := cmp.Or(
		check.Duration("schedule_to_close_timeout", req.GetScheduleToCloseTimeout(), check.NexusRequest),
		check.Duration("schedule_to_start_timeout", req.GetScheduleToStartTimeout(), check.NexusRequest),
		check.Duration("start_to_close_timeout", req.GetStartToCloseTimeout(), check.NexusRequest),
	); err != nil {
		return err
	}
	whole := req.GetScheduleToCloseTimeout().AsDuration()
	if most := settingOf(ctx, dynamicconfig.NexusTimeout); most > 0 && (whole == 0 || whole > most) {
		req.ScheduleToCloseTimeout, whole = durationpb.New(most), most
	}
	if whole <= 0 {
		return nil
	}
	if req.GetScheduleToStartTimeout().AsDuration() > whole {
		req.ScheduleToStartTimeout = req.ScheduleToCloseTimeout
	}
	if req.GetStartToCloseTimeout().AsDuration() > whole {
		req.StartToCloseTimeout = req.ScheduleToCloseTimeout
	}
	return nil
}

// checkKnownOperation checks how an operation is named that should be there.
func checkKnownOperation(ctx context.Context, req interface {
	GetOperationId() string
	GetRunId() string
}) error {
	return cmp.Or(checkStandaloneNexus(ctx), checkNamed("operation_id", req.GetOperationId(), limitsOf(ctx).ID), checkOperationRunID(req.GetRunId()))
}

// DescribeNexusOperationExecution describes an operation. With the token of a former
// description it waits until there is something new to say, and for so long says nothing.
func (h *nexusOperationHandlers) DescribeNexusOperationExecution(ctx context.Context, req *workflowservice.DescribeNexusOperationExecutionRequest) (*workflowservice.DescribeNexusOperationExecutionResponse, error) {
	waits := len(req.GetLongPollToken()) > 0
	if err := cmp.Or(checkStandaloneNexus(ctx), checkNamed("operation_id", req.GetOperationId(), limitsOf(ctx).ID)); err != nil {
		return nil, err
	}
	if waits && req.GetRunId() == "" {
		return nil, serviceerror.NewInvalidArgument("run_id is required when long_poll_token is provided")
	}
	if err := checkOperationRunID(req.GetRunId()); err != nil {
		return nil, err
	}
	describe := func(ctx context.Context) (resp *workflowservice.DescribeNexusOperationExecutionResponse, over bool, err error) {
		err = h.view(ctx, req.GetOperationId(), func(o standaloneOperation, view entity.View) (err error) {
			over = o.Over(req.GetRunId())
			resp, err = o.Describe(view, req)
			return err
		})
		return resp, over, err
	}
	if !waits {
		resp, _, err := describe(ctx)
		return resp, err
	}
	over := false
	return longPoll(ctx, h.waits, func(ctx context.Context) (resp *workflowservice.DescribeNexusOperationExecutionResponse, err error) {
		resp, over, err = describe(ctx)
		return resp, err
	}, func(ctx context.Context) error { return h.awaitChange(ctx, req, over) })
}

// awaitChange waits until a run is not any more what the token of the request says; one
// that is over never is.
func (h *nexusOperationHandlers) awaitChange(ctx context.Context, req *workflowservice.DescribeNexusOperationExecutionRequest, over bool) error {
	if over {
		<-ctx.Done()
		return ctx.Err()
	}
	token, err := tokens.DecodeDescription(req.GetLongPollToken())
	if err != nil {
		return err
	}
	return h.runtime.Await(ctx, keyOf(ctx, entity.KindNexusOperation, req.GetOperationId()), func(e entity.Entity) bool {
		return e.(standaloneOperation).Changed(req.GetRunId(), token)
	})
}

// PollNexusOperationExecution waits until an operation has started, or has ended. When the
// time is over it says nothing, and the client asks again.
func (h *nexusOperationHandlers) PollNexusOperationExecution(ctx context.Context, req *workflowservice.PollNexusOperationExecutionRequest) (*workflowservice.PollNexusOperationExecutionResponse, error) {
	if err := checkStandaloneNexus(ctx); err != nil {
		return nil, err
	}
	stage := cmp.Or(req.GetWaitStage(), enumspb.NEXUS_OPERATION_WAIT_STAGE_CLOSED)
	if stage != enumspb.NEXUS_OPERATION_WAIT_STAGE_STARTED && stage != enumspb.NEXUS_OPERATION_WAIT_STAGE_CLOSED {
		return nil, serviceerror.NewInvalidArgumentf("unsupported wait_stage: %s", stage)
	}
	if err := checkKnownOperation(ctx, req); err != nil {
		return nil, err
	}
	runID := req.GetRunId()
	return longPoll(ctx, h.waits, func(ctx context.Context) (resp *workflowservice.PollNexusOperationExecutionResponse, err error) {
		err = h.view(ctx, req.GetOperationId(), func(o standaloneOperation, view entity.View) (err error) {
			runID, resp, err = o.Poll(view, runID, stage)
			return err
		})
		return resp, err
	}, func(ctx context.Context) error {
		return h.runtime.Await(ctx, keyOf(ctx, entity.KindNexusOperation, req.GetOperationId()), func(e entity.Entity) bool {
			return e.(standaloneOperation).Reached(runID, stage)
		})
	})
}

// checkOperationRequest checks what requests to cancel and to terminate have in common.
func checkOperationRequest(ctx context.Context, requestID *string, req interface {
	GetOperationId() string
	GetRunId() string
	GetIdentity() string
	GetReason() string
}) error {
	return cmp.Or(
		checkStandaloneNexus(ctx), completeRequestID(ctx, requestID),
		checkNamed("operation_id", req.GetOperationId(), limitsOf(ctx).ID), checkOperationRunID(req.GetRunId()),
		checkLength("identity", req.GetIdentity(), limitsOf(ctx).ID),
		checkLength("reason", req.GetReason(), settingOf(ctx, dynamicconfig.NexusReason)),
	)
}

// RequestCancelNexusOperationExecution asks for an operation to be cancelled.
func (h *nexusOperationHandlers) RequestCancelNexusOperationExecution(ctx context.Context, req *workflowservice.RequestCancelNexusOperationExecutionRequest) (*workflowservice.RequestCancelNexusOperationExecutionResponse, error) {
	if err := checkOperationRequest(ctx, &req.RequestId, req); err != nil {
		return nil, err
	}
	if err := h.step(ctx, req.GetOperationId(), func(step *entity.Step, o standaloneOperation) error { return o.RequestCancel(step, req) }); err != nil {
		return nil, err
	}
	return &workflowservice.RequestCancelNexusOperationExecutionResponse{}, nil
}

// TerminateNexusOperationExecution ends an operation at once.
func (h *nexusOperationHandlers) TerminateNexusOperationExecution(ctx context.Context, req *workflowservice.TerminateNexusOperationExecutionRequest) (*workflowservice.TerminateNexusOperationExecutionResponse, error) {
	if err := checkOperationRequest(ctx, &req.RequestId, req); err != nil {
		return nil, err
	}
	if err := h.step(ctx, req.GetOperationId(), func(step *entity.Step, o standaloneOperation) error { return o.Terminate(step, req) }); err != nil {
		return nil, err
	}
	return &workflowservice.TerminateNexusOperationExecutionResponse{}, nil
}

// DeleteNexusOperationExecution removes an operation, whether it is running or not.
func (h *nexusOperationHandlers) DeleteNexusOperationExecution(ctx context.Context, req *workflowservice.DeleteNexusOperationExecutionRequest) (*workflowservice.DeleteNexusOperationExecutionResponse, error) {
	if err := checkKnownOperation(ctx, req); err != nil {
		return nil, err
	}
	if err := h.step(ctx, req.GetOperationId(), func(step *entity.Step, o standaloneOperation) error { return o.Delete(step, req.GetRunId()) }); err != nil {
		return nil, err
	}
	return &workflowservice.DeleteNexusOperationExecutionResponse{}, nil
}

// operationKind is how Nexus operations without a workflow are listed.
var operationKind = standaloneKind{
	name: "nexus operations", division: nexusoperation.Division, check: checkStandaloneNexus,
	aliases: map[string]string{"OperationId": "WorkflowId", "Operation": "WorkflowType", "Endpoint": "TaskQueue"},
}

// ListNexusOperationExecutions lists the operations without a workflow that a query finds.
func (h *nexusOperationHandlers) ListNexusOperationExecutions(ctx context.Context, req *workflowservice.ListNexusOperationExecutionsRequest) (*workflowservice.ListNexusOperationExecutionsResponse, error) {
	rows, next, err := operationKind.page(ctx, h.lists, req)
	if err != nil {
		return nil, err
	}
	resp := &workflowservice.ListNexusOperationExecutionsResponse{NextPageToken: next}
	for _, row := range rows {
		resp.Operations = append(resp.Operations, listedOperation(row, callOf(ctx).namespace))
	}
	return resp, nil
}

// CountNexusOperationExecutions counts the operations without a workflow that a query
// finds, in groups if it has a GROUP BY.
func (h *nexusOperationHandlers) CountNexusOperationExecutions(ctx context.Context, req *workflowservice.CountNexusOperationExecutionsRequest) (*workflowservice.CountNexusOperationExecutionsResponse, error) {
	count, groups, err := operationKind.count(ctx, h.lists, req.GetQuery())
	if err != nil {
		return nil, err
	}
	resp := &workflowservice.CountNexusOperationExecutionsResponse{Count: count}
	for _, group := range groups {
		resp.Groups = append(resp.Groups, &workflowservice.CountNexusOperationExecutionsResponse_AggregationGroup{GroupValues: group.values, Count: group.count})
	}
	return resp, nil
}

// listedOperation is a row of an operation as lists show it.
func listedOperation(row *records.WorkflowRow, ns *namespace.Namespace) *nexuspb.NexusOperationExecutionListInfo {
	info := &nexuspb.NexusOperationExecutionListInfo{
		OperationId:          row.WorkflowId,
		RunId:                row.RunId,
		Endpoint:             row.TaskQueue,
		Service:              nexusoperation.ListedService(row),
		Operation:            row.WorkflowType,
		Status:               nexusoperation.ListedStatus(row.Status),
		ScheduleTime:         row.StartTime,
		StateTransitionCount: row.StateTransitionCount,
		SearchAttributes:     &commonpb.SearchAttributes{IndexedFields: knownAttributes(ns, row.SearchAttributes.GetIndexedFields())},
	}
	if !visibility.Open(row.Status) {
		info.CloseTime = row.CloseTime
		info.ExecutionDuration = durationpb.New(row.CloseTime.AsTime().Sub(row.StartTime.AsTime()))
	}
	return info
}
