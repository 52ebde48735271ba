package sqlite

import (
	"context"
	"database/sql"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/query"
)

// source is where a query gets its rows from. All that is true of the rows has to be
// true of the row r as well; a source only says which rows are looked at.
type source struct {
	// from is what stands behind FROM, and what must be true of it.
	from  string
	where fragment
	// order is the alias whose columns closed, started and id are in the order of lists
	// without being sorted.
	order string
}

// candidate is a condition, one of those that must all be true, by which rows can be
// found.
type candidate struct {
	// ids selects the ids of the rows.
	ids fragment
	// ordered is the source that has the rows in order; from is empty if there is none.
	ordered source
}

// few is how many rows are looked at without regard to their order. A candidate with
// more of them is only used if it has them in order.
const few = 2000

// byTime is the source of all rows of the partitions.
var byTime = source{from: "runs r INDEXED BY runs_by_time", where: sqlText("1"), order: "r"}

// plan chooses where the rows of a query come from: the candidate with the fewest rows.
func (s *scope) plan(ctx context.Context, conn *sql.Conn, where query.Expr) (source, error) {
	var candidates []candidate
	for _, part := range conjuncts(where) {
		if condition, ok := part.(*query.Condition); ok && len(s.parts) == 1 {
			candidates = append(candidates, s.candidates(condition)...)
		}
	}
	best, fewest := -1, int64(few)
	ordered := -1 // the first one that has many, in order
	for i, c := range candidates {
		var n int64
		err := conn.QueryRowContext(ctx, "SELECT count(*) FROM ("+c.ids.text+" LIMIT ?)", append(c.ids.args[:len(c.ids.args):len(c.ids.args)], few)...).Scan(&n)
		if err != nil {
			return source{}, failure("planning", err)
		}
		if n < fewest {
			best, fewest = i, n
		} else if ordered < 0 && n >= few && c.ordered.from != "" {
			ordered = i
		}
	}
	switch {
	case best >= 0 && candidates[best].ordered.from != "":
		return candidates[best].ordered, nil
	case best >= 0:
		ids := candidates[best].ids
		return source{from: "runs r", where: fragment{"r.id IN (" + ids.text + ")", ids.args}, order: "r"}, nil
	case ordered >= 0:
		return candidates[ordered].ordered, nil
	case len(s.parts) != 1:
		return source{from: "runs r", where: sqlText("1"), order: "r"}, nil
	}
	return byTime, nil
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

// indexes are the columns of runs with an index, by attribute.
var indexes = map[string]string{
	"RunId": "runs_by_run", "WorkflowId": "runs_by_workflow", "ParentWorkflowId": "runs_by_parent", "WorkflowType": "runs_by_type", "TaskQueue": "runs_by_queue", "ExecutionStatus": "runs_by_status",
}

// candidates are the ways to find the rows for which the condition is true.
func (s *scope) candidates(c *query.Condition) []candidate {
	if c.Column.Name == "RootWorkflowId" && c.Op == query.Equal {
		id := c.Values[0]
		return []candidate{{ids: sqlText("SELECT r.id FROM runs r WHERE r.part = ? AND r.root_workflow_id = ?"+
			" UNION ALL SELECT r.id FROM runs r WHERE r.part = ? AND r.workflow_id = ? AND r.root_workflow_id IS NULL", s.parts[0], id, s.parts[0], id)}}
	}
	if index, ok := indexes[c.Column.Name]; ok {
		return s.indexed(c, index)
	}
	if _, ok := columns[c.Column.Name]; ok || c.Column.Name == visibility.DivisionAttribute {
		return nil
	}
	exists, of := s.values(c)
	if !exists {
		return nil
	}
	where := fragment{"a.attr = ? AND " + of.text, append([]any{s.attribute(c.Column)}, of.args...)}
	way := candidate{ids: fragment{"SELECT a.id FROM attributes a INDEXED BY attributes_by_value WHERE " + where.text, where.args}}
	if c.Op == query.Equal && (c.Column.Type != enumspb.INDEXED_VALUE_TYPE_TEXT || len(of.args) == 1) {
		way.ordered = source{from: "attributes a INDEXED BY attributes_by_value CROSS JOIN runs r ON r.id = a.id", where: where, order: "a"}
	}
	return []candidate{way}
}

// indexed is the way by an index of runs.
func (s *scope) indexed(c *query.Condition, index string) []candidate {
	switch c.Op {
	case query.Equal, query.In, query.StartsWith:
	default:
		return nil
	}
	where := compare(columns[c.Column.Name], c.Op, c.Values)
	from := "runs r INDEXED BY " + index
	ids := "SELECT r.id FROM " + from + " WHERE r.part = ? AND " + where.text
	if c.Column.Name == "RunId" {
		// There are few of the same id, in whatever namespace.
		if c.Op == query.StartsWith {
			return nil
		}
		return []candidate{{ids: fragment{"SELECT r.id FROM " + from + " WHERE " + where.text, where.args}}}
	}
	way := candidate{ids: fragment{ids, append([]any{s.parts[0]}, where.args...)}}
	if c.Op == query.Equal {
		way.ordered = source{from: from, where: sqlText("1"), order: "r"}
	}
	return []candidate{way}
}

// implied are conditions that follow from the others and bound what is read of the order
// of lists: a run closes after it has started.
func implied(where query.Expr) []fragment {
	var bounds []fragment
	for _, part := range conjuncts(where) {
		c, ok := part.(*query.Condition)
		if !ok || c.Column.Name != "StartTime" && c.Column.Name != "CloseTime" {
			continue
		}
		isClose := c.Column.Name == "CloseTime"
		switch c.Op {
		case query.Greater, query.GreaterEqual:
			bounds = append(bounds, sqlText("r.closed >= ?", bound(c.Values[0])))
		case query.Equal, query.Between:
			bounds = append(bounds, sqlText("r.closed >= ?", bound(c.Values[0])))
			if isClose {
				bounds = append(bounds, sqlText("r.closed <= ?", bound(c.Values[len(c.Values)-1])))
			}
		case query.Less, query.LessEqual:
			if isClose {
				bounds = append(bounds, sqlText("r.closed <= ?", bound(c.Values[0])))
			}
		case query.IsNull:
			bounds = append(bounds, sqlText("r.closed = ?", int64(endOfTime)))
		}
	}
	return bounds
}
