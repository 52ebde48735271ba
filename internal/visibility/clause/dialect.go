package clause

import (
	"strings"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/visibility/query"
)

// Dialect is how a database has it.
type Dialect struct {
	// True and False are conditions.
	True, False string
	// Attributes is the table of the values of search attributes: a row for each value, or word of a text, with the
	// columns id, attr and value.
	Attributes string
	// Mark is a parameter for the value, which is one of Plain or Encode.
	Mark func(value any) string
	// Plain is a value as columns of runs have it, and Encode one as the table of attributes has it.
	Plain, Encode func(value any) any
}

// Compile makes SQL of an expression; condition does of one condition.
func (d *Dialect) Compile(e query.Expr, condition func(*query.Condition) Fragment) Fragment {
	all := func(parts []query.Expr) []Fragment {
		compiled := make([]Fragment, len(parts))
		for i, part := range parts {
			compiled[i] = d.Compile(part, condition)
		}
		return compiled
	}
	switch e := e.(type) {
	case query.And:
		return d.All(all(e))
	case query.Or:
		return d.Any(all(e))
	case *query.Condition:
		return condition(e)
	}
	return SQL(d.True)
}

// All is that all are true.
func (d *Dialect) All(parts []Fragment) Fragment { return combined("AND", parts, d.True) }

// Any is that one of them is true.
func (d *Dialect) Any(parts []Fragment) Fragment { return combined("OR", parts, d.False) }

// Values is what must be true of one of the values a of an attribute, or, if exists is
// false, of none of them.
func (d *Dialect) Values(c *query.Condition) (exists bool, of Fragment) {
	op := c.Op
	switch op {
	case query.IsNull:
		return false, SQL(d.True)
	case query.NotNull:
		return true, SQL(d.True)
	}
	switch c.Column.Type {
	case enumspb.INDEXED_VALUE_TYPE_TEXT:
		return op == query.Equal, d.text(c)
	case enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST:
		switch op {
		case query.NotEqual:
			return false, d.CompareValue("a.value", query.Equal, c.Values)
		case query.NotIn:
			return false, d.CompareValue("a.value", query.In, c.Values)
		}
	}
	return true, d.CompareValue("a.value", op, c.Values)
}

// text is that the text of the value a, one of several words, has one of those of the
// condition. What is between spaces counts as one, and if it consists of several words all
// of them must be there.
func (d *Dialect) text(c *query.Condition) Fragment {
	is := func(column, word string) Fragment { return d.CompareValue(column, query.Equal, []any{word}) }
	var found []Fragment
	for _, token := range strings.Fields(c.Values[0].(string)) {
		all := Words(token)
		if len(all) == 0 {
			continue
		}
		parts := []Fragment{is("a.value", all[0])}
		for _, word := range all[1:] {
			parts = append(parts, is("b.value", word).With("EXISTS (SELECT 1 FROM "+d.Attributes+" b WHERE b.id = a.id AND b.attr = a.attr AND ", ")"))
		}
		found = append(found, d.All(parts))
	}
	return d.Any(found)
}

// Compare compares a column of runs, which may be NULL, with values.
func (d *Dialect) Compare(column string, op query.Op, values []any) Fragment {
	return d.compare(column, op, values, d.Plain)
}

// CompareValue compares a value of the table of attributes with values. Those that begin like one are in the order
// of texts.
func (d *Dialect) CompareValue(column string, op query.Op, values []any) Fragment {
	return d.compare(column, op, values, d.Encode)
}

func (d *Dialect) compare(column string, op query.Op, values []any, as func(any) any) Fragment {
	if op == query.StartsWith || op == query.NotStartsWith {
		return d.startsWith(column, op, values[0].(string))
	}
	args, marks := make([]any, len(values)), make([]string, len(values))
	for i, value := range values {
		args[i] = as(value)
		marks[i] = d.Mark(args[i])
	}
	switch op {
	case query.In:
		return Fragment{column + " IN (" + strings.Join(marks, ",") + ")", args}
	case query.NotIn:
		return Fragment{column + " NOT IN (" + strings.Join(marks, ",") + ")", args}
	case query.Between:
		return Fragment{column + " BETWEEN " + marks[0] + " AND " + marks[1], args}
	case query.NotBetween:
		return Fragment{column + " NOT BETWEEN " + marks[0] + " AND " + marks[1], args}
	case query.IsNull:
		return SQL(column + " IS NULL")
	case query.NotNull:
		return SQL(column + " IS NOT NULL")
	}
	return Fragment{column + " " + comparisons[op] + " " + marks[0], args}
}

func (d *Dialect) startsWith(column string, op query.Op, prefix string) Fragment {
	from, below, word := " >= ", " < ", " AND "
	if op == query.NotStartsWith {
		from, below, word = " < ", " >= ", " OR "
	}
	compared := func(operator, text string) Fragment {
		value := d.Plain(text)
		return SQL(column+operator+d.Mark(value), value)
	}
	end := prefixEnd(prefix)
	if end == "" {
		return compared(from, prefix)
	}
	return Joined([]Fragment{compared(from, prefix), compared(below, end)}, word).With("(", ")")
}

var comparisons = map[query.Op]string{
	query.Equal: "=", query.NotEqual: "<>", query.Less: "<", query.LessEqual: "<=", query.Greater: ">", query.GreaterEqual: ">=",
}
