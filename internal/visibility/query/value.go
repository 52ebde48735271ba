package query

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/temporalio/sqlparser"
	enumspb "go.temporal.io/api/enums/v1"
)

// value converts what an attribute is compared with: to one value, or to a []any of
// several.
func (p *parser) value(e sqlparser.Expr, c Column) (any, error) {
	switch e := e.(type) {
	case *sqlparser.SQLVal:
		return literal(e, c)
	case sqlparser.BoolVal:
		return convert(c, bool(e))
	case sqlparser.ValTuple:
		values := make([]any, 0, len(e))
		for _, item := range e {
			value, err := p.value(item, c)
			if err != nil {
				return nil, err
			}
			if _, nested := value.([]any); nested {
				return nil, invalid("%s: a list in a list", invalidExpression)
			}
			values = append(values, value)
		}
		return values, nil
	case *sqlparser.UnaryExpr:
		return p.signed(e, c)
	case *sqlparser.GroupConcatExpr:
		return nil, invalid("%s: 'group_concat'", notSupported)
	case *sqlparser.FuncExpr:
		return nil, invalid("%s: nested func", notSupported)
	case *sqlparser.ColName:
		return nil, invalid("%s: column name on the right side of comparison expression (did you forget to quote %q?)", notSupported, sqlparser.String(e))
	default:
		return nil, invalid("%s: unexpected value type %T", invalidExpression, e)
	}
}

// signed converts a number with a sign.
func (p *parser) signed(e *sqlparser.UnaryExpr, c Column) (any, error) {
	if e.Operator != sqlparser.UPlusStr && e.Operator != sqlparser.UMinusStr {
		return nil, invalid("%s: unary operator %q", notSupported, e.Operator)
	}
	if operand, ok := e.Expr.(*sqlparser.SQLVal); !ok || operand.Type == sqlparser.StrVal {
		return nil, invalid("%s: unary operator not supported in %q", invalidExpression, sqlparser.String(e))
	}
	value, err := p.value(e.Expr, c)
	if err != nil {
		return nil, err
	}
	minus := e.Operator == sqlparser.UMinusStr
	switch v := value.(type) {
	case int64:
		if minus {
			v = -v
		}
		return v, nil
	case float64:
		if minus {
			v = -v
		}
		return v, nil
	}
	return nil, invalid("%s: unary expression %q", invalidExpression, sqlparser.String(e))
}

// literal converts text in quotes or a number.
func literal(e *sqlparser.SQLVal, c Column) (any, error) {
	value, ok := parseLiteral(e)
	if !ok {
		return nil, invalid("%s: unable to parse value %q", invalidExpression, sqlparser.String(e))
	}
	switch c.Name {
	case executionStatus:
		return status(value)
	case executionDuration:
		return duration(value)
	}
	return convert(c, value)
}

func parseLiteral(e *sqlparser.SQLVal) (any, bool) {
	text := string(e.Val)
	if e.Type == sqlparser.StrVal {
		return text, true
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil
}

// convert checks that a value is of the column's type.
func convert(c Column, value any) (any, error) {
	switch c.Type {
	case enumspb.INDEXED_VALUE_TYPE_INT, enumspb.INDEXED_VALUE_TYPE_DOUBLE:
		switch value.(type) {
		case int64, float64:
			return value, nil
		}
	case enumspb.INDEXED_VALUE_TYPE_BOOL:
		if _, ok := value.(bool); ok {
			return value, nil
		}
	case enumspb.INDEXED_VALUE_TYPE_KEYWORD, enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST:
		if _, ok := value.(string); ok {
			return value, nil
		}
	case enumspb.INDEXED_VALUE_TYPE_TEXT:
		if text, ok := value.(string); ok {
			if strings.TrimSpace(text) == "" {
				return nil, invalid("%s: no tokens found filtering on Text type search attribute %s", invalidExpression, c.Alias)
			}
			return value, nil
		}
	case enumspb.INDEXED_VALUE_TYPE_DATETIME:
		switch v := value.(type) {
		case int64:
			return time.Unix(0, v).UTC(), nil
		case string:
			t, err := time.Parse(time.RFC3339Nano, v)
			if err != nil {
				return nil, invalid("%s: unable to parse datetime '%s'", invalidExpression, v)
			}
			return t.UTC(), nil
		}
	}
	return nil, wrongType(c, value)
}

// status converts the name or number of a workflow's status.
func status(value any) (any, error) {
	switch v := value.(type) {
	case int64:
		if _, ok := enumspb.WorkflowExecutionStatus_name[int32(v)]; ok && v == int64(int32(v)) {
			return v, nil
		}
		return nil, invalid("%s: invalid %s value %v", invalidExpression, executionStatus, v)
	case string:
		s, err := enumspb.WorkflowExecutionStatusFromString(v)
		if err != nil {
			return nil, invalid("%s: invalid %s value '%s'", invalidExpression, executionStatus, v)
		}
		return int64(s), nil
	}
	return nil, invalid("%s: unexpected value type %T for search attribute %s", invalidExpression, value, executionStatus)
}

// duration converts a duration: nanoseconds, with or without quotes, units as in Go and
// d for days, or hours:minutes:seconds.
func duration(value any) (any, error) {
	switch v := value.(type) {
	case int64:
		return v, nil
	case string:
		d, err := parseDuration(v)
		if err != nil {
			return nil, invalid("%s: invalid duration value for search attribute %s: %v", invalidExpression, executionDuration, v)
		}
		return int64(d), nil
	}
	return nil, invalid("%s: unexpected value type %T for search attribute %s", invalidExpression, value, executionDuration)
}

var days = regexp.MustCompile(`(\d+(\.\d*)?|(\.\d+))d`)

func parseDuration(text string) (time.Duration, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Duration(n), nil
	}
	inHours := days.ReplaceAllStringFunc(text, func(v string) string {
		n, err := strconv.ParseFloat(strings.TrimSuffix(v, "d"), 64)
		if err != nil {
			return v
		}
		return fmt.Sprintf("%fh", 24*n)
	})
	if d, err := time.ParseDuration(inHours); err == nil {
		return d, nil
	}
	var h, m, s int64
	if _, err := fmt.Sscanf(text, "%d:%d:%d", &h, &m, &s); err != nil {
		return 0, err
	}
	const mostHours = int64(1<<63-1)/int64(time.Hour) - 1
	if h < 0 || h > mostHours || m < 0 || m > 59 || s < 0 || s > 59 {
		return 0, fmt.Errorf("out of range")
	}
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second, nil
}
