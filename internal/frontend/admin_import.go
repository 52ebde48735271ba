package frontend

import (
	"cmp"
	"context"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/admin"
	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/visibility/query"
	"github.com/perdure/perdure/internal/workflow"
)

// importable is what imports need of a workflow.
type importable interface {
	ImportEvents(step *entity.Step, runID, source string, events []*historypb.HistoryEvent) (int64, error)
	CheckImport(step *entity.Step, runID string) (reason string, err error)
	ActivateImport(step *entity.Step, runID string, activities []*workflowpb.PendingActivityInfo) error
	DiscardImport(step *entity.Step, runID string) error
	DescribeImport(reader entity.Reader, runID string) (workflow.ImportState, error)
}

var _ importable = (*workflow.Chain)(nil)

// importAdmin are the handlers by which runs of other servers are taken over. See package importer.
type importAdmin struct {
	runtime Runtime
	lists   *visibilityHandlers
}

// importedRun is a request about one run.
type importedRun interface {
	GetWorkflowId() string
	GetRunId() string
}

func checkImportedRun(ctx context.Context, req importedRun) error {
	if req.GetRunId() == "" {
		return serviceerror.NewInvalidArgument("RunId is not set on request.")
	}
	return cmp.Or(
		limitsOf(ctx).CheckID("WorkflowId", req.GetWorkflowId(), check.Request),
		check.RunID(req.GetRunId(), check.Request),
	)
}

func (s *importAdmin) step(ctx context.Context, req importedRun, fn func(*entity.Step, importable) error) error {
	if err := checkImportedRun(ctx, req); err != nil {
		return err
	}
	return stepWorkflow(ctx, s.runtime, req.GetWorkflowId(), fn)
}

// ImportEvents takes up events of a run.
func (s *importAdmin) ImportEvents(ctx context.Context, req *admin.ImportEventsRequest) (*admin.ImportEventsResponse, error) {
	history := new(historypb.History)
	if err := proto.Unmarshal(req.GetHistory(), history); err != nil {
		return nil, serviceerror.NewInvalidArgumentf("History does not decode: %v", err)
	}
	resp := new(admin.ImportEventsResponse)
	err := s.step(ctx, req, func(step *entity.Step, c importable) (err error) {
		resp.NextEventId, err = c.ImportEvents(step, req.GetRunId(), req.GetSource(), history.GetEvents())
		return err
	})
	return resp, err
}

// CheckImport tells whether a held run could run here.
func (s *importAdmin) CheckImport(ctx context.Context, req *admin.CheckImportRequest) (*admin.CheckImportResponse, error) {
	resp := new(admin.CheckImportResponse)
	err := s.step(ctx, req, func(step *entity.Step, c importable) (err error) {
		resp.Reason, err = c.CheckImport(step, req.GetRunId())
		return err
	})
	return resp, err
}

// ActivateImport makes a held run one of this server.
func (s *importAdmin) ActivateImport(ctx context.Context, req *admin.ActivateImportRequest) (*admin.ActivateImportResponse, error) {
	described := new(workflowservice.DescribeWorkflowExecutionResponse)
	if err := proto.Unmarshal(req.GetActivities(), described); err != nil {
		return nil, serviceerror.NewInvalidArgumentf("Activities do not decode: %v", err)
	}
	err := s.step(ctx, req, func(step *entity.Step, c importable) error {
		return c.ActivateImport(step, req.GetRunId(), described.GetPendingActivities())
	})
	return new(admin.ActivateImportResponse), err
}

// DiscardImport forgets a held run.
func (s *importAdmin) DiscardImport(ctx context.Context, req *admin.DiscardImportRequest) (*admin.DiscardImportResponse, error) {
	err := s.step(ctx, req, func(step *entity.Step, c importable) error { return c.DiscardImport(step, req.GetRunId()) })
	return new(admin.DiscardImportResponse), err
}

// DescribeImport tells how far the import of a run is.
func (s *importAdmin) DescribeImport(ctx context.Context, req *admin.DescribeImportRequest) (*admin.DescribeImportResponse, error) {
	if err := checkImportedRun(ctx, req); err != nil {
		return nil, err
	}
	var state workflow.ImportState
	err := viewWorkflow(ctx, s.runtime, req.GetWorkflowId(), func(c importable, view entity.View) (err error) {
		state, err = c.DescribeImport(view, req.GetRunId())
		return err
	})
	return &admin.DescribeImportResponse{Held: state.Held, NextEventId: state.NextEventID, Imported: state.Imported, Closed: state.Closed}, err
}

// ListImports lists the runs that are held.
func (s *importAdmin) ListImports(ctx context.Context, req *admin.ListImportsRequest) (*admin.ListImportsResponse, error) {
	q := &query.Query{Where: inDivision(workflow.ImportDivision), Divided: true}
	rows, next, err := s.lists.page(ctx, q, "imports", "", req.GetPageSize(), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	resp := &admin.ListImportsResponse{NextPageToken: next}
	for _, row := range rows {
		resp.Runs = append(resp.Runs, &admin.ListImportsResponse_Run{WorkflowId: row.WorkflowId, RunId: row.RunId, WorkflowType: row.WorkflowType})
	}
	return resp, nil
}
