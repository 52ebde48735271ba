package differ

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/operatorservice/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// A search asks each of its queries of a namespace with the same crowd of workflows, whose
// attributes follow from their numbers, and tells which of them are found.
func search(about string, queries ...string) Scenario {
	return Scenario{"workflows are searched by " + about, func(w *World) {
		c := &crowd{World: w, name: w.namespace("v")}
		c.fill()
		for _, query := range queries {
			w.Say("%s", c.ask(query))
		}
	}}
}

// crowdSize is how many workflows there are in a crowd.
const crowdSize = 60

// crowd is a namespace full of workflows.
type crowd struct {
	*World
	name string
}

var crowdAttributes = map[string]enumspb.IndexedValueType{
	"Customer": enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	"Tags":     enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST,
	"Note":     enumspb.INDEXED_VALUE_TYPE_TEXT,
	"Amount":   enumspb.INDEXED_VALUE_TYPE_INT,
	"Rate":     enumspb.INDEXED_VALUE_TYPE_DOUBLE,
	"Paid":     enumspb.INDEXED_VALUE_TYPE_BOOL,
	"Due":      enumspb.INDEXED_VALUE_TYPE_DATETIME,
}

var (
	crowdCustomers = []string{`acme`, `Acme`, `acme-2`, `zebra`, `100%`, `under_score`, `été`}
	crowdTags      = []string{``, `["red"]`, `["red","green"]`, `["blue","green"]`, `["two words"]`}
	crowdNotes     = []string{``, `handle with care`, `Care-free and fast`, `nothing to see here`}
	crowdIDs       = map[int]string{7: "with space", 8: "a&b=c", 9: "quote's", 10: `double "quoted"`, 11: "a/b/c", 12: "rocket 🚀", 13: "100%_sure", 14: "UPPER", 15: "upper"}
)

// member is the start of workflow i.
func (c *crowd) member(i int) *workflowservice.StartWorkflowExecutionRequest {
	id, ok := crowdIDs[i]
	if !ok {
		id = fmt.Sprintf("w%02d", i)
	}
	values := map[string]string{"Amount": fmt.Sprint(i - 30), "Rate": fmt.Sprint(float64(i) / 4)}
	if i%9 != 8 {
		values["Customer"] = fmt.Sprintf("%q", crowdCustomers[i%len(crowdCustomers)])
	}
	if tags := crowdTags[i%len(crowdTags)]; tags != "" {
		values["Tags"] = tags
	}
	if note := crowdNotes[i%len(crowdNotes)]; note != "" {
		values["Note"] = fmt.Sprintf("%q", note)
	}
	if i%3 < 2 {
		values["Paid"] = fmt.Sprint(i%3 == 0)
	}
	if i%11 != 0 {
		values["Due"] = fmt.Sprintf("%q", time.Date(2030, 1, 1, i, 30, 0, 500_000_000, time.UTC).Format(time.RFC3339Nano))
	}
	fields := map[string]*commonpb.Payload{}
	for name, value := range values {
		fields[name] = &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(value)}
	}
	queue := fmt.Sprint("q", i%3)
	if c.ends(i) != "" {
		queue = "auto"
	}
	return &workflowservice.StartWorkflowExecutionRequest{
		Namespace: c.name, WorkflowId: id, RequestId: id, WorkflowType: &commonpb.WorkflowType{Name: fmt.Sprint("Type", i%5)},
		TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, SearchAttributes: &commonpb.SearchAttributes{IndexedFields: fields},
		WorkflowTaskTimeout: durationpb.New(time.Minute),
	}
}

// ends is how workflow i ends by itself.
func (*crowd) ends(i int) string {
	switch i % 6 {
	case 1:
		return "Completed"
	case 2:
		return "Failed"
	}
	return ""
}

// fill starts all workflows, brings some to their end, and waits until they are found.
func (c *crowd) fill() {
	_, err := operatorservice.NewOperatorServiceClient(c.conn).AddSearchAttributes(c.Ctx, &operatorservice.AddSearchAttributesRequest{Namespace: c.name, SearchAttributes: crowdAttributes})
	c.require(err)
	toEnd := map[string]string{}
	terminated := 0
	for i := range crowdSize {
		request := c.member(i)
		// A Temporal server takes a while to know new attributes.
		c.require(c.eventually(func(ctx context.Context) error {
			_, err := c.Quiet.StartWorkflowExecution(ctx, request)
			return err
		}))
		if end := c.ends(i); end != "" {
			toEnd[request.WorkflowId] = end
		}
		if i%6 == 3 {
			_, err := c.Quiet.TerminateWorkflowExecution(c.Ctx, &workflowservice.TerminateWorkflowExecutionRequest{Namespace: c.name, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: request.WorkflowId}})
			c.require(err)
			terminated++
		}
	}
	ended := len(toEnd)
	for len(toEnd) > 0 {
		c.end(toEnd)
	}
	for query, want := range map[string]int{"": crowdSize, "CloseTime IS NOT NULL": ended + terminated} {
		c.require(c.eventually(func(ctx context.Context) error {
			count, err := c.Quiet.CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: c.name, Query: query})
			if err == nil && count.Count != int64(want) {
				err = fmt.Errorf("%q counts %d, want %d", query, count.Count, want)
			}
			return err
		}))
	}
}

// end takes the first workflow task of some workflow and brings it to its end.
func (c *crowd) end(toEnd map[string]string) {
	task, err := c.Quiet.PollWorkflowTaskQueue(c.Ctx, &workflowservice.PollWorkflowTaskQueueRequest{Namespace: c.name, TaskQueue: &taskqueuepb.TaskQueue{Name: "auto"}})
	c.require(err)
	id := task.GetWorkflowExecution().GetWorkflowId()
	if id == "" {
		return
	}
	command := &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
		Attributes:  &commandpb.Command_CompleteWorkflowExecutionCommandAttributes{CompleteWorkflowExecutionCommandAttributes: &commandpb.CompleteWorkflowExecutionCommandAttributes{}},
	}
	if toEnd[id] == "Failed" {
		command = &commandpb.Command{
			CommandType: enumspb.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION,
			Attributes: &commandpb.Command_FailWorkflowExecutionCommandAttributes{FailWorkflowExecutionCommandAttributes: &commandpb.FailWorkflowExecutionCommandAttributes{
				Failure: &failurepb.Failure{Message: "f"}}},
		}
	}
	_, err = c.Quiet.RespondWorkflowTaskCompleted(c.Ctx, &workflowservice.RespondWorkflowTaskCompletedRequest{Namespace: c.name, TaskToken: task.TaskToken, Commands: []*commandpb.Command{command}})
	c.require(err)
	delete(toEnd, id)
}

// eventually tries until there is no error, or patience is over.
func (c *crowd) eventually(try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(c.Ctx, patience)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (c *crowd) require(err error) {
	c.T.Helper()
	if err != nil {
		c.T.Fatalf("%s: %v", c.name, err)
	}
}

// limited makes a call until it is let in: Temporal servers answer ten searches in a second
// in a namespace.
func limited[T any](w *World, call func() (T, error)) (reply T, err error) {
	for {
		if reply, err = call(); status.Code(err) != codes.ResourceExhausted {
			return reply, err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-w.Ctx.Done():
			return reply, err
		}
	}
}

// ask lists and counts what a query finds, and says both in a line.
func (c *crowd) ask(query string) string {
	var ids []string
	listed, counted := "", ""
	page, err := limited(c.World, func() (*workflowservice.ListWorkflowExecutionsResponse, error) {
		return c.Quiet.ListWorkflowExecutions(c.Ctx, &workflowservice.ListWorkflowExecutionsRequest{Namespace: c.name, Query: query, PageSize: 2 * crowdSize})
	})
	if err != nil {
		listed = c.refusal(err)
	} else {
		for _, execution := range page.Executions {
			ids = append(ids, execution.Execution.WorkflowId)
		}
		slices.Sort(ids)
		listed = fmt.Sprintf("%q", ids)
	}
	count, err := limited(c.World, func() (*workflowservice.CountWorkflowExecutionsResponse, error) {
		return c.Quiet.CountWorkflowExecutions(c.Ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: c.name, Query: query})
	})
	if err != nil {
		counted = c.refusal(err)
	} else {
		counted = fmt.Sprint(count.Count)
		var groups []string
		for _, group := range count.Groups {
			groups = append(groups, fmt.Sprintf("%s %s: %d", group.GroupValues[0].Metadata["type"], group.GroupValues[0].Data, group.Count))
		}
		slices.Sort(groups)
		counted += strings.TrimSuffix(fmt.Sprint(" ", groups), " []")
	}
	if listed == counted {
		return fmt.Sprintf("%s: %s", shortened(query), listed)
	}
	return fmt.Sprintf("%s: %s %s", shortened(query), counted, listed)
}

func (c *crowd) refusal(err error) string {
	s := status.Convert(err)
	return fmt.Sprintf("%s %q", s.Code(), shortened(strings.ReplaceAll(s.Message(), c.name, "<namespace>")))
}

// each combines an attribute with each of the conditions.
func each(attribute string, conditions ...string) (queries []string) {
	for _, condition := range conditions {
		queries = append(queries, attribute+" "+condition)
	}
	return queries
}

// all are the ways to compare with values, which stand for themselves in a query.
func all(attribute string, values ...string) (queries []string) {
	for _, op := range []string{"=", "!=", "<", "<=", ">", ">="} {
		for _, value := range values {
			queries = append(queries, attribute+" "+op+" "+value)
		}
	}
	list := strings.Join(values, ", ")
	return append(queries, each(attribute, "IN ("+list+")", "NOT IN ("+list+")", "BETWEEN "+values[0]+" AND "+values[1], "NOT BETWEEN "+values[0]+" AND "+values[1],
		"IS NULL", "IS NOT NULL", "STARTS_WITH "+values[0], "NOT STARTS_WITH "+values[0])...)
}

var searches = []Scenario{
	search("what the system knows", slices.Concat(
		all("WorkflowId", "'w20'", "'w31'"), all("WorkflowType", "'Type1'", "'Type3'"), all("TaskQueue", "'q0'", "'q2'"), all("ExecutionStatus", "'Running'", "'Failed'"),
		each("WorkflowId", "= 'with space'", "= 'a&b=c'", "= 'a/b/c'", "= 'rocket 🚀'", "= '100%_sure'", "STARTS_WITH '100%_'", "STARTS_WITH 'w'", `= 'quote\'s'`, "= 'quote''s'", `= "quote's"`, `= 'double "quoted"'`, "STARTS_WITH ''", "= ''"),
		each("ScheduleId", "= 'w20'", "STARTS_WITH 'w1'"), each("TemporalScheduleId", "= 'w20'"), each("RootWorkflowId", "= 'w20'", "IS NULL", "!= 'w20'"),
		each("ParentWorkflowId", "IS NULL", "IS NOT NULL", "= 'x'", "!= 'x'"), each("RunId", "= 'x'", "IS NULL"), each("HistoryLength", "> 3", "= 3", "< 3", "IS NULL", "= -1"),
		each("ExecutionStatus", "= 1", "= 2", "IN (1, 'Failed')", "= 'completed'", "= 77", "= 'Canceled'", "= 'Paused'", "= 'ContinuedAsNew'", "= 'TimedOut'", "= 'WORKFLOW_EXECUTION_STATUS_FAILED'", "= 1.5", "= true"),
		each("StateTransitionCount", "> 0", "IS NOT NULL"), each("HistorySizeBytes", "> 0", "< 0"),
	)...),
	search("a keyword", slices.Concat(
		all("Customer", "'acme'", "'zebra'", "'nobody'"),
		each("Customer", "= '100%'", "STARTS_WITH '100%'", "STARTS_WITH '%'", "STARTS_WITH '_'", "STARTS_WITH 'under_'", "STARTS_WITH 'under%'", "= 'été'", "STARTS_WITH 'ét'", "STARTS_WITH ''", "= 1", "= true", "= 'acme' AND Customer = 'zebra'", "IN ('acme', 1)", "IN ()", "= NULL", "LIKE 'a%'", "= ('acme')", "= ('acme', 'zebra')"),
		each("`Customer`", "= 'acme'"), each("customer", "= 'acme'"), each("Keyword01", "= 'acme'", "IS NULL"), each("NoSuchAttribute", "= 'x'"), each("TemporalCustomer", "= 'acme'"),
		each("BuildIds", "= 'x'", "IS NULL"), each("TemporalChangeVersion", "= 'x'", "!= 'x'"), each("TemporalPauseInfo", "IS NULL"), each("PauseInfo", "IS NULL"), each("TemporalReportedProblems", "= 'x'"), each("BatcherUser", "IS NULL", "= 'x'"),
	)...),
	search("lists and texts", slices.Concat(
		each("Tags", "= 'red'", "!= 'red'", "IN ('red', 'blue')", "NOT IN ('red', 'blue')", "= 'two words'", "= 'two'", "= 'nothing'", "!= 'nothing'", "IS NULL", "IS NOT NULL", "< 'red'", "BETWEEN 'a' AND 'b'", "STARTS_WITH 'r'", "= 1", "= 'red' AND Tags = 'green'", "= 'red' OR Tags = 'blue'", "= ''", "= ('red', 'blue')"),
		each("NOT Tags", "= 'red'", "IN ('red')", "!= 'red'", "IS NULL"),
		each("Note", "= 'care'", "= 'CARE'", "= 'handle'", "= 'handle fast'", "= 'car'", "= 'care-free'", "!= 'care'", "= ''", "= ' '", "IN ('care')", "< 'care'", "STARTS_WITH 'care'", "IS NULL", "IS NOT NULL", "= 1", "= 'with care'", "BETWEEN 'a' AND 'b'"),
		each("NOT Note", "= 'care'", "!= 'care'"),
	)...),
	search("numbers and truth", slices.Concat(
		all("Amount", "-5", "12"), all("Rate", "2.5", "10"),
		each("Amount", "= 5.0", "> 4.5", "= '5'", "= +5", "= 99999999999999999999", "IN (1, 2.0, -3)", "= true", "= 0x10", "BETWEEN 5 AND -5", "= 1e1", "= - 5", "= -'5'", "= ~5", "= 1 + 1"),
		each("Rate", "= -0.5", "BETWEEN 1 AND 2.25", "= 'x'", "= 2.50"),
		each("Paid", "= true", "= false", "!= true", "= 'true'", "= 1", "IN (true, false)", "NOT IN (true)", "IS NULL", "BETWEEN true AND false", "> false", "<= true", "= TRUE"),
		each("NOT Paid", "= true", "IS NULL"),
	)...),
	search("times and durations", slices.Concat(
		each("Due", "> '2030-01-01T12:00:00Z'", "< '2030-01-01T12:00:00Z'", ">= '2030-01-02T00:00:00+02:00'", "BETWEEN '2030-01-01T05:00:00Z' AND '2030-01-01T09:00:00Z'", "NOT BETWEEN '2030-01-01T05:00:00Z' AND '2030-01-01T09:00:00Z'", "= '2030-01-01T05:30:00.5Z'", "!= '2030-01-01T05:30:00.5Z'", "IS NULL", "IS NOT NULL", "= '2030-01-01'", "= 'today'", "> 1893456000000000000", "= 1.5", "= -5", "STARTS_WITH '2030'", "IN ('2030-01-01T05:30:00.5Z', '2030-01-01T06:30:00.5Z')", "> '2030-01-01T12:00:00'"),
		each("StartTime", "> '2020-01-01T00:00:00Z'", "< '2020-01-01T00:00:00Z'", "BETWEEN '2020-01-01T00:00:00Z' AND '2040-01-01T00:00:00Z'", "IS NULL", "> 0", "= 0"),
		each("CloseTime", "> '2020-01-01T00:00:00Z'", "< '2020-01-01T00:00:00Z'", "!= '2020-01-01T00:00:00Z'", "IS NULL", "IS NOT NULL", "NOT BETWEEN '2020-01-01T00:00:00Z' AND '2021-01-01T00:00:00Z'"),
		each("NOT CloseTime", "> '2020-01-01T00:00:00Z'", "< '2020-01-01T00:00:00Z'", "IS NULL"),
		each("ExecutionTime", "> '2020-01-01T00:00:00Z'", "IS NULL"),
		each("ExecutionDuration", ">= '0s'", "> '1h'", "< '1h'", "< '1d'", "< '1d2h'", "< '01:00:00'", "< '1:61:00'", "< 3600000000000", "< '3600000000000'", "IS NULL", "IS NOT NULL", "= 'soon'", "> -1", "> 1.5", "< 'P1D'", "BETWEEN '0s' AND '1h'"),
	)...),
	search("logic", "Amount = 1 OR Amount = 2 AND Customer = 'x'", "(Amount = 1 OR Amount = 2) AND Customer = 'acme'", "NOT (Amount > 0)", "NOT (Amount > 0 AND Paid = true)", "NOT (Amount > 0 OR Paid = true)", "NOT NOT Amount > 20",
		"NOT Customer = 'acme'", "NOT Customer IN ('acme')", "NOT (Customer = 'acme' OR Customer IS NULL)", "NOT Customer STARTS_WITH 'acme'", "NOT (Customer BETWEEN 'a' AND 'b')", "Amount = 1 OR WorkflowId = 'w20' OR Tags = 'blue'",
		"Amount > 10 AND Amount < 20 AND ExecutionStatus = 'Running'", "((((Amount = 1))))", "Amount = 1 AND", "AND Amount = 1", "Amount = 1 Amount = 2", "(Amount = 1", "Amount = 1)", "NOT", "Amount = 1 XOR Amount = 2", "Amount = 1 && Amount = 1", "Amount = 1 || Amount = 2", "!Amount = 1",
		"WorkflowType = 'Type1' AND (ExecutionStatus = 'Completed' OR Customer = 'zebra') AND NOT Paid = true", "ExecutionStatus = 'Running' OR 1 = 1", "ExecutionStatus = 'Running' OR true", "TaskQueue = 'q0' AND WorkflowType IN ('Type0', 'Type1') AND Rate > 5",
		"Customer = 'acme' OR NamespaceId = 'x'", "Customer = 'acme' OR TemporalNamespaceDivision IS NOT NULL", "TemporalNamespaceDivision IS NULL AND Amount = 1", "TemporalNamespaceDivision = 'x'", "TemporalNamespaceDivision = 'x' OR Amount = 1", "NamespaceDivision IS NULL AND Amount = 1",
		"Amount = 1 and Paid is not null or Tags in ('blue')", "Amount=1", "Amount=1AND Paid=true"),
	search("clauses and nonsense",
		"GROUP BY ExecutionStatus", "Amount > 0 GROUP BY ExecutionStatus", "GROUP BY WorkflowType", "GROUP BY ExecutionStatus, WorkflowType", "GROUP BY TemporalNamespaceDivision", "GROUP BY NoSuchAttribute", "GROUP BY Customer", "GROUP BY 1", "GROUP BY",
		"LIMIT 1", "Amount = 1 LIMIT 1", "Amount = 1 OFFSET 1", "HAVING Amount = 1", "Amount = 1 FOR UPDATE", "Amount = 1 LOCK IN SHARE MODE", "Amount = 1 UNION SELECT * FROM x", "SELECT * FROM x", "Amount = 1; DROP TABLE x", "WHERE Amount = 1",
		"Amount = (SELECT 1)", "EXISTS (SELECT 1)", "Amount IN (SELECT 1)", "Amount = Rate", "1 = Amount", "1 = 1", "Amount", "true", "'x'", "NULL", "Amount = NULL", "Amount IS TRUE", "Amount IS NOT FALSE", "lower(Customer) = 'acme'", "Customer = lower('ACME')", "COUNT(*) > 1",
		"CASE WHEN Amount = 1 THEN true ELSE false END", "Amount = 1 /* a comment */", "Amount = 1 -- a comment", "Amount = 1 # a comment", "Customer REGEXP 'a'", "Customer NOT LIKE 'a%'", "Amount DIV 2 = 1", "Amount + 1 = 2", "Amount = :x", "Amount = ?", "Amount = @x",
		"x.Amount = 1", "`x`.`Amount` = 1", "\"Amount\" = 1", "[Amount] = 1", "Amount == 1", "Amount <> 1", "Amount <=> 1", "Amount = 1e400", "Amount = 'NaN'", "Rate = 1e400", "Customer = '", "Customer = 'a\\", "Customer = 'a' 'b'", "Customer = x'61'", "Customer = b'1'", "Customer = N'a'",
		"(", ")", "()", "((Amount = 1)", ";", ",", "''", "``", "`` = 1", "Amount =", "= 1", "Amount = = 1", "Amount NOT = 1", "Amount BETWEEN 1", "Amount BETWEEN 1 AND", "Amount IN", "Amount IN 1", "Amount IN ((1))", "Amount IN (1,)", "Amount IS 1", "STARTS_WITH 'a'", "   ", "\n", "😀", "Amount = 😀"),
}
