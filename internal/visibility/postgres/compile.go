package postgres

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/query"
)

// fragment is a piece of SQL and its parameters, which are question marks in the text: numbered
// makes numbers of them. Nothing of a client's is ever in the text.
type fragment struct {
	text string
	args []any
}

func sqlText(text string, args ...any) fragment { return fragment{text, args} }

// joined puts a separator between fragments.
func joined(parts []fragment, separator string) fragment {
	texts := make([]string, len(parts))
	var args []any
	for i, part := range parts {
		texts[i] = part.text
		args = append(args, part.args...)
	}
	return fragment{strings.Join(texts, separator), args}
}

// both is that all of them are true, or, with the word OR, one of them.
func combined(word string, parts []fragment) fragment {
	if len(parts) == 1 {
		return parts[0]
	}
	all := joined(parts, " "+word+" ")
	return fragment{"(" + all.text + ")", all.args}
}

// numbered gives the parameters their numbers.
func (f fragment) numbered() string {
	var b strings.Builder
	n := 0
	for i := range len(f.text) {
		if f.text[i] != '?' {
			b.WriteByte(f.text[i])
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
func (s *scope) inScope() fragment {
	if len(s.parts) == 1 {
		return sqlText("r.part = ?::int8", s.parts[0])
	}
	return sqlText("r.part = ANY(?::int8[])", s.parts)
}

// compile makes SQL of an expression, about the row r.
func (s *scope) compile(e query.Expr) fragment {
	switch e := e.(type) {
	case query.And:
		return combined("AND", s.compileAll(e))
	case query.Or:
		return combined("OR", s.compileAll(e))
	case *query.Condition:
		return s.condition(e)
	}
	return sqlText("true")
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
		bounds := bounds(c)
		return combined("AND", append(bounds, compare(column.of, c.Op, plain(c.Values))))
	}
	if c.Column.Name == visibility.DivisionAttribute {
		of := compare("(CASE WHEN p.divided THEN p.division END)", c.Op, plain(c.Values))
		return fragment{"r.part IN (SELECT p.id FROM perdure_visibility_partitions p WHERE p.namespace = ?::bytea AND " + of.text + ")", append([]any{[]byte(s.namespace)}, of.args...)}
	}
	exists, of := s.values(c)
	// A list of ids can be read from the index of values first; the rest is asked of each row.
	if exists {
		return fragment{"r.id IN (SELECT a.id FROM perdure_visibility_attributes a WHERE a.attr = ?::int8 AND " + of.text + ")", append([]any{s.attribute(c.Column)}, of.args...)}
	}
	return fragment{"NOT EXISTS (SELECT 1 FROM perdure_visibility_attributes a WHERE a.id = r.id AND a.attr = ?::int8 AND " + of.text + ")", append([]any{s.attribute(c.Column)}, of.args...)}
}

// bounds are conditions that follow from one about times: a run closes after it has started. They
// bound what is read of the order of lists.
func bounds(c *query.Condition) []fragment {
	if c.Column.Name != "StartTime" && c.Column.Name != "CloseTime" {
		return nil
	}
	switch c.Op {
	case query.Greater, query.GreaterEqual, query.Equal, query.Between:
		return []fragment{compare("r.closed", query.GreaterEqual, plain(c.Values[:1]))}
	case query.Less, query.LessEqual:
		if c.Column.Name == "CloseTime" {
			return []fragment{compare("r.closed", query.LessEqual, plain(c.Values[:1]))}
		}
	}
	return nil
}

// values is what must be true of one of the values a of an attribute, or, if exists is
// false, of none of them.
func (s *scope) values(c *query.Condition) (exists bool, of fragment) {
	switch c.Op {
	case query.IsNull:
		return false, sqlText("true")
	case query.NotNull:
		return true, sqlText("true")
	}
	op := c.Op
	switch c.Column.Type {
	case enumspb.INDEXED_VALUE_TYPE_TEXT:
		return op == query.Equal, s.text(c)
	case enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST:
		switch op {
		case query.NotEqual:
			return false, compare("a.value", query.Equal, encoded(c.Values))
		case query.NotIn:
			return false, compare("a.value", query.In, encoded(c.Values))
		}
	}
	if op == query.StartsWith || op == query.NotStartsWith {
		return true, compare("a.value", op, plain(c.Values))
	}
	return true, compare("a.value", op, encoded(c.Values))
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
		parts := []fragment{sqlText("a.value = ?::bytea", encodeText(all[0]))}
		for _, word := range all[1:] {
			parts = append(parts, sqlText("EXISTS (SELECT 1 FROM perdure_visibility_attributes b WHERE b.id = a.id AND b.attr = a.attr AND b.value = ?::bytea)", encodeText(word)))
		}
		any = append(any, combined("AND", parts))
	}
	if len(any) == 0 {
		return sqlText("false")
	}
	return combined("OR", any)
}

// plain are values as columns have them: []byte, int64 or float64.
func plain(values []any) []any {
	all := make([]any, len(values))
	for i, value := range values {
		switch v := value.(type) {
		case string:
			all[i] = []byte(v)
		case time.Time:
			all[i] = nanos(v)
		case bool:
			all[i] = int64(0)
			if v {
				all[i] = int64(1)
			}
		default:
			all[i] = v
		}
	}
	return all
}

// encoded are values as the table of attributes has them.
func encoded(values []any) []any {
	all := make([]any, len(values))
	for i, value := range values {
		all[i] = encode(value)
	}
	return all
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

// compare compares a column, which may be NULL, with values.
func compare(column string, op query.Op, values []any) fragment {
	switch op {
	case query.In, query.NotIn:
		marks := make([]string, len(values))
		for i, value := range values {
			marks[i] = mark(value)
		}
		word := " IN ("
		if op == query.NotIn {
			word = " NOT IN ("
		}
		return fragment{column + word + strings.Join(marks, ", ") + ")", values}
	case query.Between:
		return fragment{column + " BETWEEN " + mark(values[0]) + " AND " + mark(values[1]), values}
	case query.NotBetween:
		return fragment{column + " NOT BETWEEN " + mark(values[0]) + " AND " + mark(values[1]), values}
	case query.StartsWith, query.NotStartsWith:
		return startsWith(column, values[0].([]byte), op == query.NotStartsWith)
	case query.IsNull:
		return sqlText(column + " IS NULL")
	case query.NotNull:
		return sqlText(column + " IS NOT NULL")
	}
	return fragment{column + " " + comparisons[op] + " " + mark(values[0]), values}
}

func startsWith(column string, prefix []byte, not bool) fragment {
	end := prefixEnd(prefix)
	switch {
	case not && end == nil:
		return sqlText(column+" < ?::bytea", prefix)
	case not:
		return sqlText("("+column+" < ?::bytea OR "+column+" >= ?::bytea)", prefix, end)
	case end == nil:
		return sqlText(column+" >= ?::bytea", prefix)
	}
	return sqlText("("+column+" >= ?::bytea AND "+column+" < ?::bytea)", prefix, end)
}

// prefixEnd is the smallest text above all that begin with the prefix; nil if there is none.
func prefixEnd(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			return append(append([]byte(nil), prefix[:i]...), prefix[i]+1)
		}
	}
	return nil
}

var comparisons = map[query.Op]string{
	query.Equal: "=", query.NotEqual: "<>", query.Less: "<", query.LessEqual: "<=", query.Greater: ">", query.GreaterEqual: ">=",
}

// key is a value by which rows are ordered before they are in the order of lists.
type key struct {
	of         fragment
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
			keys[i] = key{sqlText(column.of), column.text, order.Descending, column.always}
		case name == visibility.DivisionAttribute:
			keys[i] = key{sqlText("(SELECT CASE WHEN p.divided THEN p.division END FROM perdure_visibility_partitions p WHERE p.id = r.part)"), true, order.Descending, false}
		default:
			direction := "a.value"
			if order.Descending {
				direction += " DESC"
			}
			keys[i] = key{sqlText("(SELECT a.value FROM perdure_visibility_attributes a WHERE a.id = r.id AND a.attr = ?::int8 ORDER BY "+direction+" LIMIT 1)",
				s.attribute(order.Column)), true, order.Descending, false}
		}
	}
	return keys
}

// orderBy is the clause that puts rows in the order of the keys, and then in that of lists.
func orderBy(keys []key) fragment {
	parts := make([]fragment, 0, len(keys)+1)
	for _, k := range keys {
		direction := " ASC"
		if k.descending {
			direction = " DESC"
		}
		if !k.always {
			direction += " NULLS LAST"
		}
		parts = append(parts, fragment{k.of.text + direction, k.of.args})
	}
	return joined(append(parts, sqlText("r.closed DESC, r.started DESC, r.id DESC")), ", ")
}

// behind is the condition that a row comes after the place, which has a value for each
// of the keys.
func behind(keys []key, after *visibility.Cursor) fragment {
	condition := sqlText("(r.closed, r.started, r.id) < (?::int8, ?::int8, ?::int8)", after.Closed, after.Started, after.ID)
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
func (k key) behind(value any, next fragment) fragment {
	if value == nil {
		return joined([]fragment{{k.of.text + " IS NULL", k.of.args}, next}, " AND ")
	}
	value = k.bound(value)
	beyond := " > "
	if k.descending {
		beyond = " < "
	}
	with := func(op string) fragment {
		return fragment{k.of.text + op + mark(value), append(k.of.args[:len(k.of.args):len(k.of.args)], value)}
	}
	parts := []fragment{with(beyond), combined("AND", []fragment{with(" = "), next})}
	if !k.always {
		parts = append(parts, fragment{k.of.text + " IS NULL", k.of.args})
	}
	return combined("OR", parts)
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
