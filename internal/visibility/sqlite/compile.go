package sqlite

import (
	"strings"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/query"
)

// fragment is a piece of SQL and its parameters. Nothing of a client's is ever in the
// text.
type fragment struct {
	text string
	args []any
}

func sqlText(text string, args ...any) fragment { return fragment{text, args} }

// join puts fragments between brackets, with the word between them, as a tree that is as
// flat as can be: SQLite refuses expressions that are a thousand levels deep.
func join(word string, parts []fragment) fragment {
	switch len(parts) {
	case 0:
		return sqlText("1")
	case 1:
		return parts[0]
	}
	left, right := join(word, parts[:len(parts)/2]), join(word, parts[len(parts)/2:])
	return fragment{"(" + left.text + " " + word + " " + right.text + ")", append(left.args[:len(left.args):len(left.args)], right.args...)}
}

// columns are the attributes that are columns of runs, as expressions of the row r.
var columns = map[string]string{
	"WorkflowId":           "r.workflow_id",
	"RunId":                "r.run_id",
	"WorkflowType":         "r.workflow_type",
	"TaskQueue":            "r.task_queue",
	"ExecutionStatus":      "r.status",
	"StartTime":            "r.started",
	"ExecutionTime":        "r.executed",
	"CloseTime":            "nullif(r.closed, 9223372036854775807)",
	"ParentWorkflowId":     "r.parent_workflow_id",
	"ParentRunId":          "r.parent_run_id",
	"RootWorkflowId":       "coalesce(r.root_workflow_id, r.workflow_id)",
	"RootRunId":            "coalesce(r.root_run_id, r.run_id)",
	"HistoryLength":        "r.history_length",
	"HistorySizeBytes":     "r.history_size",
	"StateTransitionCount": "r.transitions",
	"ExecutionDuration":    "r.duration",
}

// scope is whose rows a query is about.
type scope struct {
	namespace string
	// parts are the partitions.
	parts []int64
	// attributes has the ids of attributes; absentAttribute is that of any other.
	attributes map[query.Column]int64
}

const absentAttribute = -1

// attribute is the id of the column's attribute.
func (s *scope) attribute(c query.Column) int64 {
	c.Alias = ""
	if id, ok := s.attributes[c]; ok {
		return id
	}
	return absentAttribute
}

// inScope is the condition that the row r is in one of the partitions.
func (s *scope) inScope() fragment {
	if len(s.parts) == 1 {
		return sqlText("r.part = ?", s.parts[0])
	}
	const most = 500 // that are named one by one
	if len(s.parts) > most {
		return sqlText("r.part IN (SELECT p.id FROM partitions p WHERE p.namespace = ?)", s.namespace)
	}
	args := make([]any, len(s.parts))
	for i, part := range s.parts {
		args[i] = part
	}
	return fragment{"r.part IN (" + marks(len(args)) + ")", args}
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

// compile makes SQL of an expression, about the row r.
func (s *scope) compile(e query.Expr) fragment {
	switch e := e.(type) {
	case query.And:
		return join("AND", s.compileAll(e))
	case query.Or:
		return join("OR", s.compileAll(e))
	case *query.Condition:
		return s.condition(e)
	}
	return sqlText("1")
}

func (s *scope) compileAll(parts []query.Expr) []fragment {
	all := make([]fragment, len(parts))
	for i, part := range parts {
		all[i] = s.compile(part)
	}
	return all
}

func (s *scope) condition(c *query.Condition) fragment {
	if column, ok := columns[c.Column.Name]; ok {
		return compare(column, c.Op, c.Values)
	}
	if c.Column.Name == visibility.DivisionAttribute {
		of := compare("p.division", c.Op, c.Values)
		return fragment{"r.part IN (SELECT p.id FROM partitions p WHERE p.namespace = ? AND " + of.text + ")", append([]any{s.namespace}, of.args...)}
	}
	exists, of := s.values(c)
	word := "EXISTS"
	if !exists {
		word = "NOT EXISTS"
	}
	return fragment{word + " (SELECT 1 FROM attributes a WHERE a.id = r.id AND a.attr = ? AND " + of.text + ")", append([]any{s.attribute(c.Column)}, of.args...)}
}

// values is what must be true of one of the values a of an attribute, or, if exists is
// false, of none of them.
func (s *scope) values(c *query.Condition) (exists bool, of fragment) {
	switch c.Op {
	case query.IsNull:
		return false, sqlText("1")
	case query.NotNull:
		return true, sqlText("1")
	}
	switch c.Column.Type {
	case enumspb.INDEXED_VALUE_TYPE_TEXT:
		return c.Op == query.Equal, s.text(c)
	case enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST:
		switch c.Op {
		case query.NotEqual:
			return false, compare("a.value", query.Equal, c.Values)
		case query.NotIn:
			return false, compare("a.value", query.In, c.Values)
		}
	}
	return true, compare("a.value", c.Op, c.Values)
}

// text is that the text of the value a, one of several words, has one of those of the
// condition. What is between spaces counts as one, and if it consists of several words all
// of them must be there.
func (s *scope) text(c *query.Condition) fragment {
	var any []fragment
	for _, token := range strings.Fields(c.Values[0].(string)) {
		all := words(token)
		if len(all) == 0 {
			continue
		}
		parts := []fragment{sqlText("a.value = ?", all[0])}
		for _, word := range all[1:] {
			parts = append(parts, sqlText("EXISTS (SELECT 1 FROM attributes b WHERE b.id = a.id AND b.attr = a.attr AND b.value = ?)", word))
		}
		any = append(any, join("AND", parts))
	}
	if len(any) == 0 {
		return sqlText("0")
	}
	return join("OR", any)
}

// compare compares a column, which may be NULL, with values.
func compare(column string, op query.Op, values []any) fragment {
	args := make([]any, len(values))
	for i, value := range values {
		args[i] = bound(value)
	}
	switch op {
	case query.In:
		return fragment{column + " IN (" + marks(len(args)) + ")", args}
	case query.NotIn:
		return fragment{column + " NOT IN (" + marks(len(args)) + ")", args}
	case query.Between:
		return fragment{column + " BETWEEN ? AND ?", args}
	case query.NotBetween:
		return fragment{column + " NOT BETWEEN ? AND ?", args}
	case query.StartsWith:
		if end := prefixEnd(args[0].(string)); end != "" {
			return sqlText("("+column+" >= ? AND "+column+" < ?)", args[0], end)
		}
		return sqlText(column+" >= ?", args[0])
	case query.NotStartsWith:
		if end := prefixEnd(args[0].(string)); end != "" {
			return sqlText("("+column+" < ? OR "+column+" >= ?)", args[0], end)
		}
		return sqlText(column+" < ?", args[0])
	case query.IsNull:
		return sqlText(column + " IS NULL")
	case query.NotNull:
		return sqlText(column + " IS NOT NULL")
	}
	return fragment{column + " " + comparisons[op] + " ?", args}
}

var comparisons = map[query.Op]string{
	query.Equal: "=", query.NotEqual: "<>", query.Less: "<", query.LessEqual: "<=", query.Greater: ">", query.GreaterEqual: ">=",
}
