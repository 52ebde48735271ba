package query

import (
	"strings"

	"github.com/temporalio/sqlparser"

	"github.com/perdure/perdure/internal/searchattribute"
)

// Names that mean more to queries than others.
const (
	executionStatus   = "ExecutionStatus"
	executionDuration = "ExecutionDuration"
	division          = "TemporalNamespaceDivision"

	scheduleID     = "ScheduleId"
	workflowID     = "WorkflowId"
	reservedPrefix = "Temporal"
)

// known are the attributes that every namespace has. Never modified.
var known = searchattribute.Searchable()

// column finds out what attribute an expression names.
func (p *parser) column(e sqlparser.Expr) (Column, error) {
	named, ok := e.(*sqlparser.ColName)
	if !ok {
		return Column{}, invalid("%s: must be a column name but was %T", invalidExpression, e)
	}
	alias := strings.ReplaceAll(sqlparser.String(named), "`", "")
	c, ok := p.attributes.resolve(alias)
	if !ok {
		return Column{}, invalid("%s: %s", invalidAttribute, alias)
	}
	if c.Name == division {
		p.divided = true
	}
	return c, nil
}

// resolve finds the attribute that has a name, in this order: custom ones, those
// that every namespace has, fields, and names with too much or too little of the
// prefix "Temporal".
func (a Attributes) resolve(alias string) (Column, bool) {
	if name, ok := a.Aliases[alias]; ok {
		return Column{alias, name, known[name]}, true
	}
	if t, ok := known[alias]; ok {
		return Column{alias, alias, t}, true
	}
	if t, ok := a.Custom[alias]; ok {
		return Column{alias, alias, t}, true
	}
	if t, ok := searchattribute.FieldType(alias); ok {
		name := a.Fields[alias]
		if name == "" {
			name = alias // which no attribute has: no run has a value
		}
		return Column{alias, name, t}, true
	}
	var name string
	switch rest, has := strings.CutPrefix(alias, reservedPrefix); {
	case rest == scheduleID:
		name = workflowID
	case has:
		name = rest
	default:
		name = reservedPrefix + alias
	}
	t, ok := known[name]
	return Column{alias, name, t}, ok
}
