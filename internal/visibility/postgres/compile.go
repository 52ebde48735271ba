package postgres

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/clause"
	"github.com/perdure/perdure/internal/visibility/query"
)

// dialect is that of PostgreSQL. Parameters are question marks until numbered makes numbers of them.
var dialect = clause.Dialect{
	True: "true", False: "false", Attributes: "perdure_visibility_attributes",
	Mark: mark, Plain: plain, Encode: func(value any) any { return encode(value) },
}

// numbered gives the parameters their numbers.
func numbered(text string) string {
	var b strings.Builder
	n := 0
	for i := range len(text) {
		if text[i] != '?' {
			b.WriteByte(text[i])
			continue
		}
		n++
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

// column is an attribute that is a column of runs.
type column struct {
	of     string // as an expression of the row r
	text   bool   // bytes; else a number
	always bool   // every row has a value
}

var columns = map[string]column{
	"WorkflowId":           {"r.workflow_id", true, true},
	"RunId":                {"r.run_id", true, true},
	"WorkflowType":         {"r.workflow_type", true, true},
	"TaskQueue":            {"r.task_queue", true, true},
	"ExecutionStatus":      {"r.status", false, true},
	"StartTime":            {"r.started", false, true},
	"ExecutionTime":        {"r.executed", false, true},
	"CloseTime":            {"nullif(r.closed, 9223372036854775807)", false, false},
	"ParentWorkflowId":     {"r.parent_workflow_id", true, false},
	"ParentRunId":          {"r.parent_run_id", true, false},
	"RootWorkflowId":       {"coalesce(r.root_workflow_id, r.workflow_id)", true, true},
	"RootRunId":            {"coalesce(r.root_run_id, r.run_id)", true, true},
	"HistoryLength":        {"r.history_length", false, false},
	"HistorySizeBytes":     {"r.history_size", false, false},
	"StateTransitionCount": {"r.transitions", false, false},
	"ExecutionDuration":    {"r.duration", false, false},
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
		return clause.SQL("r.part = ?::int8", s.parts[0])
	}
	return clause.SQL("r.part = ANY(?::int8[])", s.parts)
}

// compile makes SQL of an expression, about the row r.
func (s *scope) compile(e query.Expr) clause.Fragment { return dialect.Compile(e, s.condition) }

func (s *scope) condition(c *query.Condition) clause.Fragment {
	if column, ok := columns[c.Column.Name]; ok {
		bounds := bounds(c)
		return dialect.All(append(bounds, dialect.Compare(column.of, c.Op, c.Values)))
	}
	if c.Column.Name == visibility.DivisionAttribute {
		of := dialect.Compare("(CASE WHEN p.divided THEN p.division END)", c.Op, c.Values)
		return clause.SQL("r.part IN (SELECT p.id FROM perdure_visibility_partitions p WHERE p.namespace = ?::bytea AND ", []byte(s.namespace)).Then(of.Text+")", of.Args...)
	}
	exists, of := dialect.Values(c)
	// A list of ids can be read from the index of values first; the rest is asked of each row.
	if exists {
		return clause.SQL("r.id IN (SELECT a.id FROM perdure_visibility_attributes a WHERE a.attr = ?::int8 AND ", s.attribute(c.Column)).Then(of.Text+")", of.Args...)
	}
	return clause.SQL("NOT EXISTS (SELECT 1 FROM perdure_visibility_attributes a WHERE a.id = r.id AND a.attr = ?::int8 AND ", s.attribute(c.Column)).Then(of.Text+")", of.Args...)
}

// bounds are conditions that follow from one about times: a run closes after it has started. They
// bound what is read of the order of lists.
func bounds(c *query.Condition) []clause.Fragment {
	if c.Column.Name != "StartTime" && c.Column.Name != "CloseTime" {
		return nil
	}
	switch c.Op {
	case query.Greater, query.GreaterEqual, query.Equal, query.Between:
		return []clause.Fragment{dialect.Compare("r.closed", query.GreaterEqual, c.Values[:1])}
	case query.Less, query.LessEqual:
		if c.Column.Name == "CloseTime" {
			return []clause.Fragment{dialect.Compare("r.closed", query.LessEqual, c.Values[:1])}
		}
	}
	return nil
}

// plain is a value as columns have it: []byte, int64 or float64.
func plain(value any) any {
	switch v := value.(type) {
	case string:
		return []byte(v)
	case time.Time:
		return clause.Nanos(v)
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	}
	return value
}

// mark is a parameter of the type of the value.
func mark(value any) string {
	switch value.(type) {
	case []byte:
		return "?::bytea"
	case float64:
		return "?::float8"
	}
	return "?::int8"
}

// key is a value by which rows are ordered before they are in the order of lists.
type key struct {
	of         clause.Fragment
	text       bool
	descending bool
	always     bool
}

// keys are what a query is ordered by.
func (s *scope) keys(by []query.Order) []key {
	keys := make([]key, len(by))
	for i, order := range by {
		name := order.Column.Name
		switch column, ok := columns[name]; {
		case ok:
			keys[i] = key{clause.SQL(column.of), column.text, order.Descending, column.always}
		case name == visibility.DivisionAttribute:
			keys[i] = key{clause.SQL("(SELECT CASE WHEN p.divided THEN p.division END FROM perdure_visibility_partitions p WHERE p.id = r.part)"), true, order.Descending, false}
		default:
			direction := "a.value"
			if order.Descending {
				direction += " DESC"
			}
			keys[i] = key{clause.SQL("(SELECT a.value FROM perdure_visibility_attributes a WHERE a.id = r.id AND a.attr = ?::int8 ORDER BY "+direction+" LIMIT 1)",
				s.attribute(order.Column)), true, order.Descending, false}
		}
	}
	return keys
}

// orderBy is the clause that puts rows in the order of the keys, and then in that of lists.
func orderBy(keys []key) clause.Fragment {
	parts := make([]clause.Fragment, 0, len(keys)+1)
	for _, k := range keys {
		direction := " ASC"
		if k.descending {
			direction = " DESC"
		}
		if !k.always {
			direction += " NULLS LAST"
		}
		parts = append(parts, k.of.With("", direction))
	}
	return clause.Joined(append(parts, clause.SQL("r.closed DESC, r.started DESC, r.id DESC")), ", ")
}

// behind is the condition that a row comes after the place, which has a value for each
// of the keys.
func behind(keys []key, after *visibility.Cursor) clause.Fragment {
	condition := clause.SQL("(r.closed, r.started, r.id) < (?::int8, ?::int8, ?::int8)", after.Closed, after.Started, after.ID)
	for i := len(keys) - 1; i >= 0; i-- {
		var value any
		if i < len(after.By) {
			value = after.By[i]
		}
		condition = keys[i].behind(value, condition)
	}
	return condition
}

// behind is the condition that a row comes after the value, or has the same one and the
// next condition is true of it.
func (k key) behind(value any, next clause.Fragment) clause.Fragment {
	if value == nil {
		return clause.Joined([]clause.Fragment{k.of.With("", " IS NULL"), next}, " AND ")
	}
	value = k.bound(value)
	beyond := " > "
	if k.descending {
		beyond = " < "
	}
	with := func(op string) clause.Fragment { return k.of.Then(op+mark(value), value) }
	parts := []clause.Fragment{with(beyond), dialect.All([]clause.Fragment{with(" = "), next})}
	if !k.always {
		parts = append(parts, k.of.With("", " IS NULL"))
	}
	return dialect.Any(parts)
}

// bound is a value of a cursor as a parameter: bytes are written as hexadecimal digits there. What a
// client has made up is some value.
func (k key) bound(value any) any {
	if k.text {
		text, _ := value.(string)
		decoded, _ := hex.DecodeString(text)
		return append([]byte{}, decoded...)
	}
	n, _ := value.(int64)
	return n
}
