// Package filter compiles conditions in the dialect of SQL that the API has for what is
// not in the index of workflows: workers, the activities that workflow rules apply to.
//
// A condition compares fields with values:
//
//   - text in single quotes, with =, !=, STARTS_WITH and NOT STARTS_WITH;
//   - times in RFC 3339 in single quotes, or numbers of nanoseconds since 1970, with =,
//     !=, <, <=, >, >=, BETWEEN and NOT BETWEEN;
//   - whole numbers, with the same;
//   - IS NULL and IS NOT NULL, where the fields allow it; AND, OR and parentheses join
//     conditions.
//
// It is compiled before anything is looked at, so one that makes no sense is an error
// even if there is nothing that it could be about. All errors are InvalidArgument.
package filter

import (
	"fmt"
	"strings"
	"time"

	"github.com/temporalio/sqlparser"
	"go.temporal.io/api/serviceerror"
)

// Fields are what conditions about a T can be about, by the names of the fields, which
// are case-sensitive. A word of SQL has to be named in lower case, too, which is what
// the parser makes of it.
type Fields[T any] struct {
	// Of says what the fields are of, for errors: "worker heartbeat".
	Of string
	// Text, Times and Numbers are the fields by type. A time or a number may be absent:
	// then no comparison of it holds.
	Text    map[string]func(T) string
	Times   map[string]func(T) (at time.Time, ok bool)
	Numbers map[string]func(T) (n int64, ok bool)
	// Nullable has conditions ask with IS NULL whether a field is empty or absent.
	Nullable bool
}

// Predicate reports whether a T meets a condition.
type Predicate[T any] func(T) bool

// maxLength bounds the length of a condition, in bytes, and with it the depth of what
// is parsed.
const maxLength = 10_000

func invalid(format string, args ...any) error {
	return serviceerror.NewInvalidArgument(fmt.Sprintf(format, args...))
}

// Compile compiles a condition, which must not be empty.
func (f *Fields[T]) Compile(condition string) (Predicate[T], error) {
	condition = strings.TrimSpace(condition)
	if len(condition) > maxLength {
		return nil, invalid("query is longer than %d bytes", maxLength)
	}
	lower := strings.ToLower(condition)
	if strings.HasPrefix(lower, "where ") || strings.HasPrefix(lower, "select ") {
		return nil, invalid("invalid filter: %s", condition)
	}
	statement, err := sqlparser.Parse("select * from t where " + condition)
	if err != nil {
		return nil, invalid("malformed query: %v", err)
	}
	s, ok := statement.(*sqlparser.Select)
	switch {
	case !ok:
		return nil, invalid("operation is not supported: only a condition is")
	case s.Limit != nil:
		return nil, invalid("operation is not supported: 'limit' clause")
	case s.OrderBy != nil, s.GroupBy != nil, s.Having != nil, s.Where == nil:
		return nil, invalid("operation is not supported: only a condition is")
	}
	return f.compile(s.Where.Expr)
}

func (f *Fields[T]) compile(expr sqlparser.Expr) (Predicate[T], error) {
	switch e := expr.(type) {
	case *sqlparser.AndExpr:
		return f.join(e.Left, e.Right, func(left, right Predicate[T]) Predicate[T] {
			return func(x T) bool { return left(x) && right(x) }
		})
	case *sqlparser.OrExpr:
		return f.join(e.Left, e.Right, func(left, right Predicate[T]) Predicate[T] {
			return func(x T) bool { return left(x) || right(x) }
		})
	case *sqlparser.ParenExpr:
		return f.compile(e.Expr)
	case *sqlparser.ComparisonExpr:
		return f.comparison(e)
	case *sqlparser.RangeCond:
		return f.between(e)
	case *sqlparser.IsExpr:
		return f.isNull(e)
	case *sqlparser.NotExpr:
		return nil, invalid("operation is not supported: 'not' expression")
	case *sqlparser.FuncExpr:
		return nil, invalid("operation is not supported: function expression")
	case *sqlparser.ColName:
		return nil, invalid("incomplete expression")
	}
	return nil, invalid("operation is not supported: expression %s", sqlparser.String(expr))
}

func (f *Fields[T]) join(left, right sqlparser.Expr, with func(left, right Predicate[T]) Predicate[T]) (Predicate[T], error) {
	l, err := f.compile(left)
	if err != nil {
		return nil, err
	}
	r, err := f.compile(right)
	if err != nil {
		return nil, err
	}
	return with(l, r), nil
}

// name is the name of the field that an expression is.
func name(expr sqlparser.Expr) (string, error) {
	column, ok := expr.(*sqlparser.ColName)
	if !ok {
		return "", invalid("invalid filter name: %s", sqlparser.String(expr))
	}
	return strings.ReplaceAll(sqlparser.String(column), "`", ""), nil
}

func (f *Fields[T]) unknown(name string) error {
	return invalid("unknown or unsupported %s search field: %s", f.Of, name)
}

func (f *Fields[T]) comparison(e *sqlparser.ComparisonExpr) (Predicate[T], error) {
	field, err := name(e.Left)
	if err != nil {
		return nil, err
	}
	if get, ok := f.Text[field]; ok {
		return compareText(field, e, get)
	}
	if get, ok := f.Times[field]; ok {
		return compare(field, e, get, instant, time.Time.Compare)
	}
	if get, ok := f.Numbers[field]; ok {
		return compare(field, e, get, number, compareNumbers)
	}
	return nil, f.unknown(field)
}

func compareText[T any](field string, e *sqlparser.ComparisonExpr, get func(T) string) (Predicate[T], error) {
	want, err := text(e.Right)
	switch {
	case err != nil:
		return nil, invalid("invalid value for %s: %v", field, err)
	case want == "":
		return nil, invalid("%s cannot be empty", field)
	}
	switch e.Operator {
	case sqlparser.EqualStr:
		return func(x T) bool { return get(x) == want }, nil
	case sqlparser.NotEqualStr:
		return func(x T) bool { return get(x) != want }, nil
	case sqlparser.StartsWithStr:
		return func(x T) bool { return strings.HasPrefix(get(x), want) }, nil
	case sqlparser.NotStartsWithStr:
		return func(x T) bool { return !strings.HasPrefix(get(x), want) }, nil
	}
	return nil, unsupported(e.Operator, field)
}

func unsupported(operator, field string) error {
	return invalid("invalid expression: operation %s is not supported for %s column", operator, field)
}

// compare compiles a comparison of a field whose values have an order.
func compare[T, V any](
	field string, e *sqlparser.ComparisonExpr, get func(T) (V, bool), parse func(sqlparser.Expr) (V, error), order func(a, b V) int,
) (Predicate[T], error) {
	want, err := parse(e.Right)
	if err != nil {
		return nil, invalid("invalid value for %s: %v", field, err)
	}
	var holds func(order int) bool
	switch e.Operator {
	case sqlparser.EqualStr:
		holds = func(order int) bool { return order == 0 }
	case sqlparser.NotEqualStr:
		holds = func(order int) bool { return order != 0 }
	case sqlparser.LessThanStr:
		holds = func(order int) bool { return order < 0 }
	case sqlparser.LessEqualStr:
		holds = func(order int) bool { return order <= 0 }
	case sqlparser.GreaterThanStr:
		holds = func(order int) bool { return order > 0 }
	case sqlparser.GreaterEqualStr:
		holds = func(order int) bool { return order >= 0 }
	default:
		return nil, unsupported(e.Operator, field)
	}
	return func(x T) bool {
		value, ok := get(x)
		return ok && holds(order(value, want))
	}, nil
}

func (f *Fields[T]) between(e *sqlparser.RangeCond) (Predicate[T], error) {
	field, err := name(e.Left)
	if err != nil {
		return nil, err
	}
	if get, ok := f.Times[field]; ok {
		return between(field, e, get, instant, time.Time.Compare)
	}
	if get, ok := f.Numbers[field]; ok {
		return between(field, e, get, number, compareNumbers)
	}
	return nil, f.unknown(field)
}

func between[T, V any](
	field string, e *sqlparser.RangeCond, get func(T) (V, bool), parse func(sqlparser.Expr) (V, error), order func(a, b V) int,
) (Predicate[T], error) {
	from, err := parse(e.From)
	if err != nil {
		return nil, invalid("invalid value for %s: %v", field, err)
	}
	to, err := parse(e.To)
	if err != nil {
		return nil, invalid("invalid value for %s: %v", field, err)
	}
	inside := e.Operator == sqlparser.BetweenStr
	return func(x T) bool {
		value, ok := get(x)
		return ok && (order(value, from) >= 0 && order(value, to) <= 0) == inside
	}, nil
}

func (f *Fields[T]) isNull(e *sqlparser.IsExpr) (Predicate[T], error) {
	if !f.Nullable {
		return nil, invalid("operation is not supported: 'is' expression")
	}
	field, err := name(e.Expr)
	if err != nil {
		return nil, err
	}
	if e.Operator != sqlparser.IsNullStr && e.Operator != sqlparser.IsNotNullStr {
		return nil, invalid("operation is not supported: 'is' operator %q is not supported; only IS NULL and IS NOT NULL are supported", e.Operator)
	}
	want := e.Operator == sqlparser.IsNullStr
	if get, ok := f.Text[field]; ok {
		return func(x T) bool { return (get(x) == "") == want }, nil
	}
	if get, ok := f.Times[field]; ok {
		return func(x T) bool { _, there := get(x); return there != want }, nil
	}
	if get, ok := f.Numbers[field]; ok {
		return func(x T) bool { _, there := get(x); return there != want }, nil
	}
	return nil, f.unknown(field)
}
