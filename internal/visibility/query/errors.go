package query

import (
	"fmt"
	"strings"

	"go.temporal.io/api/serviceerror"
)

// What is wrong with a query, in the words of the Temporal server, by which clients
// may tell.
const (
	malformed         = "malformed SQL query"
	notSupported      = "operation is not supported"
	invalidExpression = "invalid expression"
	invalidAttribute  = "invalid search attribute"
)

// maxErrorText bounds what is cited of a query in an error, in bytes.
const maxErrorText = 1000

func invalid(format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "") + "…"
	}
	return serviceerror.NewInvalidArgument("invalid query: " + text)
}

func unsupportedOperator(c Column, operator string) error {
	return invalid("%s: operator '%s' not supported for %s type search attribute '%s'", notSupported, strings.ToUpper(operator), c.Type, c.Alias)
}

func wrongType(c Column, value any) error {
	return invalid("%s: invalid value type for search attribute %s of type %s: %#v (type: %T)", invalidExpression, c.Alias, c.Type, value, value)
}
