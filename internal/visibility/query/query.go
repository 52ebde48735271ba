// Package query is the language in which clients search for workflows: the
// condition of an SQL statement over search attributes, as the Temporal server 1.32
// has it.
//
//	WorkflowType = 'Order' AND ExecutionStatus IN ('Running', 'Failed') AND StartTime > '2026-01-02T00:00:00Z'
//
// Parse checks a query against the attributes there are and their types, and makes an
// expression of it that an index can carry out without looking at text again: names are
// resolved, values have the Go types of their columns, and there is no negation.
//
// # Semantics
//
// A condition on an attribute that a run does not have is not true, and neither is its
// negation, as in SQL; but lists of keywords and text are sets, so
// "does not contain" is true of what is not there. NOT is moved into the conditions
// by De Morgan's laws, which hold for this logic of three values when all that
// matters is what is true.
//
// Runs of a namespace division (schedules, batch jobs and what else is listed beside
// workflows) are found only by queries that name TemporalNamespaceDivision; Query.Divided
// says that one does.
//
// Every error is an InvalidArgument, in the words of the Temporal server.
package query

import (
	"iter"

	"github.com/perdure/perdure/internal/searchattribute"
)

// Bounds of what is looked at at all. A query beyond them is refused.
const (
	// MaxLength is the most bytes of a query.
	MaxLength = 256 << 10
	// MaxDepth is how deep brackets and NOT can be nested.
	MaxDepth = 200
	// MaxConditions is the most conditions of a query.
	MaxConditions = 1000
	// MaxValues is the most values in all conditions of a query.
	MaxValues = 10_000
	// MaxOrder is the most attributes of an order.
	MaxOrder = 4
)

// Query is a query that makes sense.
type Query struct {
	// Where is what must be true of a run; nil if nothing must.
	Where Expr
	// GroupBy is the attribute whose values are counted apart; nil if they are not.
	GroupBy *Column
	// OrderBy is the order of a list, by the first of them first. Rows that are equal in
	// all of them are in the order that lists without it have. A count has no order.
	OrderBy []Order
	// Divided: the query says itself which namespace divisions it is about. One that
	// does not is about what is in none.
	Divided bool
}

// Order is one attribute of an order. Runs without it come last, upwards and downwards.
// Of a list of keywords it is the least that counts upwards, and the greatest downwards.
type Order struct {
	Column     Column
	Descending bool
}

// Columns visits the attributes that the query names, some more than once.
func (q *Query) Columns() iter.Seq[Column] {
	return func(yield func(Column) bool) {
		if q.GroupBy != nil && !yield(*q.GroupBy) {
			return
		}
		for _, order := range q.OrderBy {
			if !yield(order.Column) {
				return
			}
		}
		columns(q.Where, yield)
	}
}

func columns(e Expr, yield func(Column) bool) bool {
	var parts []Expr
	switch e := e.(type) {
	case *Condition:
		return yield(e.Column)
	case And:
		parts = e
	case Or:
		parts = e
	}
	for _, part := range parts {
		if !columns(part, yield) {
			return false
		}
	}
	return true
}

// Restrict is the query with a further condition, about the namespace division: it finds what is
// in that division and nothing else.
func (q *Query) Restrict(division Expr) *Query {
	restricted := *q
	restricted.Divided = true
	switch where := q.Where.(type) {
	case nil:
		restricted.Where = division
	case And:
		restricted.Where = append(And{division}, where...)
	default:
		restricted.Where = And{division, where}
	}
	return &restricted
}

// Expr is an And, an Or or a *Condition.
type Expr interface{ isExpr() }

// And is true if all of its parts are. It has two at least, none of which is an And.
type And []Expr

// Or is true if one of its parts is. It has two at least, none of which is an Or.
type Or []Expr

// Condition is about one attribute.
type Condition struct {
	Column Column
	Op     Op
	// Values is what the attribute is compared with: two for Between and NotBetween
	// (from, to), any number but none for In and NotIn, none for IsNull and NotNull,
	// one for the others. They are string, int64, float64, bool or time.Time; Int
	// and Double columns may be compared with int64 and float64 alike. ExecutionStatus
	// is an int64, and so is ExecutionDuration, in nanoseconds.
	Values []any
}

func (And) isExpr()        {}
func (Or) isExpr()         {}
func (*Condition) isExpr() {}

// Column is a search attribute.
type Column struct {
	// Alias is what the query calls it.
	Alias string
	// Name is its name.
	Name string
	Type searchattribute.Type
}

// Op is how an attribute is compared.
type Op int

// The operators. Of a list of keywords and of text, Equal asks whether it contains
// the value, and In whether it contains one of them.
const (
	Equal Op = iota
	NotEqual
	Less
	LessEqual
	Greater
	GreaterEqual
	In
	NotIn
	Between
	NotBetween
	StartsWith
	NotStartsWith
	IsNull
	NotNull
)

// negations pair each operator with the one that is true where it is false.
var negations = map[Op]Op{
	Equal: NotEqual, Less: GreaterEqual, LessEqual: Greater, In: NotIn, Between: NotBetween, StartsWith: NotStartsWith, IsNull: NotNull,
	NotEqual: Equal, GreaterEqual: Less, Greater: LessEqual, NotIn: In, NotBetween: Between, NotStartsWith: StartsWith, NotNull: IsNull,
}

// Attributes are those of a namespace.
type Attributes struct {
	// Custom are the types of the custom ones, by name.
	Custom map[string]searchattribute.Type
	// Aliases are further names of attributes that every namespace has: what lists of other
	// things than workflows call them.
	Aliases map[string]string
	// Fields are the names of the custom ones by the fields they are given.
	Fields map[string]string
}
