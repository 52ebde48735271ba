package sqlite

import (
	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/clause"
	"github.com/perdure/perdure/internal/visibility/query"
)

// key is a value by which rows are ordered before they are in the order of lists.
type key struct {
	// of is the value, of the row r.
	of         clause.Fragment
	descending bool
	// always: every row has one.
	always bool
}

// mandatory are the columns that every row has a value in.
var mandatory = map[string]bool{
	"WorkflowId": true, "RunId": true, "WorkflowType": true, "TaskQueue": true, "ExecutionStatus": true, "StartTime": true,
	"ExecutionTime": true, "RootWorkflowId": true, "RootRunId": true,
}

// keys are what a query is ordered by.
func (s *scope) keys(by []query.Order) []key {
	keys := make([]key, len(by))
	for i, order := range by {
		name := order.Column.Name
		keys[i] = key{descending: order.Descending, always: mandatory[name]}
		switch column, ok := columns[name]; {
		case ok:
			keys[i].of = clause.SQL(column)
		case name == visibility.DivisionAttribute:
			keys[i].of = clause.SQL("(SELECT p.division FROM partitions p WHERE p.id = r.part)")
		default:
			of := "min(a.value)"
			if order.Descending {
				of = "max(a.value)"
			}
			keys[i].of = clause.SQL("(SELECT "+of+" FROM attributes a WHERE a.id = r.id AND a.attr = ?)", s.attribute(order.Column))
		}
	}
	return keys
}

// orderBy is the clause that puts rows in the order of the keys, and then in that of lists, by
// the columns of the alias.
func orderBy(keys []key, alias string) clause.Fragment {
	parts := make([]clause.Fragment, 0, len(keys)+1)
	for _, k := range keys {
		direction := ""
		if k.descending {
			direction = " DESC"
		}
		if !k.always {
			direction += " NULLS LAST"
		}
		parts = append(parts, k.of.With("", direction))
	}
	parts = append(parts, clause.SQL(alias+".closed DESC, "+alias+".started DESC, "+alias+".id DESC"))
	return clause.Joined(parts, ", ")
}

// behind is the condition that a row comes after the place, which has a value for each
// of the keys.
func behind(keys []key, alias string, after *visibility.Cursor) clause.Fragment {
	condition := clause.SQL("("+alias+".closed, "+alias+".started, "+alias+".id) < (?, ?, ?)", after.Closed, after.Started, after.ID)
	for i := len(keys) - 1; i >= 0; i-- {
		condition = keys[i].behind(after.By[i], condition)
	}
	return condition
}

// behind is the condition that a row comes after the value, or has the same one and the
// next condition is true of it.
func (k key) behind(value any, next clause.Fragment) clause.Fragment {
	of := k.of
	if value == nil {
		return clause.Joined([]clause.Fragment{of.With("", " IS NULL"), next}, " AND ")
	}
	beyond := " > ?"
	if k.descending {
		beyond = " < ?"
	}
	further := of.Then(beyond, value)
	same := clause.Joined([]clause.Fragment{of.Then(" = ?", value), next}, " AND ")
	parts := []clause.Fragment{further, same.With("(", ")")}
	if !k.always {
		parts = append(parts, of.With("", " IS NULL"))
	}
	return clause.Joined(parts, " OR ").With("(", ")")
}

// startBound is a condition that follows from the place when the first key is the time of
// the start, by which an index finds the place.
func startBound(by []query.Order, after *visibility.Cursor) []clause.Fragment {
	if after == nil || by[0].Column.Name != "StartTime" {
		return nil
	}
	if by[0].Descending {
		return []clause.Fragment{clause.SQL("r.started <= ?", after.By[0])}
	}
	return []clause.Fragment{clause.SQL("r.started >= ?", after.By[0])}
}
