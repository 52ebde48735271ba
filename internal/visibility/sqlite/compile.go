package sqlite

import (
	"strings"

	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/clause"
	"github.com/perdure/perdure/internal/visibility/query"
)

// dialect is that of SQLite.
var dialect = clause.Dialect{
	True: "1", False: "0", Attributes: "attributes",
	Mark:  func(any) string { return "?" },
	Plain: bound, Encode: bound,
}

// compare compares a column, which may be NULL, with values.
func compare(column string, op query.Op, values []any) clause.Fragment {
	return dialect.Compare(column, op, values)
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
func (s *scope) inScope() clause.Fragment {
	if len(s.parts) == 1 {
		return clause.SQL("r.part = ?", s.parts[0])
	}
	const most = 500 // that are named one by one
	if len(s.parts) > most {
		return clause.SQL("r.part IN (SELECT p.id FROM partitions p WHERE p.namespace = ?)", s.namespace)
	}
	args := make([]any, len(s.parts))
	for i, part := range s.parts {
		args[i] = part
	}
	return clause.SQL("r.part IN ("+marks(len(args))+")", args...)
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

// compile makes SQL of an expression, about the row r.
func (s *scope) compile(e query.Expr) clause.Fragment { return dialect.Compile(e, s.condition) }

func (s *scope) condition(c *query.Condition) clause.Fragment {
	if column, ok := columns[c.Column.Name]; ok {
		return compare(column, c.Op, c.Values)
	}
	if c.Column.Name == visibility.DivisionAttribute {
		of := compare("p.division", c.Op, c.Values)
		return clause.SQL("r.part IN (SELECT p.id FROM partitions p WHERE p.namespace = ? AND ", s.namespace).Then(of.Text+")", of.Args...)
	}
	exists, of := dialect.Values(c)
	word := "EXISTS"
	if !exists {
		word = "NOT EXISTS"
	}
	return clause.SQL(word+" (SELECT 1 FROM attributes a WHERE a.id = r.id AND a.attr = ? AND ", s.attribute(c.Column)).Then(of.Text+")", of.Args...)
}
