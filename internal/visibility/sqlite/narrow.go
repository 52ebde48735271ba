package sqlite

import (
	"context"
	"database/sql"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/clause"
	"github.com/perdure/perdure/internal/visibility/query"
)

// A query about one thing (a type, a queue, an attribute, …) and beside it about statuses
// and times of start and close only is answered by one index alone, which has all of that: its
// rows are counted and chosen there, and of a list only the rows of the page are read.

// narrow is such an index, and what is true of its entries, which have the columns part,
// status, closed, started and id under the alias r.
type narrow struct {
	from  string
	where clause.Fragment
	// ordered: what is found is in the order of lists as it is.
	ordered bool
}

// inEveryIndex are the attributes whose columns every index has that a narrow uses.
var inEveryIndex = map[string]bool{"ExecutionStatus": true, "StartTime": true, "CloseTime": true}

// narrow finds the index that answers a query alone; nil if there is none.
func (s *scope) narrow(where query.Expr) *narrow {
	if len(s.parts) != 1 {
		return nil
	}
	var main *query.Condition
	conditions := []clause.Fragment{s.inScope()}
	for _, part := range conjuncts(where) {
		if onlyAbout(part, inEveryIndex) {
			conditions = append(conditions, s.compile(part))
			continue
		}
		c, ok := part.(*query.Condition)
		if !ok || main != nil {
			return nil
		}
		main = c
	}
	if main == nil {
		return nil
	}
	n := s.narrowTo(main)
	if n != nil {
		n.where = clause.Joined(append(append(conditions, n.where), implied(where)...), " AND ")
	}
	return n
}

// narrowTo is the index of what a condition is about.
func (s *scope) narrowTo(c *query.Condition) *narrow {
	if c.Op == query.IsNull {
		return nil
	}
	if index, ok := indexes[c.Column.Name]; ok && c.Column.Name != "ParentWorkflowId" { // whose index has no statuses
		return &narrow{"runs r INDEXED BY " + index, compare(columns[c.Column.Name], c.Op, c.Values), c.Op == query.Equal}
	}
	if _, ok := columns[c.Column.Name]; ok || c.Column.Name == visibility.DivisionAttribute {
		return nil
	}
	switch c.Column.Type {
	case enumspb.INDEXED_VALUE_TYPE_TEXT:
		return nil
	case enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST:
		if c.Op != query.Equal {
			return nil // a run may have several of the values
		}
	}
	where := clause.SQL("r.attr = ?", s.attribute(c.Column))
	if c.Op != query.NotNull {
		where = clause.Joined([]clause.Fragment{where, compare("r.value", c.Op, c.Values)}, " AND ")
	}
	return &narrow{"attributes r INDEXED BY attributes_by_value", where, c.Op == query.Equal}
}

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
	for _, part := range parts {
		if !onlyAbout(part, attributes) {
			return false
		}
	}
	return true
}

// sortable is how many entries of an index are sorted so as to find a page. If more are
// found, one that goes through all runs in order finds enough of them soon.
const sortable = 50_000

// narrowList finds the index that answers a list alone; nil if there is none, or if it
// would take longer than another way.
func (s *scope) narrowList(ctx context.Context, conn *sql.Conn, q *query.Query) (*narrow, error) {
	if len(q.OrderBy) > 0 {
		return nil, nil
	}
	n := s.narrow(q.Where)
	if n == nil || n.ordered {
		return n, nil
	}
	var found int
	text := "SELECT count(*) FROM (SELECT 1 FROM " + n.from + " WHERE " + n.where.Text + " LIMIT ?)"
	err := conn.QueryRowContext(ctx, text, append(n.where.Args[:len(n.where.Args):len(n.where.Args)], sortable)...).Scan(&found)
	if err != nil || found == sortable {
		return nil, err
	}
	return n, nil
}

// list is the statement of a page.
func (n *narrow) list(request visibility.ListRequest) (string, []any) {
	where := n.where
	if request.After != nil {
		where = clause.Joined([]clause.Fragment{where, behind(nil, "r", request.After)}, " AND ")
	}
	order := " ORDER BY " + orderBy(nil, "r").Text
	return "SELECT " + listColumns + " FROM (SELECT r.id FROM " + n.from + " WHERE " + where.Text + order + " LIMIT ?) d CROSS JOIN runs r ON r.id = d.id" + order,
		append(where.Args[:len(where.Args):len(where.Args)], request.Size+1)
}
