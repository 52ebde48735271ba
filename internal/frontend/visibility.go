package frontend

import (
	"context"
	"maps"
	"time"

	"github.com/cespare/xxhash/v2"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	filterpb "go.temporal.io/api/filter/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/searchattribute"
	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/query"
)

// Visibility is what the frontend needs of package visibility, which documents it.
type Visibility interface {
	List(ctx context.Context, request visibility.ListRequest) (*visibility.Page, error)
	Count(ctx context.Context, namespace string, q *query.Query) ([]visibility.Group, error)
}

// visibilityHandlers find workflows.
type visibilityHandlers struct{ index Visibility }

var errNoVisibility = serviceerror.NewUnavailable("this server has no visibility index")

// maxArchivedPage is the most workflows of a page of archived ones.
const maxArchivedPage = 10_000

// ListWorkflowExecutions lists the workflows that a query finds.
func (h *visibilityHandlers) ListWorkflowExecutions(ctx context.Context, req *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	q, err := parseQuery(ctx, req.GetQuery())
	if err != nil {
		return nil, err
	}
	executions, next, err := h.list(ctx, q, "query", req.GetQuery(), req.GetPageSize(), req.GetNextPageToken())
	if err != nil {
		return nil, err
	}
	return &workflowservice.ListWorkflowExecutionsResponse{Executions: executions, NextPageToken: next}, nil
}

// ScanWorkflowExecutions is ListWorkflowExecutions under another name.
//
//lint:ignore SA1019 clients still call it
func (h *visibilityHandlers) ScanWorkflowExecutions(ctx context.Context, req *workflowservice.ScanWorkflowExecutionsRequest) (*workflowservice.ScanWorkflowExecutionsResponse, error) {
	list, err := h.ListWorkflowExecutions(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: req.GetNamespace(), PageSize: req.GetPageSize(), NextPageToken: req.GetNextPageToken(), Query: req.GetQuery(),
	})
	if err != nil {
		return nil, err
	}
	//lint:ignore SA1019 clients still call it
	return &workflowservice.ScanWorkflowExecutionsResponse{Executions: list.Executions, NextPageToken: list.NextPageToken}, nil
}

// CountWorkflowExecutions counts the workflows that a query finds, in groups if it has a
// GROUP BY.
func (h *visibilityHandlers) CountWorkflowExecutions(ctx context.Context, req *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error) {
	q, err := parseQuery(ctx, req.GetQuery())
	if err != nil {
		return nil, err
	}
	count, groups, err := h.count(ctx, q)
	if err != nil {
		return nil, err
	}
	resp := &workflowservice.CountWorkflowExecutionsResponse{Count: count}
	for _, group := range groups {
		resp.Groups = append(resp.Groups, &workflowservice.CountWorkflowExecutionsResponse_AggregationGroup{GroupValues: group.values, Count: group.count})
	}
	return resp, nil
}

// counted is one group of a count.
type counted struct {
	values []*commonpb.Payload
	count  int64
}

// count counts the rows that a query finds, and those of each group if it has a GROUP BY.
func (h *visibilityHandlers) count(ctx context.Context, q *query.Query) (total int64, groups []counted, err error) {
	if h.index == nil {
		return 0, nil, errNoVisibility
	}
	all, err := h.index.Count(ctx, callOf(ctx).namespace.ID, q)
	if err != nil {
		return 0, nil, err
	}
	for _, group := range all {
		total += group.Count
		if q.GroupBy != nil {
			groups = append(groups, counted{[]*commonpb.Payload{searchattribute.Encode(group.Value, q.GroupBy.Type)}, group.Count})
		}
	}
	return total, groups, nil
}

// ListOpenWorkflowExecutions lists the workflows that run, by filters.
func (h *visibilityHandlers) ListOpenWorkflowExecutions(ctx context.Context, req *workflowservice.ListOpenWorkflowExecutionsRequest) (*workflowservice.ListOpenWorkflowExecutionsResponse, error) {
	conditions, err := timeFilter("StartTime", req.GetStartTimeFilter())
	if err != nil {
		return nil, err
	}
	conditions = append(query.And{where("ExecutionStatus", query.Equal, int64(enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING))}, conditions...)
	conditions = append(conditions, nameFilter(req.GetExecutionFilter(), req.GetTypeFilter())...)
	executions, next, err := h.listWhere(ctx, conditions, "open", req.GetMaximumPageSize(), req.GetNextPageToken())
	if err != nil {
		return nil, err
	}
	return &workflowservice.ListOpenWorkflowExecutionsResponse{Executions: executions, NextPageToken: next}, nil
}

// ListClosedWorkflowExecutions lists the workflows that do not run, by filters.
func (h *visibilityHandlers) ListClosedWorkflowExecutions(ctx context.Context, req *workflowservice.ListClosedWorkflowExecutionsRequest) (*workflowservice.ListClosedWorkflowExecutionsResponse, error) {
	conditions, err := timeFilter("CloseTime", req.GetStartTimeFilter())
	if err != nil {
		return nil, err
	}
	conditions = append(query.And{where("ExecutionStatus", query.NotEqual, int64(enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING))}, conditions...)
	conditions = append(conditions, nameFilter(req.GetExecutionFilter(), req.GetTypeFilter())...)
	if filter := req.GetStatusFilter(); filter != nil {
		switch filter.GetStatus() {
		case enumspb.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
			return nil, errListStatus
		}
		conditions = append(conditions, where("ExecutionStatus", query.Equal, int64(filter.GetStatus())))
	}
	executions, next, err := h.listWhere(ctx, conditions, "closed", req.GetMaximumPageSize(), req.GetNextPageToken())
	if err != nil {
		return nil, err
	}
	return &workflowservice.ListClosedWorkflowExecutionsResponse{Executions: executions, NextPageToken: next}, nil
}

// ListArchivedWorkflowExecutions says that there is no archive.
func (h *visibilityHandlers) ListArchivedWorkflowExecutions(_ context.Context, req *workflowservice.ListArchivedWorkflowExecutionsRequest) (*workflowservice.ListArchivedWorkflowExecutionsResponse, error) {
	if req.GetPageSize() > maxArchivedPage {
		return nil, serviceerror.NewInvalidArgumentf("PageSize is larger than allowed %d.", maxArchivedPage)
	}
	return nil, errNotArchived
}

// where is a condition on an attribute of the system.
func where(name string, op query.Op, values ...any) query.Expr {
	return &query.Condition{Column: query.Column{Alias: name, Name: name, Type: searchattribute.System()[name]}, Op: op, Values: values}
}

// timeFilter is the condition that a time is in a filter, both ends included. An end at
// the zero time of Go is none.
func timeFilter(name string, filter *filterpb.StartTimeFilter) (query.And, error) {
	earliest, latest := filterTime(filter.GetEarliestTime()), filterTime(filter.GetLatestTime())
	switch {
	case !earliest.IsZero() && !latest.IsZero():
		if earliest.After(latest) {
			return nil, errListTimes
		}
		return query.And{where(name, query.Between, earliest, latest)}, nil
	case !earliest.IsZero():
		return query.And{where(name, query.GreaterEqual, earliest)}, nil
	case !latest.IsZero():
		return query.And{where(name, query.LessEqual, latest)}, nil
	}
	return nil, nil
}

func filterTime(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

func nameFilter(execution *filterpb.WorkflowExecutionFilter, workflowType *filterpb.WorkflowTypeFilter) query.And {
	switch {
	case execution != nil:
		return query.And{where("WorkflowId", query.Equal, execution.GetWorkflowId())}
	case workflowType != nil:
		return query.And{where("WorkflowType", query.Equal, workflowType.GetName())}
	}
	return nil
}

// parseQuery parses a query about the namespace of the request.
func parseQuery(ctx context.Context, text string) (*query.Query, error) {
	ns := callOf(ctx).namespace
	return query.Parse(text, query.Attributes{Custom: ns.SearchAttributes, Fields: ns.SearchAttributeAliases})
}

// listWhere lists by filters.
func (h *visibilityHandlers) listWhere(ctx context.Context, conditions query.And, name string, size int32, token []byte) ([]*workflowpb.WorkflowExecutionInfo, []byte, error) {
	q := &query.Query{Where: conditions[0]}
	text := ""
	if len(conditions) > 1 {
		q.Where = conditions
	}
	for _, condition := range conditions {
		text += condition.(*query.Condition).String() + "\n"
	}
	return h.list(ctx, q, name, text, size, token)
}

// list returns a page of workflows and the token of the next one.
func (h *visibilityHandlers) list(ctx context.Context, q *query.Query, name, text string, size int32, token []byte) ([]*workflowpb.WorkflowExecutionInfo, []byte, error) {
	rows, next, err := h.page(ctx, q, name, text, size, token)
	if err != nil {
		return nil, nil, err
	}
	executions := make([]*workflowpb.WorkflowExecutionInfo, len(rows))
	for i, row := range rows {
		executions[i] = listedRow(row, callOf(ctx).namespace)
	}
	return executions, next, nil
}

// page returns a page of rows and the token of the next one. The list is known again by its
// name and its text.
func (h *visibilityHandlers) page(ctx context.Context, q *query.Query, name, text string, size int32, encoded []byte) ([]*records.WorkflowRow, []byte, error) {
	ns := callOf(ctx).namespace
	hash := xxhash.Sum64String(ns.ID + "\n" + name + "\n" + text)
	token, err := tokens.DecodeList(encoded, hash)
	if err != nil {
		return nil, nil, err
	}
	if h.index == nil {
		return nil, nil, errNoVisibility
	}
	most := settingOf(ctx, dynamicconfig.VisibilityPageSize)
	request := visibility.ListRequest{Namespace: ns.ID, Query: q, Size: int(size)}
	if request.Size <= 0 || request.Size > most {
		request.Size = most
	}
	if token != nil {
		if len(token.GetBy()) != len(q.OrderBy) {
			return nil, nil, tokens.ErrPage()
		}
		request.After = &visibility.Cursor{Closed: token.Closed, Started: token.Started, ID: token.Id, By: orderValues(token.GetBy())}
	}
	page, err := h.index.List(ctx, request)
	if err != nil {
		return nil, nil, err
	}
	if page.Last == nil {
		return page.Rows, nil, nil
	}
	return page.Rows, tokens.EncodeList(&records.ListToken{Query: hash, Closed: page.Last.Closed, Started: page.Last.Started, Id: page.Last.ID, By: orderRecords(page.Last.By)}), nil
}

// orderValues are the values of a cursor in a token, and orderRecords the other way round.
func orderValues(recorded []*records.OrderValue) []any {
	values := make([]any, len(recorded))
	for i, value := range recorded {
		switch v := value.GetValue().(type) {
		case *records.OrderValue_Integer:
			values[i] = v.Integer
		case *records.OrderValue_Number:
			values[i] = v.Number
		case *records.OrderValue_Text:
			values[i] = v.Text
		}
	}
	return values
}

func orderRecords(values []any) []*records.OrderValue {
	recorded := make([]*records.OrderValue, len(values))
	for i, value := range values {
		recorded[i] = &records.OrderValue{}
		switch v := value.(type) {
		case int64:
			recorded[i].Value = &records.OrderValue_Integer{Integer: v}
		case float64:
			recorded[i].Value = &records.OrderValue_Number{Number: v}
		case string:
			recorded[i].Value = &records.OrderValue_Text{Text: v}
		}
	}
	return recorded
}

// listedRow is a row as lists of workflows show it.
func listedRow(row *records.WorkflowRow, ns *namespace.Namespace) *workflowpb.WorkflowExecutionInfo {
	info := &workflowpb.WorkflowExecutionInfo{
		Execution:         &commonpb.WorkflowExecution{WorkflowId: row.WorkflowId, RunId: row.RunId},
		Type:              &commonpb.WorkflowType{Name: row.WorkflowType},
		StartTime:         row.StartTime,
		ExecutionTime:     row.ExecutionTime,
		Status:            row.Status,
		TaskQueue:         row.TaskQueue,
		Memo:              row.Memo,
		SearchAttributes:  &commonpb.SearchAttributes{IndexedFields: knownAttributes(ns, row.SearchAttributes.GetIndexedFields())},
		ParentNamespaceId: row.ParentNamespaceId,
		ParentExecution:   row.Parent,
		RootExecution:     row.Root,
		FirstRunId:        row.FirstRunId,
	}
	if info.Memo == nil {
		info.Memo = new(commonpb.Memo)
	}
	if !visibility.Open(row.Status) {
		info.CloseTime = row.CloseTime
		info.ExecutionDuration = durationpb.New(visibility.Duration(row))
		info.HistoryLength, info.HistorySizeBytes, info.StateTransitionCount = row.HistoryLength, row.HistorySize, row.StateTransitionCount
	}
	return info
}

// knownAttributes are search attributes without those that the namespace does not have any more.
func knownAttributes(ns *namespace.Namespace, attributes map[string]*commonpb.Payload) map[string]*commonpb.Payload {
	known := maps.Clone(attributes)
	maps.DeleteFunc(known, func(name string, _ *commonpb.Payload) bool {
		_, has := searchattribute.TypeOf(name, ns.SearchAttributes)
		return !has
	})
	return known
}
