package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/clause"
	"github.com/perdure/perdure/internal/visibility/query"
)

// List implements visibility.Index.
func (x *Index) List(ctx context.Context, request visibility.ListRequest) (*visibility.Page, error) {
	page := &visibility.Page{}
	err := x.reading(ctx, request.Namespace, request.Query, func(conn *sql.Conn, s *scope) error {
		text, args, err := s.list(ctx, conn, request)
		if err != nil {
			return err
		}
		rows, err := conn.QueryContext(ctx, text, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		var last *visibility.Cursor
		for rows.Next() {
			row, at, err := scan(rows, len(request.Query.OrderBy))
			if err != nil {
				return err
			}
			if len(page.Rows) == request.Size {
				page.Last = last
				return nil
			}
			page.Rows, last = append(page.Rows, row), at
		}
		return rows.Err()
	})
	if err != nil {
		return nil, failure("listing", err)
	}
	return page, nil
}

const listColumns = `r.id, r.run_id, r.workflow_id, r.workflow_type, r.task_queue, r.status, r.closed, r.started, r.executed,
 r.parent_workflow_id, r.parent_run_id, r.root_workflow_id, r.root_run_id, r.history_length, r.history_size, r.transitions, r.rest`

// list is the statement of a page.
func (s *scope) list(ctx context.Context, conn *sql.Conn, request visibility.ListRequest) (string, []any, error) {
	if n, err := s.narrowList(ctx, conn, request.Query); n != nil || err != nil {
		if err != nil {
			return "", nil, err
		}
		text, args := n.list(request)
		return text, args, nil
	}
	from, err := s.planList(ctx, conn, request.Query)
	if err != nil {
		return "", nil, err
	}
	conditions := []clause.Fragment{from.where, s.inScope(), s.compile(request.Query.Where)}
	conditions = append(conditions, implied(request.Query.Where)...)
	keys := s.keys(request.Query.OrderBy)
	if after := request.After; after != nil {
		conditions = append(conditions, behind(keys, from.order, after))
		if len(keys) > 0 {
			conditions = append(conditions, startBound(request.Query.OrderBy, after)...)
		}
	}
	selected := clause.SQL(listColumns)
	for _, k := range keys {
		selected = clause.Joined([]clause.Fragment{selected, k.of}, ", ")
	}
	where, order := clause.Joined(conditions, " AND "), orderBy(keys, from.order)
	args := slices.Concat(selected.Args, where.Args, order.Args, []any{request.Size + 1}) // one more tells whether there is another page
	return "SELECT " + selected.Text + " FROM " + from.from + " WHERE " + where.Text + " ORDER BY " + order.Text + " LIMIT ?", args, nil
}

// Count implements visibility.Index.
func (x *Index) Count(ctx context.Context, namespace string, q *query.Query) ([]visibility.Group, error) {
	groups := []visibility.Group{}
	err := x.reading(ctx, namespace, q, func(conn *sql.Conn, s *scope) error {
		text, args, err := s.count(ctx, conn, q)
		if err != nil {
			return err
		}
		rows, err := conn.QueryContext(ctx, text, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			group, err := scanGroup(rows, q.GroupBy)
			if err != nil {
				return err
			}
			groups = append(groups, group)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, failure("counting", err)
	}
	if q.GroupBy == nil && len(groups) == 0 {
		groups = append(groups, visibility.Group{})
	}
	return groups, nil
}

// count is the statement of a count. One that depends on statuses alone is read from the
// table of counts.
func (s *scope) count(ctx context.Context, conn *sql.Conn, q *query.Query) (string, []any, error) {
	from, where, n := "counts r", clause.Joined([]clause.Fragment{s.inScope(), s.compile(q.Where)}, " AND "), "coalesce(sum(r.n), 0)"
	if !onlyAbout(q.Where, inCounts) {
		var err error
		if from, where, err = s.counted(ctx, conn, q); err != nil {
			return "", nil, err
		}
		n = "count(*)"
	}
	switch {
	case q.GroupBy == nil:
		return "SELECT " + n + " FROM " + from + " WHERE " + where.Text, where.Args, nil
	case q.GroupBy.Name == visibility.DivisionAttribute:
		return "SELECT coalesce(g.division, ''), " + n + " AS n FROM " + from + " JOIN partitions g ON g.id = r.part WHERE " + where.Text +
			" GROUP BY g.division HAVING n > 0 ORDER BY g.division", where.Args, nil
	}
	return "SELECT r.status, " + n + " AS n FROM " + from + " WHERE " + where.Text + " GROUP BY r.status HAVING n > 0 ORDER BY r.status", where.Args, nil
}

// inCounts are the attributes that the table of counts has.
var inCounts = map[string]bool{"ExecutionStatus": true, visibility.DivisionAttribute: true}

// counted are the rows that are counted: where they come from, and what must be true of
// them.
func (s *scope) counted(ctx context.Context, conn *sql.Conn, q *query.Query) (from string, where clause.Fragment, err error) {
	if n := s.narrow(q.Where); n != nil {
		return n.from, n.where, nil
	}
	source, err := s.plan(ctx, conn, q.Where, false)
	conditions := append([]clause.Fragment{source.where, s.inScope(), s.compile(q.Where)}, implied(q.Where)...)
	return source.from, clause.Joined(conditions, " AND "), err
}

func scanGroup(rows *sql.Rows, by *query.Column) (group visibility.Group, err error) {
	switch {
	case by == nil:
		err = rows.Scan(&group.Count)
	case by.Name == visibility.DivisionAttribute:
		var value string
		err = rows.Scan(&value, &group.Count)
		group.Value = value
	default:
		var status int32
		err = rows.Scan(&status, &group.Count)
		group.Value = enumspb.WorkflowExecutionStatus(status).String()
	}
	return group, err
}

// reading calls fn with a connection on which the database does not change, and what the
// names of the query mean. Where there is nothing to read it does not.
func (x *Index) reading(ctx context.Context, namespace string, q *query.Query, fn func(*sql.Conn, *scope) error) error {
	conn := x.conn
	if x.read == nil {
		x.mu.Lock()
		defer x.mu.Unlock()
	} else {
		var err error
		if conn, err = x.read.Conn(ctx); err != nil {
			return err
		}
		defer conn.Close()
	}
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }()
	s := &scope{namespace: namespace, attributes: make(map[query.Column]int64)}
	if err := x.partitions(ctx, conn, s, q); err != nil || len(s.parts) == 0 {
		return err
	}
	if err := x.resolve(ctx, conn, s, q.Where); err != nil {
		return err
	}
	for _, order := range q.OrderBy {
		if err := x.resolveColumn(ctx, conn, s, order.Column); err != nil {
			return err
		}
	}
	return fn(conn, s)
}

// partitions finds the partitions that a query is about.
func (x *Index) partitions(ctx context.Context, conn *sql.Conn, s *scope, q *query.Query) error {
	where := clause.SQL("p.namespace = ? AND p.division IS NULL", s.namespace)
	if q.Divided {
		where = clause.SQL("p.namespace = ?", s.namespace)
		for _, part := range conjuncts(q.Where) {
			if c, ok := part.(*query.Condition); ok && c.Column.Name == visibility.DivisionAttribute {
				where = clause.Joined([]clause.Fragment{where, compare("p.division", c.Op, c.Values)}, " AND ")
			}
		}
	} else if id, ok := cached(&x.names, &x.names.partitions, partitionName{namespace: s.namespace}); ok {
		s.parts = []int64{id}
		return nil
	}
	rows, err := conn.QueryContext(ctx, "SELECT p.id FROM partitions p WHERE "+where.Text, where.Args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return err
		}
		s.parts = append(s.parts, id)
	}
	return rows.Err()
}

// resolve finds the ids of the attributes that an expression names.
func (x *Index) resolve(ctx context.Context, conn *sql.Conn, s *scope, e query.Expr) error {
	switch e := e.(type) {
	case query.And:
		return x.resolveAll(ctx, conn, s, e)
	case query.Or:
		return x.resolveAll(ctx, conn, s, e)
	case *query.Condition:
		return x.resolveColumn(ctx, conn, s, e.Column)
	}
	return nil
}

func (x *Index) resolveColumn(ctx context.Context, conn *sql.Conn, s *scope, column query.Column) error {
	c := query.Column{Name: column.Name, Type: column.Type}
	if _, ok := columns[c.Name]; ok || c.Name == visibility.DivisionAttribute {
		return nil
	}
	if _, ok := s.attributes[c]; ok {
		return nil
	}
	key := attributeName{s.namespace, c.Name, int32(c.Type)}
	if id, ok := cached(&x.names, &x.names.attributes, key); ok {
		s.attributes[c] = id
		return nil
	}
	var id int64
	err := conn.QueryRowContext(ctx, "SELECT id FROM attribute_names WHERE namespace = ? AND name = ? AND type = ?", key.namespace, key.name, key.kind).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		s.attributes[c] = absentAttribute
		return nil
	}
	s.attributes[c] = id
	return err
}

func (x *Index) resolveAll(ctx context.Context, conn *sql.Conn, s *scope, parts []query.Expr) error {
	for _, part := range parts {
		if err := x.resolve(ctx, conn, s, part); err != nil {
			return err
		}
	}
	return nil
}

// scan reads a row, behind which are the values of that many keys.
func scan(rows *sql.Rows, keys int) (*records.WorkflowRow, *visibility.Cursor, error) {
	row, at := &records.WorkflowRow{}, &visibility.Cursor{}
	var executed int64
	var parentID, parentRun, rootID, rootRun sql.NullString
	var length, size, transitions sql.NullInt64
	var rest []byte
	into := []any{
		&at.ID, &row.RunId, &row.WorkflowId, &row.WorkflowType, &row.TaskQueue, (*int32)(&row.Status), &at.Closed, &at.Started, &executed,
		&parentID, &parentRun, &rootID, &rootRun, &length, &size, &transitions, &rest,
	}
	if keys > 0 {
		at.By = make([]any, keys)
		for i := range at.By {
			into = append(into, &at.By[i])
		}
	}
	if err := rows.Scan(into...); err != nil {
		return nil, nil, err
	}
	row.StartTime, row.ExecutionTime = timestamp(at.Started), timestamp(executed)
	if at.Closed != clause.EndOfTime {
		row.CloseTime = timestamp(at.Closed)
	}
	row.HistoryLength, row.HistorySize, row.StateTransitionCount = length.Int64, size.Int64, transitions.Int64
	if parentID.Valid {
		row.Parent = &commonpb.WorkflowExecution{WorkflowId: parentID.String, RunId: parentRun.String}
	}
	row.Root = &commonpb.WorkflowExecution{WorkflowId: row.WorkflowId, RunId: row.RunId}
	if rootID.Valid {
		row.Root = &commonpb.WorkflowExecution{WorkflowId: rootID.String, RunId: rootRun.String}
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
