package sqlite

import (
	"context"
	"database/sql"
	"math"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/clause"
	"github.com/perdure/perdure/internal/visibility/query"
)

// source is where a query gets its rows from. All that is true of the rows has to be
// true of the row r as well; a source only says which rows are looked at.
type source struct {
	// from is what stands behind FROM, and what must be true of it.
	from  string
	where clause.Fragment
	// order is the alias whose columns closed, started and id are in the order of lists
	// without being sorted.
	order string
}

// candidate is a way to find all rows for which a condition may be true, one of those that
// must all be.
type candidate struct {
	// ids selects the ids of the rows.
	ids clause.Fragment
	// size selects how many rows there are, if that is known; else ids are counted.
	size clause.Fragment
	// ordered is the source that has the rows in order; from is empty if there is none.
	ordered source
}

// few is how many rows are gone through without regard to their order, so as to be
// sorted; to find a page among as many in a million takes as long.
const few = 10_000

// byTime is the source of all rows of the partitions.
var byTime = source{from: "runs r INDEXED BY runs_by_time", where: clause.SQL("1"), order: "r"}

// byStart is the source of all rows of the partitions in order of their start.
var byStart = source{from: "runs r INDEXED BY runs_by_start", where: clause.SQL("1"), order: "r"}

// planList chooses where the rows of a list come from.
func (s *scope) planList(ctx context.Context, conn *sql.Conn, q *query.Query) (source, error) {
	if len(q.OrderBy) == 0 {
		return s.plan(ctx, conn, q.Where, true)
	}
	// They are sorted, so the fewer the better; unless an index has the order.
	from, err := s.plan(ctx, conn, q.Where, false)
	if from.from == byTime.from && q.OrderBy[0].Column.Name == "StartTime" {
		from = byStart
	}
	return from, err
}

// plan chooses where the rows of a query come from: the candidate with the fewest rows. If
// all have many, and the rows are to be in order, it is one that has them in order.
func (s *scope) plan(ctx context.Context, conn *sql.Conn, where query.Expr, inOrder bool) (source, error) {
	if len(s.parts) != 1 {
		return source{from: "runs r", where: clause.SQL("1"), order: "r"}, nil
	}
	best, bestOrdered := source{}, byTime
	fewest, fewestOrdered := int64(math.MaxInt64), int64(math.MaxInt64)
	for _, part := range conjuncts(where) {
		for _, c := range s.candidates(part) {
			n, err := c.count(ctx, conn)
			if err != nil {
				return source{}, err
			}
			if n < fewest {
				best, fewest = c.source(), n
			}
			if c.ordered.from != "" && n < fewestOrdered {
				bestOrdered, fewestOrdered = c.ordered, n
			}
		}
	}
	if fewest < few || !inOrder && fewest < math.MaxInt64 {
		return best, nil
	}
	return bestOrdered, nil
}

// count counts the rows of the candidate, to few at most.
func (c *candidate) count(ctx context.Context, conn *sql.Conn) (n int64, err error) {
	of := c.size
	if of.Text == "" {
		of = c.ids.With("SELECT count(*) FROM (", "").Then(" LIMIT ?)", few)
	}
	err = conn.QueryRowContext(ctx, of.Text, of.Args...).Scan(&n)
	return n, err
}

// source is the candidate as a source.
func (c *candidate) source() source {
	if c.ordered.from != "" {
		return c.ordered
	}
	// CROSS JOIN: the ids first, whatever SQLite thinks of their number.
	return source{from: "(SELECT DISTINCT id FROM (" + c.ids.Text + ")) d CROSS JOIN runs r ON r.id = d.id", where: clause.SQL("1", c.ids.Args...), order: "r"}
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

// candidates are the ways to find the rows for which an expression is true.
func (s *scope) candidates(e query.Expr) (all []candidate) {
	switch e := e.(type) {
	case *query.Condition:
		return s.ways(e)
	case query.And:
		for _, part := range e {
			all = append(all, s.candidates(part)...)
		}
	case query.Or:
		const most = 100 // parts: SQLite takes no more than 500
		if len(e) > most {
			return nil
		}
		union := make([]clause.Fragment, len(e))
		for i, part := range e {
			ways := s.candidates(part)
			if len(ways) == 0 || strings.Contains(ways[0].ids.Text, " UNION ") {
				return nil
			}
			union[i] = ways[0].ids
		}
		ids := clause.Joined(union, " UNION ALL ")
		return []candidate{{ids: ids}}
	}
	return all
}

// indexes are the columns of runs with an index in the order of lists, by attribute.
var indexes = map[string]string{
	"WorkflowId": "runs_by_workflow", "ParentWorkflowId": "runs_by_parent", "WorkflowType": "runs_by_type", "TaskQueue": "runs_by_queue",
}

// ways are the ways to find the rows for which a condition is true.
func (s *scope) ways(c *query.Condition) []candidate {
	switch name := c.Column.Name; name {
	case "RunId":
		if c.Op != query.Equal && c.Op != query.In {
			return nil
		}
		where := compare("r.run_id", c.Op, c.Values)
		return []candidate{{ids: where.With("SELECT r.id FROM runs r INDEXED BY runs_by_run WHERE ", "")}}
	case "RootWorkflowId":
		if c.Op != query.Equal {
			return nil
		}
		// One list of ids, as those of a UNION cannot be part of another one.
		return []candidate{{ids: clause.SQL("SELECT r.id FROM runs r WHERE r.id IN (SELECT id FROM runs WHERE part = ? AND root_workflow_id = ?"+
			" UNION ALL SELECT id FROM runs WHERE part = ? AND workflow_id = ? AND root_workflow_id IS NULL)", s.parts[0], c.Values[0], s.parts[0], c.Values[0])}}
	case "StartTime":
		switch c.Op {
		case query.NotEqual, query.NotIn, query.NotBetween, query.IsNull, query.NotNull:
			return nil
		}
		where := compare("r.started", c.Op, c.Values)
		return []candidate{{ids: clause.SQL("SELECT r.id FROM runs r INDEXED BY runs_by_start WHERE r.part = ? AND ", s.parts[0]).Then(where.Text, where.Args...)}}
	case "ExecutionStatus":
		return s.byStatus(c)
	default:
		if index, ok := indexes[name]; ok {
			return s.byColumn(c, index)
		}
		if _, ok := columns[name]; ok || name == visibility.DivisionAttribute {
			return nil
		}
		return s.byAttribute(c)
	}
}

func (s *scope) byColumn(c *query.Condition, index string) []candidate {
	switch c.Op {
	case query.Equal, query.In, query.StartsWith, query.Between:
	default:
		return nil
	}
	where := compare(columns[c.Column.Name], c.Op, c.Values)
	from := "runs r INDEXED BY " + index
	way := candidate{ids: clause.SQL("SELECT r.id FROM "+from+" WHERE r.part = ? AND ", s.parts[0]).Then(where.Text, where.Args...)}
	if c.Op == query.Equal {
		way.ordered = source{from: from, where: clause.SQL("1"), order: "r"}
	}
	return []candidate{way}
}

// byStatus is the way by status. How many rows there are is known, and there is no index
// of those that have completed.
func (s *scope) byStatus(c *query.Condition) []candidate {
	if c.Op != query.Equal || c.Values[0] == int64(enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED) {
		return nil
	}
	const from = "runs r INDEXED BY runs_by_status"
	return []candidate{{
		ids:     clause.SQL("SELECT r.id FROM "+from+" WHERE r.part = ? AND r.status = ? AND r.status <> 2", s.parts[0], c.Values[0]),
		size:    clause.SQL("SELECT coalesce(sum(n), 0) FROM counts WHERE part = ? AND status = ?", s.parts[0], c.Values[0]),
		ordered: source{from: from, where: clause.SQL("r.status <> 2"), order: "r"},
	}}
}

func (s *scope) byAttribute(c *query.Condition) []candidate {
	exists, of := dialect.Values(c)
	if !exists {
		return nil
	}
	where := clause.SQL("a.attr = ? AND ", s.attribute(c.Column)).Then(of.Text, of.Args...)
	way := candidate{ids: where.With("SELECT a.id FROM attributes a INDEXED BY attributes_by_value WHERE ", "")}
	if c.Op == query.Equal && len(of.Args) == 1 {
		way.ordered = source{from: "attributes a INDEXED BY attributes_by_value CROSS JOIN runs r ON r.id = a.id", where: where, order: "a"}
	}
	return []candidate{way}
}

// implied are conditions that follow from the others and bound what is read of the order
// of lists: a run closes after it has started.
func implied(where query.Expr) []clause.Fragment {
	var bounds []clause.Fragment
	for _, part := range conjuncts(where) {
		c, ok := part.(*query.Condition)
		if !ok || c.Column.Name != "StartTime" && c.Column.Name != "CloseTime" {
			continue
		}
		isClose := c.Column.Name == "CloseTime"
		switch c.Op {
		case query.Greater, query.GreaterEqual:
			bounds = append(bounds, clause.SQL("r.closed >= ?", bound(c.Values[0])))
		case query.Equal, query.Between:
			bounds = append(bounds, clause.SQL("r.closed >= ?", bound(c.Values[0])))
			if isClose {
				bounds = append(bounds, clause.SQL("r.closed <= ?", bound(c.Values[len(c.Values)-1])))
			}
		case query.Less, query.LessEqual:
			if isClose {
				bounds = append(bounds, clause.SQL("r.closed <= ?", bound(c.Values[0])))
			}
		case query.IsNull:
			bounds = append(bounds, clause.SQL("r.closed = ?", int64(clause.EndOfTime)))
		}
	}
	return bounds
}
