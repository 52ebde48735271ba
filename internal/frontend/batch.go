package frontend

import (
	"context"
	"errors"

	batchpb "go.temporal.io/api/batch/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/api/methods"
	"github.com/perdure/perdure/internal/batch"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/visibility/query"
)

// batchHandlers start batch operations, stop them, and tell of them. They are carried out
// by package batch.
type batchHandlers struct {
	runtime interface {
		stepper
		viewer
	}
	index Visibility
	// starting has room for one: starts are counted one after the other.
	starting chan struct{}
}

var (
	errBatchesOff     = serviceerror.NewPermissionDenied("Batch operation feature are disabled on this namespace.", "")
	errTooManyBatches = &serviceerror.ResourceExhausted{
		Cause:   enumspb.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT,
		Scope:   enumspb.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
		Message: "Max concurrent batch operations is reached",
	}
)

// checkBatchesOn refuses calls if batch operations are switched off.
func checkBatchesOn(ctx context.Context) error {
	if !settingOf(ctx, dynamicconfig.Batches) {
		return errBatchesOff
	}
	return nil
}

// StartBatchOperation starts a batch operation, which is carried out in the background.
func (h *batchHandlers) StartBatchOperation(ctx context.Context, req *workflowservice.StartBatchOperationRequest) (*workflowservice.StartBatchOperationResponse, error) {
	if err := h.checkStart(ctx, req); err != nil {
		return nil, err
	}
	select {
	case h.starting <- struct{}{}:
		defer func() { <-h.starting }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	running, err := h.count(ctx, query.And{inDivision(batch.Division), where("ExecutionStatus", query.Equal, int64(enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING))})
	if err != nil {
		return nil, err
	}
	if running >= int64(settingOf(ctx, dynamicconfig.ConcurrentBatches)) {
		return nil, errTooManyBatches
	}
	total := int64(len(batch.Executions(req)))
	if text := batch.Query(req); text != "" {
		q, err := parseBatchQuery(ctx, req, text)
		if err != nil {
			return nil, err
		}
		if total, err = h.countQuery(ctx, q); err != nil {
			return nil, err
		}
	}
	err = h.step(ctx, req.GetJobId(), func(step *entity.Step, j *batch.Job) error { return j.Start(step, req, total) })
	if err != nil {
		return nil, err
	}
	return &workflowservice.StartBatchOperationResponse{}, nil
}

// checkStart checks all there is to check before a batch operation is started.
func (h *batchHandlers) checkStart(ctx context.Context, req *workflowservice.StartBatchOperationRequest) error {
	if err := checkBatchesOn(ctx); err != nil {
		return err
	}
	if batch.Standalone(req) && !(settingOf(ctx, dynamicconfig.BatchesOfActivities) && standaloneActivities()) {
		return serviceerror.NewInvalidArgumentf("The operation type %T is not supported for this namespace", req.GetOperation())
	}
	if err := batch.Check(req, limitsOf(ctx), settingOf(ctx, dynamicconfig.BatchExecutions)); err != nil {
		return err
	}
	if h.index == nil {
		return errNoVisibility
	}
	if text := req.GetVisibilityQuery(); text != "" {
		if _, err := parseBatchQuery(ctx, req, text); err != nil {
			var wrong *serviceerror.InvalidArgument
			if errors.As(err, &wrong) {
				return serviceerror.NewInvalidArgumentf("invalid visibility query: %s", wrong.Message)
			}
			return err
		}
		// Brackets that fit in the query alone, and clauses that it must not have here.
		if _, err := parseBatchQuery(ctx, req, batch.Query(req)); err != nil {
			return err
		}
	}
	return checkBatchOperation(ctx, req)
}

// parseBatchQuery parses the query of a batch operation: about workflows, or about activities
// without one.
func parseBatchQuery(ctx context.Context, req *workflowservice.StartBatchOperationRequest, text string) (*query.Query, error) {
	if batch.Standalone(req) {
		return activityKind.parse(ctx, text)
	}
	return parseQuery(ctx, text)
}

// standaloneActivities reports whether this server has activities without workflows.
func standaloneActivities() bool {
	row := methods.Lookup("/" + string(methods.WorkflowService) + "/StartActivityExecution")
	return row != nil && row.Implemented
}

// checkBatchOperation checks what the calls for each workflow will check, as far as that is
// the same for all of them.
func checkBatchOperation(ctx context.Context, req *workflowservice.StartBatchOperationRequest) error {
	if signal := req.GetSignalOperation(); signal != nil {
		return limitsOf(ctx).CheckBlob(signal.GetInput())
	}
	if options := req.GetUpdateWorkflowOptionsOperation(); options != nil {
		return checkTimeSkipping(ctx, options.GetWorkflowExecutionOptions().GetTimeSkippingConfig())
	}
	for _, operation := range req.GetResetOperation().GetPostResetOperations() {
		if options := operation.GetUpdateWorkflowOptions().GetWorkflowExecutionOptions(); options != nil {
			if err := checkTimeSkipping(ctx, options.GetTimeSkippingConfig()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *batchHandlers) count(ctx context.Context, conditions query.And) (int64, error) {
	return h.countQuery(ctx, &query.Query{Where: conditions, Divided: true})
}

func (h *batchHandlers) countQuery(ctx context.Context, q *query.Query) (n int64, err error) {
	groups, err := h.index.Count(ctx, callOf(ctx).namespace.ID, q)
	for _, group := range groups {
		n += group.Count
	}
	return n, err
}

func (h *batchHandlers) step(ctx context.Context, jobID string, fn func(*entity.Step, *batch.Job) error) error {
	return h.runtime.Step(ctx, keyOf(ctx, entity.KindBatch, jobID), func(step *entity.Step, e entity.Entity) error {
		return fn(step, e.(*batch.Job))
	})
}

// StopBatchOperation ends a batch operation. What it has done stays done.
func (h *batchHandlers) StopBatchOperation(ctx context.Context, req *workflowservice.StopBatchOperationRequest) (*workflowservice.StopBatchOperationResponse, error) {
	if err := batch.CheckStop(req, limitsOf(ctx)); err != nil {
		return nil, err
	}
	if err := checkBatchesOn(ctx); err != nil {
		return nil, err
	}
	if err := h.step(ctx, req.GetJobId(), func(step *entity.Step, j *batch.Job) error { return j.Stop(step) }); err != nil {
		return nil, err
	}
	return &workflowservice.StopBatchOperationResponse{}, nil
}

// DescribeBatchOperation tells how far a batch operation has come.
func (h *batchHandlers) DescribeBatchOperation(ctx context.Context, req *workflowservice.DescribeBatchOperationRequest) (*workflowservice.DescribeBatchOperationResponse, error) {
	if err := batch.CheckJobID(req.GetJobId(), limitsOf(ctx)); err != nil {
		return nil, err
	}
	if err := checkBatchesOn(ctx); err != nil {
		return nil, err
	}
	var state *batch.State
	err := h.runtime.View(ctx, keyOf(ctx, entity.KindBatch, req.GetJobId()), func(e entity.Entity, _ entity.View) (err error) {
		state, err = e.(*batch.Job).Describe()
		return err
	})
	if err != nil {
		return nil, err
	}
	return &workflowservice.DescribeBatchOperationResponse{
		OperationType:          batch.Type(state.Request),
		JobId:                  req.GetJobId(),
		State:                  batchState(state.Status),
		StartTime:              state.StartTime,
		CloseTime:              state.CloseTime,
		TotalOperationCount:    state.Total,
		CompleteOperationCount: state.Progress.Complete,
		FailureOperationCount:  state.Progress.Failed,
		Identity:               batch.Identity(state.Request),
		Reason:                 state.Request.GetReason(),
		Query:                  state.Request.GetVisibilityQuery(),
		Executions:             batch.Executions(state.Request),
	}, nil
}

// ListBatchOperations lists the batch operations of a namespace, those that are running
// first.
func (h *batchHandlers) ListBatchOperations(ctx context.Context, req *workflowservice.ListBatchOperationsRequest) (*workflowservice.ListBatchOperationsResponse, error) {
	if err := checkBatchesOn(ctx); err != nil {
		return nil, err
	}
	lists := visibilityHandlers{index: h.index}
	q := &query.Query{Where: inDivision(batch.Division), Divided: true}
	rows, next, err := lists.list(ctx, q, "batches", "", req.GetPageSize(), req.GetNextPageToken())
	if err != nil {
		return nil, err
	}
	resp := &workflowservice.ListBatchOperationsResponse{NextPageToken: next}
	for _, row := range rows {
		resp.OperationInfo = append(resp.OperationInfo, batchInfo(row))
	}
	return resp, nil
}

func batchInfo(row *workflowpb.WorkflowExecutionInfo) *batchpb.BatchOperationInfo {
	return &batchpb.BatchOperationInfo{
		JobId:         row.GetExecution().GetWorkflowId(),
		State:         batchState(row.GetStatus()),
		StartTime:     row.GetStartTime(),
		CloseTime:     row.GetCloseTime(),
		OperationType: batch.TypeOfMemo(row.GetMemo()),
	}
}

// batchState is the state of a batch operation by that of the row it has in lists.
func batchState(status enumspb.WorkflowExecutionStatus) enumspb.BatchOperationState {
	switch status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		return enumspb.BATCH_OPERATION_STATE_RUNNING
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return enumspb.BATCH_OPERATION_STATE_COMPLETED
	}
	return enumspb.BATCH_OPERATION_STATE_FAILED
}

// inDivision is the condition that a row is in a namespace division.
func inDivision(division string) query.Expr {
	const name = "TemporalNamespaceDivision"
	return &query.Condition{Column: query.Column{Alias: name, Name: name, Type: enumspb.INDEXED_VALUE_TYPE_KEYWORD}, Op: query.Equal, Values: []any{division}}
}
