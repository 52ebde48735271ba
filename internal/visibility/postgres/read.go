package postgres

import (
	"context"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/clause"
	"github.com/perdure/perdure/internal/visibility/query"
)

const listColumns = `r.id, r.run_id, r.workflow_id, r.workflow_type, r.task_queue, r.status, r.closed, r.started, r.executed,
 r.parent_workflow_id, r.parent_run_id, r.root_workflow_id, r.root_run_id, r.history_length, r.history_size, r.transitions, r.rest`

// List implements visibility.Index.
func (x *Index) List(ctx context.Context, request visibility.ListRequest) (*visibility.Page, error) {
	page := &visibility.Page{}
	s, err := x.scope(ctx, request.Namespace, request.Query)
	if err != nil || len(s.parts) == 0 {
		return page, failure("listing", err)
	}
	keys := s.keys(request.Query.OrderBy)
	conditions := []clause.Fragment{s.inScope(), s.compile(request.Query.Where)}
	if request.After != nil {
		conditions = append(conditions, behind(keys, request.After))
	}
	selected := clause.SQL(listColumns)
	for _, k := range keys {
		selected = clause.Joined([]clause.Fragment{selected, k.of}, ", ")
	}
	where, order := clause.Joined(conditions, " AND "), orderBy(keys)
	text := "SELECT " + selected.Text + " FROM perdure_visibility_runs r WHERE " + where.Text + " ORDER BY " + order.Text + " LIMIT ?::int8"
	rows, err := x.read.Query(ctx, numbered(text), slices.Concat(selected.Args, where.Args, order.Args, []any{int64(min(request.Size, math.MaxInt32) + 1)})...)
	if err != nil {
		return nil, failure("listing", err)
	}
	defer rows.Close()
	var last *visibility.Cursor
	for rows.Next() {
		row, at, err := scan(rows, keys)
		if err != nil {
			return nil, failure("listing", err)
		}
		if len(page.Rows) == request.Size { // one more tells whether there is another page
			page.Last = last
			break
		}
		page.Rows, last = append(page.Rows, row), at
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, failure("listing", err)
	}
	return page, nil
}

// inCounts are the attributes that the table of counts has.
var inCounts = map[string]bool{"ExecutionStatus": true, visibility.DivisionAttribute: true}

// onlyAbout reports whether an expression is about nothing but the attributes.
func onlyAbout(e query.Expr, attributes map[string]bool) bool {
	var parts []query.Expr
	switch e := e.(type) {
	case *query.Condition:
		return attributes[e.Column.Name]
	case query.And:
		parts = e
	case query.Or:
		parts = e
	}
	return !slices.ContainsFunc(parts, func(part query.Expr) bool { return !onlyAbout(part, attributes) })
}

// Count implements visibility.Index. One that depends on statuses alone is read from the table of counts.
func (x *Index) Count(ctx context.Context, namespace string, q *query.Query) ([]visibility.Group, error) {
	groups := []visibility.Group{}
	s, err := x.scope(ctx, namespace, q)
	if err == nil && len(s.parts) > 0 {
		groups, err = x.count(ctx, s, q)
	}
	if err != nil {
		return nil, failure("counting", err)
	}
	if q.GroupBy == nil && len(groups) == 0 {
		groups = append(groups, visibility.Group{})
	}
	return groups, nil
}

func (x *Index) count(ctx context.Context, s *scope, q *query.Query) ([]visibility.Group, error) {
	where := clause.Joined([]clause.Fragment{s.inScope(), s.compile(q.Where)}, " AND ")
	from, n := "perdure_visibility_runs r", "count(*)"
	if onlyAbout(q.Where, inCounts) {
		from, n = "perdure_visibility_counts r", "coalesce(sum(r.n), 0)::int8"
	}
	text := "SELECT " + n + " FROM " + from + " WHERE " + where.Text
	switch {
	case q.GroupBy == nil:
	case q.GroupBy.Name == visibility.DivisionAttribute:
		text = "SELECT " + n + ", g.division FROM " + from + " JOIN perdure_visibility_partitions g ON g.id = r.part WHERE " + where.Text +
			" GROUP BY g.divided, g.division HAVING " + n + " > 0 ORDER BY g.divided, g.division"
	default:
		text = "SELECT " + n + ", r.status FROM " + from + " WHERE " + where.Text + " GROUP BY r.status HAVING " + n + " > 0 ORDER BY r.status"
	}
	rows, err := x.read.Query(ctx, numbered(text), where.Args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	groups := []visibility.Group{}
	for rows.Next() {
		var group visibility.Group
		var division []byte
		var status int32
		switch {
		case q.GroupBy == nil:
			err = rows.Scan(&group.Count)
		case q.GroupBy.Name == visibility.DivisionAttribute:
			err = rows.Scan(&group.Count, &division)
			group.Value = string(division)
		default:
			err = rows.Scan(&group.Count, &status)
			group.Value = enumspb.WorkflowExecutionStatus(status).String()
		}
		if err != nil {
			return nil, err
		}
		groups = append(groups, group)
	}
	return groups, rows.Err()
}

// scope finds out what the names of a query mean. Without partitions there is nothing to be found.
func (x *Index) scope(ctx context.Context, namespace string, q *query.Query) (*scope, error) {
	s := &scope{namespace: namespace, attributes: make(map[query.Column]int64)}
	if err := x.partitions(ctx, s, q); err != nil || len(s.parts) == 0 {
		return s, err
	}
	for column := range q.Columns() {
		if err := x.resolve(ctx, s, column); err != nil {
			return s, err
		}
	}
	return s, nil
}

// conjuncts are the parts that must all be true.
func conjuncts(where query.Expr) []query.Expr {
	if and, ok := where.(query.And); ok {
		return and
	}
	if where == nil {
		return nil
	}
	return []query.Expr{where}
}

// partitions finds the partitions that a query is about.
func (x *Index) partitions(ctx context.Context, s *scope, q *query.Query) error {
	where := clause.SQL("p.namespace = ?::bytea", []byte(s.namespace))
	if q.Divided {
		for _, part := range conjuncts(q.Where) {
			if c, ok := part.(*query.Condition); ok && c.Column.Name == visibility.DivisionAttribute {
				where = clause.Joined([]clause.Fragment{where, dialect.Compare("(CASE WHEN p.divided THEN p.division END)", c.Op, c.Values)}, " AND ")
			}
		}
	} else {
		if id, ok := cached(&x.names, &x.names.partitions, partitionName{namespace: s.namespace}); ok {
			s.parts = []int64{id}
			return nil
		}
		where = clause.Joined([]clause.Fragment{where, clause.SQL("NOT p.divided")}, " AND ")
	}
	rows, err := x.read.Query(ctx, numbered("SELECT p.id FROM perdure_visibility_partitions p WHERE "+where.Text), where.Args...)
	if err != nil {
		return err
	}
	s.parts, err = pgx.CollectRows(rows, pgx.RowTo[int64])
	if err == nil && !q.Divided && len(s.parts) == 1 {
		keep(&x.names, &x.names.partitions, partitionName{namespace: s.namespace}, s.parts[0])
	}
	return err
}

// resolve finds the id of an attribute.
func (x *Index) resolve(ctx context.Context, s *scope, named query.Column) error {
	c := query.Column{Name: named.Name, Type: named.Type}
	if _, ok := columns[c.Name]; ok || c.Name == visibility.DivisionAttribute {
		return nil
	}
	if _, ok := s.attributes[c]; ok {
		return nil
	}
	key := attributeName{s.namespace, c.Name, int32(c.Type)}
	id, ok := cached(&x.names, &x.names.attributes, key)
	if !ok {
		err := x.read.QueryRow(ctx, "SELECT id FROM perdure_visibility_names WHERE namespace = $1::bytea AND name = $2::bytea AND type = $3::int4", []byte(key.namespace), []byte(key.name), key.kind).Scan(&id)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			s.attributes[c] = absentAttribute
			return nil
		case err != nil:
			return err
		}
		keep(&x.names, &x.names.attributes, key, id)
	}
	s.attributes[c] = id
	return nil
}

// scan reads a row, behind which are the values of the keys.
func scan(rows pgx.Rows, keys []key) (*records.WorkflowRow, *visibility.Cursor, error) {
	row, at := &records.WorkflowRow{}, &visibility.Cursor{}
	var executed int64
	var runID, workflowID, workflowType, queue, parentID, parentRun, rootID, rootRun, rest []byte
	var length, size, transitions *int64
	var status int32
	into := []any{
		&at.ID, &runID, &workflowID, &workflowType, &queue, &status, &at.Closed, &at.Started, &executed,
		&parentID, &parentRun, &rootID, &rootRun, &length, &size, &transitions, &rest,
	}
	texts, numbers := make([][]byte, len(keys)), make([]*int64, len(keys))
	for i, k := range keys {
		if k.text {
			into = append(into, &texts[i])
		} else {
			into = append(into, &numbers[i])
		}
	}
	if err := rows.Scan(into...); err != nil {
		return nil, nil, err
	}
	for i, k := range keys {
		var value any
		switch {
		case k.text && texts[i] != nil:
			value = hex.EncodeToString(texts[i])
		case !k.text && numbers[i] != nil:
			value = *numbers[i]
		}
		at.By = append(at.By, value)
	}
	row.RunId, row.WorkflowId, row.WorkflowType, row.TaskQueue = string(runID), string(workflowID), string(workflowType), string(queue)
	row.Status = enumspb.WorkflowExecutionStatus(status)
	row.StartTime, row.ExecutionTime = timestamp(at.Started), timestamp(executed)
	if at.Closed != clause.EndOfTime {
		row.CloseTime = timestamp(at.Closed)
	}
	if length != nil {
		row.HistoryLength, row.HistorySize, row.StateTransitionCount = *length, *size, *transitions
	}
	if parentID != nil {
		row.Parent = &commonpb.WorkflowExecution{WorkflowId: string(parentID), RunId: string(parentRun)}
	}
	row.Root = &commonpb.WorkflowExecution{WorkflowId: row.WorkflowId, RunId: row.RunId}
	if rootID != nil {
		row.Root = &commonpb.WorkflowExecution{WorkflowId: string(rootID), RunId: string(rootRun)}
	}
	more := &records.WorkflowRow{}
	if err := proto.Unmarshal(rest, more); err != nil {
		return nil, nil, err
	}
	row.Memo, row.SearchAttributes, row.ParentNamespaceId, row.BuildIds = more.Memo, more.SearchAttributes, more.ParentNamespaceId, more.BuildIds
	if row.FirstRunId = more.FirstRunId; row.FirstRunId == "" {
		row.FirstRunId = row.RunId
	}
	return row, at, nil
}

func timestamp(nanos int64) *timestamppb.Timestamp { return timestamppb.New(time.Unix(0, nanos)) }
