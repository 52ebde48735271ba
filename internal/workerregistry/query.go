package workerregistry

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/temporalio/sqlparser"
	"go.temporal.io/api/serviceerror"
	workerpb "go.temporal.io/api/worker/v1"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// A query is the condition of an SQL statement, over what a worker says with its
// heartbeats:
//
//   - WorkerInstanceKey, WorkerIdentity, HostName, TaskQueue, DeploymentName, BuildId,
//     SdkName, SdkVersion and WorkerStatus (or Status) are text in single quotes, with
//     =, !=, STARTS_WITH and NOT STARTS_WITH;
//   - StartTime and HeartbeatTime are in RFC 3339 in single quotes, or numbers of
//     nanoseconds since 1970, with =, !=, <, <=, >, >=, BETWEEN and NOT BETWEEN;
//   - both know IS NULL and IS NOT NULL; AND, OR and parentheses join them.
//
// It is compiled before any worker is looked at, so one that makes no sense is an error
// even if there are no workers.

// predicate reports whether a worker matches a query, or a part of one.
type predicate func(*workerpb.WorkerHeartbeat) bool

// maxQuery bounds the length of a query, in bytes, and with it the depth of what is
// parsed.
const maxQuery = 10_000

var textFields = map[string]func(*workerpb.WorkerHeartbeat) string{
	"WorkerInstanceKey": (*workerpb.WorkerHeartbeat).GetWorkerInstanceKey,
	"WorkerIdentity":    (*workerpb.WorkerHeartbeat).GetWorkerIdentity,
	"HostName":          func(h *workerpb.WorkerHeartbeat) string { return h.GetHostInfo().GetHostName() },
	"TaskQueue":         (*workerpb.WorkerHeartbeat).GetTaskQueue,
	"DeploymentName":    func(h *workerpb.WorkerHeartbeat) string { return h.GetDeploymentVersion().GetDeploymentName() },
	"BuildId":           func(h *workerpb.WorkerHeartbeat) string { return h.GetDeploymentVersion().GetBuildId() },
	"SdkName":           (*workerpb.WorkerHeartbeat).GetSdkName,
	"SdkVersion":        (*workerpb.WorkerHeartbeat).GetSdkVersion,
	"WorkerStatus":      status,
	"status":            status, // a word of SQL, which the parser turns to lower case
}

func status(h *workerpb.WorkerHeartbeat) string { return h.GetStatus().String() }

var timeFields = map[string]func(*workerpb.WorkerHeartbeat) *timestamppb.Timestamp{
	"StartTime":     (*workerpb.WorkerHeartbeat).GetStartTime,
	"HeartbeatTime": (*workerpb.WorkerHeartbeat).GetHeartbeatTime,
}

func invalid(format string, args ...any) error {
	return serviceerror.NewInvalidArgument(fmt.Sprintf(format, args...))
}

// parse compiles a query; the empty one matches every worker.
func parse(query string) (predicate, error) {
	query = strings.TrimSpace(query)
	if query == "" {
		return func(*workerpb.WorkerHeartbeat) bool { return true }, nil
	}
	if len(query) > maxQuery {
		return nil, invalid("query is longer than %d bytes", maxQuery)
	}
	lower := strings.ToLower(query)
	if strings.HasPrefix(lower, "where ") || strings.HasPrefix(lower, "select ") {
		return nil, invalid("invalid filter: %s", query)
	}
	statement, err := sqlparser.Parse("select * from workers where " + query)
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
	return compile(s.Where.Expr)
}

func compile(expr sqlparser.Expr) (predicate, error) {
	switch e := expr.(type) {
	case *sqlparser.AndExpr:
		return join(e.Left, e.Right, func(left, right predicate) predicate {
			return func(h *workerpb.WorkerHeartbeat) bool { return left(h) && right(h) }
		})
	case *sqlparser.OrExpr:
		return join(e.Left, e.Right, func(left, right predicate) predicate {
			return func(h *workerpb.WorkerHeartbeat) bool { return left(h) || right(h) }
		})
	case *sqlparser.ParenExpr:
		return compile(e.Expr)
	case *sqlparser.ComparisonExpr:
		return comparison(e)
	case *sqlparser.RangeCond:
		return between(e)
	case *sqlparser.IsExpr:
		return isNull(e)
	case *sqlparser.NotExpr:
		return nil, invalid("operation is not supported: 'not' expression")
	case *sqlparser.FuncExpr:
		return nil, invalid("operation is not supported: function expression")
	case *sqlparser.ColName:
		return nil, invalid("incomplete expression")
	}
	return nil, invalid("operation is not supported: expression %s", sqlparser.String(expr))
}

func join(left, right sqlparser.Expr, with func(left, right predicate) predicate) (predicate, error) {
	l, err := compile(left)
	if err != nil {
		return nil, err
	}
	r, err := compile(right)
	if err != nil {
		return nil, err
	}
	return with(l, r), nil
}

// field is the name of the field that an expression is.
func field(expr sqlparser.Expr) (string, error) {
	column, ok := expr.(*sqlparser.ColName)
	if !ok {
		return "", invalid("invalid filter name: %s", sqlparser.String(expr))
	}
	return strings.ReplaceAll(sqlparser.String(column), "`", ""), nil
}

func unknownField(name string) error {
	return invalid("unknown or unsupported worker heartbeat search field: %s", name)
}

func comparison(e *sqlparser.ComparisonExpr) (predicate, error) {
	name, err := field(e.Left)
	if err != nil {
		return nil, err
	}
	if get, ok := textFields[name]; ok {
		want, err := text(e.Right)
		if err != nil {
			return nil, invalid("invalid value for %s: %v", name, err)
		}
		if want == "" {
			return nil, invalid("%s cannot be empty", name)
		}
		return compareText(name, e.Operator, get, want)
	}
	if get, ok := timeFields[name]; ok {
		want, err := instant(e.Right)
		if err != nil {
			return nil, invalid("invalid value for %s: %v", name, err)
		}
		return compareTime(name, e.Operator, get, want)
	}
	return nil, unknownField(name)
}

func compareText(name, operator string, get func(*workerpb.WorkerHeartbeat) string, want string) (predicate, error) {
	switch operator {
	case sqlparser.EqualStr:
		return func(h *workerpb.WorkerHeartbeat) bool { return get(h) == want }, nil
	case sqlparser.NotEqualStr:
		return func(h *workerpb.WorkerHeartbeat) bool { return get(h) != want }, nil
	case sqlparser.StartsWithStr:
		return func(h *workerpb.WorkerHeartbeat) bool { return strings.HasPrefix(get(h), want) }, nil
	case sqlparser.NotStartsWithStr:
		return func(h *workerpb.WorkerHeartbeat) bool { return !strings.HasPrefix(get(h), want) }, nil
	}
	return nil, invalid("invalid expression: operation %s is not supported for %s column", operator, name)
}

func compareTime(name, operator string, get func(*workerpb.WorkerHeartbeat) *timestamppb.Timestamp, want time.Time) (predicate, error) {
	var holds func(order int) bool
	switch operator {
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
		return nil, invalid("invalid expression: operation %s is not supported for %s column", operator, name)
	}
	return func(h *workerpb.WorkerHeartbeat) bool { return holds(get(h).AsTime().Compare(want)) }, nil
}

func between(e *sqlparser.RangeCond) (predicate, error) {
	name, err := field(e.Left)
	if err != nil {
		return nil, err
	}
	get, ok := timeFields[name]
	if !ok {
		return nil, unknownField(name)
	}
	from, err := instant(e.From)
	if err != nil {
		return nil, invalid("invalid value for %s: %v", name, err)
	}
	to, err := instant(e.To)
	if err != nil {
		return nil, invalid("invalid value for %s: %v", name, err)
	}
	inside := e.Operator == sqlparser.BetweenStr
	return func(h *workerpb.WorkerHeartbeat) bool {
		at := get(h)
		return at != nil && (!at.AsTime().Before(from) && !at.AsTime().After(to)) == inside
	}, nil
}

func isNull(e *sqlparser.IsExpr) (predicate, error) {
	name, err := field(e.Expr)
	if err != nil {
		return nil, err
	}
	if e.Operator != sqlparser.IsNullStr && e.Operator != sqlparser.IsNotNullStr {
		return nil, invalid("operation is not supported: 'is' operator %q is not supported; only IS NULL and IS NOT NULL are supported", e.Operator)
	}
	want := e.Operator == sqlparser.IsNullStr
	if get, ok := textFields[name]; ok {
		return func(h *workerpb.WorkerHeartbeat) bool { return (get(h) == "") == want }, nil
	}
	if get, ok := timeFields[name]; ok {
		return func(h *workerpb.WorkerHeartbeat) bool { return (get(h) == nil) == want }, nil
	}
	return nil, unknownField(name)
}

// text is the value of an expression that is a string.
func text(expr sqlparser.Expr) (string, error) {
	value, ok := expr.(*sqlparser.SQLVal)
	if !ok || value.Type != sqlparser.StrVal {
		return "", fmt.Errorf("value %s is not a string value", sqlparser.String(expr))
	}
	return string(value.Val), nil
}

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
