package filter

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/temporalio/sqlparser"
)

// text is the value of an expression that is a string.
func text(expr sqlparser.Expr) (string, error) {
	value, ok := expr.(*sqlparser.SQLVal)
	if !ok || value.Type != sqlparser.StrVal {
		return "", fmt.Errorf("value %s is not a string value", sqlparser.String(expr))
	}
	return string(value.Val), nil
}

// number is the value of an expression that is a whole number.
func number(expr sqlparser.Expr) (int64, error) {
	value, ok := expr.(*sqlparser.SQLVal)
	if !ok || value.Type != sqlparser.IntVal {
		return 0, fmt.Errorf("value %s is not a whole number", sqlparser.String(expr))
	}
	return strconv.ParseInt(string(value.Val), 10, 64)
}

func compareNumbers(a, b int64) int { return cmp.Compare(a, b) }

// instant is the value of an expression that is a time.
func instant(expr sqlparser.Expr) (time.Time, error) {
	if value, ok := expr.(*sqlparser.SQLVal); ok && value.Type == sqlparser.IntVal {
		nanos, err := strconv.ParseInt(string(value.Val), 10, 64)
		return time.Unix(0, nanos), err
	}
	s, err := text(expr)
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339Nano, s)
}
