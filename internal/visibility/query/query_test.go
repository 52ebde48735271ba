package query

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/searchattribute"
)

var testAttributes = Attributes{
	Custom: map[string]searchattribute.Type{
		"Customer":  enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		"Tags":      enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST,
		"Note":      enumspb.INDEXED_VALUE_TYPE_TEXT,
		"Amount":    enumspb.INDEXED_VALUE_TYPE_INT,
		"Rate":      enumspb.INDEXED_VALUE_TYPE_DOUBLE,
		"Paid":      enumspb.INDEXED_VALUE_TYPE_BOOL,
		"Due":       enumspb.INDEXED_VALUE_TYPE_DATETIME,
		"with-dash": enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	},
	Fields: map[string]string{"Keyword01": "Customer"},
}

// text writes an expression as a Lisp would.
func text(e Expr) string {
	list := func(word string, parts []Expr) string {
		all := make([]string, len(parts))
		for i, part := range parts {
			all[i] = text(part)
		}
		return "(" + word + " " + strings.Join(all, " ") + ")"
	}
	switch e := e.(type) {
	case And:
		return list("and", e)
	case Or:
		return list("or", e)
	case *Condition:
		values := make([]string, len(e.Values))
		for i, value := range e.Values {
			values[i] = fmt.Sprintf("%T:%v", value, value)
			if at, ok := value.(time.Time); ok {
				values[i] = at.Format(time.RFC3339Nano)
			}
		}
		return strings.TrimSpace(fmt.Sprintf("%s%v %s", e.Column.Name, opNames[e.Op], strings.Join(values, ",")))
	}
	return "all"
}

var opNames = map[Op]string{
	Equal: "=", NotEqual: "!=", Less: "<", LessEqual: "<=", Greater: ">", GreaterEqual: ">=", In: " in", NotIn: " not in",
	Between: " between", NotBetween: " not between", StartsWith: " starts", NotStartsWith: " not starts", IsNull: " null", NotNull: " not null",
}

func TestQueriesMeanWhatTheySay(t *testing.T) {
	for query, want := range map[string]string{
		"":                               "all",
		"  ":                             "all",
		"GROUP BY ExecutionStatus":       "all",
		"WorkflowId = 'a'":               "WorkflowId= string:a",
		"WorkflowId = \"a\"":             "WorkflowId= string:a",
		"`WorkflowId` = 'a'":             "WorkflowId= string:a",
		"`with-dash` = 'a'":              "with-dash= string:a",
		"WorkflowId = 'it''s'":           "WorkflowId= string:it's",
		"WorkflowId = ''''":              "WorkflowId= string:'",
		"WorkflowId in ('a', 'b')":       "WorkflowId in string:a,string:b",
		"WorkflowId not starts_with 'a'": "WorkflowId not starts string:a",
		"ScheduleId = 'a'":               "WorkflowId= string:a",
		"TemporalScheduleId = 'a'":       "WorkflowId= string:a",
		"TemporalWorkflowType = 'a'":     "WorkflowType= string:a",
		"PauseInfo = 'a'":                "TemporalPauseInfo= string:a",
		"TemporalBuildIds = 'a'":         "BuildIds= string:a",
		"Keyword01 = 'a'":                "Customer= string:a",
		"Keyword02 = 'a'":                "Keyword02= string:a",
		"ExecutionStatus = 'Running'":    "ExecutionStatus= int64:1",
		"ExecutionStatus = 'WORKFLOW_EXECUTION_STATUS_FAILED'": "ExecutionStatus= int64:3",
		"ExecutionStatus IN ('Completed', 1)":                  "ExecutionStatus in int64:2,int64:1",
		"ExecutionDuration > '1h30m'":                          "ExecutionDuration> int64:5400000000000",
		"ExecutionDuration > '1d'":                             "ExecutionDuration> int64:86400000000000",
		"ExecutionDuration > '01:00:01'":                       "ExecutionDuration> int64:3601000000000",
		"ExecutionDuration > 7":                                "ExecutionDuration> int64:7",
		"ExecutionDuration > '7'":                              "ExecutionDuration> int64:7",
		"StartTime < 1000000000":                               "StartTime< 1970-01-01T00:00:01Z",
		"StartTime < '2026-01-02T03:04:05.6+01:00'":            "StartTime< 2026-01-02T02:04:05.6Z",
		"StartTime NOT BETWEEN '2026-01-02T03:04:05Z' AND 5":   "StartTime not between 2026-01-02T03:04:05Z,1970-01-01T00:00:00.000000005Z",
		"Amount = -5":                   "Amount= int64:-5",
		"Amount = +5":                   "Amount= int64:5",
		"Amount > 1.5":                  "Amount> float64:1.5",
		"Amount = 99999999999999999999": "Amount= float64:1e+20",
		"Rate = 3":                      "Rate= int64:3",
		"Paid = true":                   "Paid= bool:true",
		"Paid IN (true, false)":         "Paid in bool:true,bool:false",
		"Note = 'a b'":                  "Note= string:a b",
		"Tags NOT IN ('a')":             "Tags not in string:a",
		"Customer IS NULL":              "Customer null",
		"Customer is not null":          "Customer not null",
		"Amount = 1 AND Amount = 2 AND Amount = 3":   "(and Amount= int64:1 Amount= int64:2 Amount= int64:3)",
		"Amount = 1 AND (Amount = 2 AND Amount = 3)": "(and Amount= int64:1 Amount= int64:2 Amount= int64:3)",
		"Amount = 1 OR Amount = 2 AND Amount = 3":    "(or Amount= int64:1 (and Amount= int64:2 Amount= int64:3))",
		"(Amount = 1 OR Amount = 2) AND Amount = 3":  "(and (or Amount= int64:1 Amount= int64:2) Amount= int64:3)",
		"NOT Amount = 1":                      "Amount!= int64:1",
		"NOT (NOT Amount < 1)":                "Amount< int64:1",
		"NOT (Amount < 1 AND Amount IS NULL)": "(or Amount>= int64:1 Amount not null)",
		"NOT (Amount IN (1) OR Tags = 'a' OR Customer STARTS_WITH 'x')": "(and Amount not in int64:1 Tags!= string:a Customer not starts string:x)",
		"NOT (Amount BETWEEN 1 AND 2)":                                  "Amount not between int64:1,int64:2",
	} {
		q, err := Parse(query, testAttributes)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if got := text(q.Where); got != want {
			t.Errorf("%s means %s, want %s", query, got, want)
		}
	}
}

func TestAnOrderNamesItsAttributesAndDirections(t *testing.T) {
	q, err := Parse("Amount > 1 ORDER BY Customer, CustomStart DESC, Amount ASC", Attributes{Custom: map[string]searchattribute.Type{
		"Customer": enumspb.INDEXED_VALUE_TYPE_KEYWORD, "CustomStart": enumspb.INDEXED_VALUE_TYPE_DATETIME, "Amount": enumspb.INDEXED_VALUE_TYPE_INT,
	}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, order := range q.OrderBy {
		got = append(got, fmt.Sprint(order.Column.Name, " ", order.Descending))
	}
	if want := []string{"Customer false", "CustomStart true", "Amount false"}; !slices.Equal(got, want) {
		t.Errorf("the order is %q, want %q", got, want)
	}
}

func TestAQuerySaysWhetherItIsAboutDivisions(t *testing.T) {
	for query, want := range map[string]bool{
		"": false, "WorkflowId = 'TemporalNamespaceDivision'": false, "TemporalNamespaceDivision = 'a'": true, "NamespaceDivision IS NULL": true,
		"WorkflowId = 'a' OR NOT TemporalNamespaceDivision = 'b'": true, "GROUP BY TemporalNamespaceDivision": true,
	} {
		if q, err := Parse(query, testAttributes); err != nil || q.Divided != want {
			t.Errorf("%s: %v, %v", query, q, err)
		}
	}
}

func TestGroupsAreOfAFewAttributes(t *testing.T) {
	q, err := Parse("WorkflowId = 'a' group by ExecutionStatus", testAttributes)
	if err != nil || q.GroupBy == nil || q.GroupBy.Name != "ExecutionStatus" || q.Where == nil {
		t.Errorf("got %v, %v", q, err)
	}
}

// The texts are those of the Temporal server.
func TestWhatMakesNoSenseIsInvalid(t *testing.T) {
	for query, want := range map[string]string{
		"WorkflowId =":             "malformed SQL query: syntax error at position 40",
		"WorkflowId = 'a":          "malformed SQL query: syntax error",
		"SELECT 1":                 "malformed SQL query: syntax error",
		"WorkflowId = 'a' LIMIT 5": "operation is not supported: 'LIMIT' clause",
		"WorkflowId = 'a' HAVING WorkflowId = 'a'":            "operation is not supported: 'HAVING' clause",
		"WorkflowId = 'a' FOR UPDATE":                         "operation is not supported: for update",
		"WorkflowId = 'a' UNION SELECT * FROM runs":           "operation is not supported: *sqlparser.Union",
		"ORDER BY Paid, Amount, Rate, Due, Customer":          "operation is not supported: 'ORDER BY' clause of more than 4 search attributes",
		"WorkflowId = 'a' ORDER BY Note":                      "operation is not supported: unable to sort by search attribute type Text",
		"ORDER BY Nothing":                                    "invalid search attribute: Nothing",
		"GROUP BY WorkflowType":                               "operation is not supported: 'GROUP BY' clause is not supported for search attribute WorkflowType",
		"GROUP BY ExecutionStatus, WorkflowId":                "operation is not supported: 'GROUP BY' clause supports only a single field",
		"Nothing = 1":                                         "invalid search attribute: Nothing",
		"Memo = 1":                                            "invalid search attribute: Memo",
		"NamespaceId = 'x'":                                   "invalid search attribute: NamespaceId",
		"runs.id = 1":                                         "invalid search attribute: runs.id",
		"WorkflowId":                                          "invalid expression: incomplete expression",
		"count(WorkflowId)":                                   "operation is not supported: function expression",
		"1 = 1":                                               "invalid expression: must be a column name but was *sqlparser.SQLVal",
		"true":                                                "operation is not supported: expression of type sqlparser.BoolVal",
		"EXISTS (SELECT 1 FROM runs)":                         "operation is not supported: expression of type *sqlparser.ExistsExpr",
		"WorkflowId = WorkflowType":                           `operation is not supported: column name on the right side of comparison expression (did you forget to quote "WorkflowType"?)`,
		"WorkflowId = upper('a')":                             "operation is not supported: nested func",
		"WorkflowId IN (SELECT 'a' FROM runs)":                "invalid expression: unexpected value type *sqlparser.Subquery",
		"WorkflowId = ('a')":                                  "invalid expression: unexpected value type *sqlparser.ParenExpr",
		"WorkflowId = 'a' + 'b'":                              "invalid expression: unexpected value type *sqlparser.BinaryExpr",
		"WorkflowId = 1":                                      "invalid expression: invalid value type for search attribute WorkflowId of type Keyword: 1 (type: int64)",
		"WorkflowId = NULL":                                   "invalid expression: unexpected value type *sqlparser.NullVal",
		"WorkflowId LIKE 'a%'":                                "operation is not supported: operator 'LIKE' not supported for Keyword type search attribute 'WorkflowId'",
		"WorkflowId IS true":                                  "invalid expression: 'IS' operator can only be used as 'IS NULL' or 'IS NOT NULL'",
		"StartTime STARTS_WITH '2026-01-02T00:00:00Z'":        "operation is not supported: operator 'STARTS_WITH' not supported for Datetime type search attribute 'StartTime'",
		"Tags > 'a'":                                          "operation is not supported: operator '>' not supported for KeywordList type search attribute 'Tags'",
		"Tags STARTS_WITH 'a'":                                "operation is not supported: operator 'STARTS_WITH' not supported for KeywordList type search attribute 'Tags'",
		"Tags BETWEEN 'a' AND 'b'":                            "invalid expression: cannot do range condition on search attribute 'Tags' of type KeywordList",
		"Note IN ('a')":                                       "operation is not supported: operator 'IN' not supported for Text type search attribute 'Note'",
		"Note = ' '":                                          "invalid expression: no tokens found filtering on Text type search attribute Note",
		"Paid BETWEEN true AND false":                         "invalid expression: cannot do range condition on search attribute 'Paid' of type Bool",
		"Paid = 'true'":                                       `invalid expression: invalid value type for search attribute Paid of type Bool: "true" (type: string)`,
		"Amount = '5'":                                        `invalid expression: invalid value type for search attribute Amount of type Int: "5" (type: string)`,
		"Amount = -'5'":                                       "invalid expression: unary operator not supported in",
		"Amount = ~5":                                         `operation is not supported: unary operator "~"`,
		"Amount = 0x1F":                                       "invalid expression: unable to parse value",
		"Amount IN ((1, 2), 3)":                               "invalid expression: a list in a list",
		"Amount = (1, 2)":                                     "invalid expression: unexpected value type (expected one value, got a list of 2)",
		"Due = '2026-01-02'":                                  "invalid expression: unable to parse datetime '2026-01-02'",
		"Due = 1.5":                                           "invalid expression: invalid value type for search attribute Due of type Datetime: 1.5 (type: float64)",
		"ExecutionStatus = 'Nope'":                            "invalid expression: invalid ExecutionStatus value 'Nope'",
		"ExecutionStatus = 77":                                "invalid expression: invalid ExecutionStatus value 77",
		"ExecutionStatus = 4294967297":                        "invalid expression: invalid ExecutionStatus value 4294967297",
		"ExecutionStatus = 1.5":                               "invalid expression: unexpected value type float64 for search attribute ExecutionStatus",
		"ExecutionStatus STARTS_WITH 'Running'":               `invalid expression: right-hand side of "starts_with" operator must be a literal string`,
		"ExecutionDuration = 'soon'":                          "invalid expression: invalid duration value for search attribute ExecutionDuration: soon",
		"ExecutionDuration = '1:60:00'":                       "invalid expression: invalid duration value",
		"ExecutionDuration = '9223372036854775807:00:00'":     "invalid expression: invalid duration value",
		"ExecutionDuration = 1.5":                             "invalid expression: unexpected value type float64 for search attribute ExecutionDuration",
		strings.Repeat("(", 100_000):                          "operation is not supported: brackets nested deeper than 200",
		strings.Repeat("NOT ", 1000) + "Amount = 1":           "malformed SQL query: max nesting level reached",
		strings.Repeat("Amount = 1 OR ", 2000) + "Amount = 1": "malformed SQL query: max ast depth reached",
		"(" + strings.Repeat("Amount = 1 OR ", 600) + "Amount = 1) AND (" + strings.Repeat("Amount = 1 OR ", 600) + "Amount = 1)": "operation is not supported: more than 1000 conditions",
		"Amount IN (" + strings.Repeat("1,", 20_000) + "1)":                                                                       "operation is not supported: more than 10000 values",
		strings.Repeat(" ", MaxLength) + "Amount = 1":                                                                             "operation is not supported: longer than",
		"WorkflowId = 'a' AND " + strings.Repeat("x", 100_000):                                                                    "invalid",
	} {
		_, err := Parse(query, testAttributes)
		var invalid *serviceerror.InvalidArgument
		if !errors.As(err, &invalid) || !strings.HasPrefix(err.Error(), "invalid query: "+want) {
			t.Errorf("%.100s: error is %.300v, want %q", query, err, want)
		} else if len(err.Error()) > 2000 {
			t.Errorf("%.100s: the error is %d bytes long", query, len(err.Error()))
		}
	}
}

func TestALongQueryWithinTheBoundsIsAnswered(t *testing.T) {
	for _, query := range []string{
		strings.Repeat("Amount = 1 OR ", 900) + "Amount = 1",
		strings.Repeat("(", 199) + "Amount = 1" + strings.Repeat(")", 199),
		"Amount IN (" + strings.Repeat("1,", 9_999) + "1)",
		strings.Repeat("Amount = 1 AND (Tags = 'a' OR ", 100) + "Amount = 1" + strings.Repeat(")", 100),
	} {
		if _, err := Parse(query, testAttributes); err != nil {
			t.Errorf("%.50s…: %v", query, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "WorkflowId = 'a' AND NOT (StartTime > '2026-01-02T00:00:00Z' OR Tags IN ('x','y'))", "Customer STARTS_WITH 'a' GROUP BY ExecutionStatus",
		"Amount BETWEEN -1 AND 2.5 OR Paid = true", "ExecutionDuration > '1d2h'", "a = 1 union select 1", "Note = 'x' order by StartTime", "`x``y` = 1", "x in (select 1 from t)",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		q, err := Parse(query, testAttributes)
		var invalid *serviceerror.InvalidArgument
		switch {
		case err != nil:
			if !errors.As(err, &invalid) {
				t.Fatalf("error is %v", err)
			}
		case q.Where != nil:
			checkExpr(t, q.Where)
		}
	})
}

// checkExpr checks what package query promises of an expression.
func checkExpr(t *testing.T, e Expr) {
	t.Helper()
	switch e := e.(type) {
	case And:
		checkParts(t, e, reflect.TypeFor[And]())
	case Or:
		checkParts(t, e, reflect.TypeFor[Or]())
	case *Condition:
		for _, value := range e.Values {
			switch v := value.(type) {
			case string, int64, bool, time.Time:
			case float64:
				if math.IsNaN(v) {
					t.Errorf("a value is not a number")
				}
			default:
				t.Errorf("a value is a %T", value)
			}
		}
		want := 1
		switch e.Op {
		case In, NotIn:
			want = max(1, len(e.Values))
		case Between, NotBetween:
			want = 2
		case IsNull, NotNull:
			want = 0
		}
		if len(e.Values) != want {
			t.Errorf("%v has %d values", e, len(e.Values))
		}
	default:
		t.Errorf("an expression is a %T", e)
	}
}

func checkParts(t *testing.T, parts []Expr, own reflect.Type) {
	t.Helper()
	if len(parts) < 2 {
		t.Errorf("%d parts", len(parts))
	}
	for _, part := range parts {
		if reflect.TypeOf(part) == own {
			t.Errorf("a part is a %v in a %v", own, own)
		}
		checkExpr(t, part)
	}
}
