package query

import (
	"fmt"
	"strings"

	"github.com/temporalio/sqlparser"
	enumspb "go.temporal.io/api/enums/v1"
)

// Parse makes a Query of its text. The empty text finds all.
func Parse(text string, attributes Attributes) (*Query, error) {
	if len(text) > MaxLength {
		return nil, invalid("%s: longer than %d bytes", notSupported, MaxLength)
	}
	if nested(text) > MaxDepth {
		return nil, invalid("%s: brackets nested deeper than %d", notSupported, MaxDepth)
	}
	where := strings.TrimSpace(text)
	if lower := strings.ToLower(where); where != "" && !strings.HasPrefix(lower, "order by") && !strings.HasPrefix(lower, "group by") {
		where = "where " + where
	}
	statement, err := sqlparser.Parse("select * from table1 " + where)
	if err != nil {
		return nil, invalid("%s: %v", malformed, err)
	}
	s, ok := statement.(*sqlparser.Select)
	if !ok {
		return nil, invalid("%s: %T", notSupported, statement)
	}
	p := &parser{attributes: attributes}
	return p.statement(s)
}

// nested is how deep brackets are nested, those in quotes included, which are
// few.
func nested(text string) (deepest int) {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '(':
			depth++
			deepest = max(deepest, depth)
		case ')':
			depth--
		}
	}
	return deepest
}

// parser makes one query.
type parser struct {
	attributes         Attributes
	divided            bool
	conditions, values int
}

func (p *parser) statement(s *sqlparser.Select) (*Query, error) {
	switch {
	case s.Limit != nil:
		return nil, invalid("%s: 'LIMIT' clause", notSupported)
	case s.Having != nil:
		return nil, invalid("%s: 'HAVING' clause", notSupported)
	case s.Lock != "":
		return nil, invalid("%s:%s", notSupported, s.Lock)
	}
	q := &Query{}
	var err error
	if s.Where != nil && s.Where.Expr != nil {
		if q.Where, err = p.expr(s.Where.Expr, false, 0); err != nil {
			return nil, err
		}
	}
	if q.GroupBy, err = p.groupBy(s.GroupBy); err != nil {
		return nil, err
	}
	if q.OrderBy, err = p.orderBy(s.OrderBy); err != nil {
		return nil, err
	}
	q.Divided = p.divided
	return q, nil
}

func (p *parser) groupBy(by sqlparser.GroupBy) (*Column, error) {
	switch len(by) {
	case 0:
		return nil, nil
	case 1:
	default:
		return nil, invalid("%s: 'GROUP BY' clause supports only a single field", notSupported)
	}
	c, err := p.column(by[0])
	if err != nil {
		return nil, err
	}
	if c.Name != executionStatus && c.Name != division {
		return nil, invalid("%s: 'GROUP BY' clause is not supported for search attribute %s", notSupported, c.Alias)
	}
	return &c, nil
}

func (p *parser) orderBy(by sqlparser.OrderBy) ([]Order, error) {
	if len(by) > MaxOrder {
		return nil, invalid("%s: 'ORDER BY' clause of more than %d search attributes", notSupported, MaxOrder)
	}
	var orders []Order
	for _, order := range by {
		c, err := p.column(order.Expr)
		if err != nil {
			return nil, err
		}
		if c.Type == enumspb.INDEXED_VALUE_TYPE_TEXT {
			return nil, invalid("%s: unable to sort by search attribute type %s", notSupported, c.Type)
		}
		orders = append(orders, Order{c, order.Direction == sqlparser.DescScr})
	}
	return orders, nil
}

// expr converts an expression, or its negation.
func (p *parser) expr(e sqlparser.Expr, negated bool, depth int) (Expr, error) {
	if depth > MaxDepth {
		return nil, invalid("%s: brackets nested deeper than %d", notSupported, MaxDepth)
	}
	switch e := e.(type) {
	case *sqlparser.ParenExpr:
		return p.expr(e.Expr, negated, depth+1)
	case *sqlparser.NotExpr:
		return p.expr(e.Expr, !negated, depth+1)
	case *sqlparser.AndExpr, *sqlparser.OrExpr:
		return p.join(e, negated, depth)
	case *sqlparser.ComparisonExpr:
		return p.comparison(e, negated)
	case *sqlparser.RangeCond:
		return p.between(e, negated)
	case *sqlparser.IsExpr:
		return p.is(e, negated)
	case *sqlparser.FuncExpr:
		return nil, invalid("%s: function expression", notSupported)
	case *sqlparser.ColName:
		return nil, invalid("%s: incomplete expression", invalidExpression)
	default:
		return nil, invalid("%s: expression of type %T", notSupported, e)
	}
}

// join converts a chain of ANDs or of ORs, which the parser nests to the left, however
// long it is.
func (p *parser) join(e sqlparser.Expr, negated bool, depth int) (Expr, error) {
	_, isAnd := e.(*sqlparser.AndExpr)
	var right []sqlparser.Expr // from the last to the second
	first := e
	for {
		if and, ok := first.(*sqlparser.AndExpr); ok && isAnd {
			right, first = append(right, and.Right), and.Left
		} else if or, ok := first.(*sqlparser.OrExpr); ok && !isAnd {
			right, first = append(right, or.Right), or.Left
		} else {
			break
		}
	}
	parts := make([]Expr, 0, len(right)+1)
	part, err := p.expr(first, negated, depth)
	for i := len(right) - 1; err == nil; i-- {
		parts = append(parts, part)
		if i < 0 {
			break
		}
		part, err = p.expr(right[i], negated, depth)
	}
	if err != nil {
		return nil, err
	}
	if isAnd != negated {
		return And(flatten[And](parts)), nil
	}
	return Or(flatten[Or](parts)), nil
}

// flatten puts the parts of parts that are joined in the same way in their place.
func flatten[T interface {
	~[]Expr
	Expr
}](parts []Expr) []Expr {
	flat := make([]Expr, 0, len(parts))
	for _, part := range parts {
		if same, ok := part.(T); ok {
			flat = append(flat, same...)
		} else {
			flat = append(flat, part)
		}
	}
	return flat
}

// condition makes a condition, or its negation.
func (p *parser) condition(c Column, op Op, negated bool, values ...any) (Expr, error) {
	p.conditions++
	p.values += len(values)
	switch {
	case p.conditions > MaxConditions:
		return nil, invalid("%s: more than %d conditions", notSupported, MaxConditions)
	case p.values > MaxValues:
		return nil, invalid("%s: more than %d values", notSupported, MaxValues)
	}
	if negated {
		op = negations[op]
	}
	return &Condition{Column: c, Op: op, Values: values}, nil
}

var operators = map[string]Op{
	sqlparser.EqualStr: Equal, sqlparser.NotEqualStr: NotEqual,
	sqlparser.LessThanStr: Less, sqlparser.LessEqualStr: LessEqual,
	sqlparser.GreaterThanStr: Greater, sqlparser.GreaterEqualStr: GreaterEqual,
	sqlparser.InStr: In, sqlparser.NotInStr: NotIn,
	sqlparser.StartsWithStr: StartsWith, sqlparser.NotStartsWithStr: NotStartsWith,
}

// allows reports whether an attribute of the column's type can be compared so.
func (c Column) allows(op Op) bool {
	switch c.Type {
	case enumspb.INDEXED_VALUE_TYPE_TEXT:
		return op == Equal || op == NotEqual
	case enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST:
		return op == Equal || op == NotEqual || op == In || op == NotIn
	case enumspb.INDEXED_VALUE_TYPE_KEYWORD:
		return true
	}
	return op != StartsWith && op != NotStartsWith
}

func (p *parser) comparison(e *sqlparser.ComparisonExpr, negated bool) (Expr, error) {
	c, err := p.column(e.Left)
	if err != nil {
		return nil, err
	}
	value, err := p.value(e.Right, c)
	if err != nil {
		return nil, err
	}
	op, ok := operators[e.Operator]
	if !ok || !c.allows(op) {
		return nil, unsupportedOperator(c, e.Operator)
	}
	values, isList := value.([]any)
	switch op {
	case In, NotIn:
		if !isList {
			return nil, invalid("%s: unexpected value type (expected a list of values, got %v)", invalidExpression, value)
		}
		return p.condition(c, op, negated, values...)
	case StartsWith, NotStartsWith:
		if _, ok := value.(string); !ok {
			return nil, invalid("%s: right-hand side of %q operator must be a literal string (got: %s)", invalidExpression, e.Operator, strings.Trim(sqlparser.String(e.Right), "'"))
		}
	default:
		if isList && c.Type == enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST {
			return nil, invalid("%s: unexpected value type (expected string, got %s)", invalidExpression, sqlparser.String(e.Right))
		}
		if isList {
			return nil, invalid("%s: unexpected value type (expected one value, got a list of %d)", invalidExpression, len(values))
		}
	}
	return p.condition(c, op, negated, value)
}

func (p *parser) between(e *sqlparser.RangeCond, negated bool) (Expr, error) {
	c, err := p.column(e.Left)
	if err != nil {
		return nil, err
	}
	switch c.Type {
	case enumspb.INDEXED_VALUE_TYPE_DATETIME, enumspb.INDEXED_VALUE_TYPE_DOUBLE, enumspb.INDEXED_VALUE_TYPE_INT, enumspb.INDEXED_VALUE_TYPE_KEYWORD:
	default:
		return nil, invalid("%s: cannot do range condition on search attribute '%s' of type %s", invalidExpression, c.Alias, c.Type)
	}
	from, err := p.value(e.From, c)
	if err != nil {
		return nil, err
	}
	to, err := p.value(e.To, c)
	if err != nil {
		return nil, err
	}
	for _, bound := range []any{from, to} {
		if values, isList := bound.([]any); isList {
			return nil, invalid("%s: unexpected value type (expected one value, got a list of %d)", invalidExpression, len(values))
		}
	}
	op := Between
	if e.Operator == sqlparser.NotBetweenStr {
		op = NotBetween
	}
	return p.condition(c, op, negated, from, to)
}

func (p *parser) is(e *sqlparser.IsExpr, negated bool) (Expr, error) {
	c, err := p.column(e.Expr)
	if err != nil {
		return nil, err
	}
	switch e.Operator {
	case sqlparser.IsNullStr:
		return p.condition(c, IsNull, negated)
	case sqlparser.IsNotNullStr:
		return p.condition(c, NotNull, negated)
	}
	return nil, invalid("%s: 'IS' operator can only be used as 'IS NULL' or 'IS NOT NULL'", invalidExpression)
}

// String is the condition as people read it.
func (c *Condition) String() string { return fmt.Sprintf("%s %v %v", c.Column.Name, c.Op, c.Values) }
