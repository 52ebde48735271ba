package sqlite

import (
	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/query"
)

// key is a value by which rows are ordered before they are in the order of lists.
type key struct {
	// of is the value, of the row r.
	of         fragment
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
			keys[i].of = sqlText(column)
		case name == visibility.DivisionAttribute:
			keys[i].of = sqlText("(SELECT p.division FROM partitions p WHERE p.id = r.part)")
		default:
			of := "min(a.value)"
			if order.Descending {
				of = "max(a.value)"
			}
			keys[i].of = sqlText("(SELECT "+of+" FROM attributes a WHERE a.id = r.id AND a.attr = ?)", s.attribute(order.Column))
		}
	}
	return keys
}

// orderBy is the clause that puts rows in the order of the keys, and then in that of lists, by
// the columns of the alias.
func orderBy(keys []key, alias string) fragment {
	parts := make([]fragment, 0, len(keys)+1)
	for _, k := range keys {
		direction := ""
		if k.descending {
			direction = " DESC"
		}
		if !k.always {
			direction += " NULLS LAST"
		}
		parts = append(parts, fragment{k.of.text + direction, k.of.args})
	}
	parts = append(parts, sqlText(alias+".closed DESC, "+alias+".started DESC, "+alias+".id DESC"))
	return joined(parts, ", ")
}

// behind is the condition that a row comes after the place, which has a value for each
// of the keys.
func behind(keys []key, alias string, after *visibility.Cursor) fragment {
	condition := sqlText("("+alias+".closed, "+alias+".started, "+alias+".id) < (?, ?, ?)", after.Closed, after.Started, after.ID)
	for i := len(keys) - 1; i >= 0; i-- {
		condition = keys[i].behind(after.By[i], condition)
	}
	return condition
}

// behind is the condition that a row comes after the value, or has the same one and the
// next condition is true of it.
func (k key) behind(value any, next fragment) fragment {
	of := k.of
	if value == nil {
		return joined([]fragment{{of.text + " IS NULL", of.args}, next}, " AND ")
	}
	beyond := " > ?"
	if k.descending {
		beyond = " < ?"
	}
	further := fragment{of.text + beyond, append(of.args[:len(of.args):len(of.args)], value)}
	same := joined([]fragment{{of.text + " = ?", append(of.args[:len(of.args):len(of.args)], value)}, next}, " AND ")
	parts := []fragment{further, {"(" + same.text + ")", same.args}}
	if !k.always {
		parts = append(parts, fragment{of.text + " IS NULL", of.args})
	}
	either := joined(parts, " OR ")
	return fragment{"(" + either.text + ")", either.args}
}

// startBound is a condition that follows from the place when the first key is the time of
// the start, by which an index finds the place.
func startBound(by []query.Order, after *visibility.Cursor) []fragment {
	if after == nil || by[0].Column.Name != "StartTime" {
		return nil
	}
	if by[0].Descending {
		return []fragment{sqlText("r.started <= ?", after.By[0])}
	}
	return []fragment{sqlText("r.started >= ?", after.By[0])}
}
