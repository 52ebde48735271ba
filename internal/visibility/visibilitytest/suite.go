// Package visibilitytest is the suite that every visibility.Index must pass: the precise
// statement of what an index does.
package visibilitytest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/searchattribute"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/query"
)

// Run runs the suite. open opens an index that is empty; it is closed by the suite.
func Run(t *testing.T, open func(t *testing.T) visibility.Index) {
	for name, test := range map[string]func(*fixture){
		"LaterChangesOfARowReplaceEarlierOnes":           replaces,
		"ARemovedRowIsFoundNoMore":                       removes,
		"OpenRunsComeFirstThenThoseThatClosedLast":       orders,
		"EveryRowIsOnOnePageWhateverComesAndGoes":        pages,
		"PagesOfEveryQueryHaveTheRowsOfTheWholeList":     pagesOfQueries,
		"ListsAreInTheOrderThatTheQueryAsksFor":          ordersAsAsked,
		"PositionsAreWrittenWithTheirBatch":              positions,
		"NamespacesDoNotSeeEachOther":                    namespaces,
		"DivisionsAreSeenByQueriesThatNameThem":          divisions,
		"CountsAreThoseOfTheRows":                        counts,
		"RowsComeBackAsTheyWereGiven":                    fidelity,
		"ConditionsFindWhatTheySay":                      conditions,
		"AnAttributeOfAnotherTypeIsAnotherOne":           retyped,
		"ValuesAreTakenLiterally":                        literals,
		"AttributesOfARunThatIsReplacedAreGone":          replacedAttributes,
		"WhatIsFoundByAttributeIsInOrderAfterTheRunEnds": movedAttributes,
	} {
		t.Run(name, func(t *testing.T) {
			index := open(t)
			f := &fixture{T: t, Index: index}
			defer func() { f.must(index.Close()) }()
			test(f)
		})
	}
}

// Namespace is the id of the namespace in which rows are if nothing else is said.
const Namespace = "c0ffee00-0000-4000-8000-000000000001"

// Epoch is when the first run starts.
var Epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Attributes are the custom search attributes of all namespaces, one of each type.
var Attributes = query.Attributes{Custom: map[string]searchattribute.Type{
	"Customer": enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	"Tags":     enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST,
	"Note":     enumspb.INDEXED_VALUE_TYPE_TEXT,
	"Amount":   enumspb.INDEXED_VALUE_TYPE_INT,
	"Rate":     enumspb.INDEXED_VALUE_TYPE_DOUBLE,
	"Paid":     enumspb.INDEXED_VALUE_TYPE_BOOL,
	"Due":      enumspb.INDEXED_VALUE_TYPE_DATETIME,
}}

type fixture struct {
	*testing.T
	visibility.Index
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// Option changes a row that Change makes.
type Option func(*visibility.Change)

// Change makes the change that sets a run that started n seconds after Epoch, whose ids
// are made of n, too.
func Change(n int, options ...Option) visibility.Change {
	started := timestamppb.New(Epoch.Add(time.Duration(n) * time.Second))
	row := &records.WorkflowRow{
		WorkflowId: fmt.Sprintf("workflow-%d", n), RunId: RunID(n), FirstRunId: RunID(n), WorkflowType: "Order", TaskQueue: "orders",
		Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, StartTime: started, ExecutionTime: started,
		Root: &commonpb.WorkflowExecution{WorkflowId: fmt.Sprintf("workflow-%d", n), RunId: RunID(n)},
	}
	c := visibility.Change{Namespace: Namespace, ID: row.RunId, Row: row}
	for _, option := range options {
		option(&c)
	}
	return c
}

// RunID is the id of a run.
func RunID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// Closed makes the run close with the status, so long after its start.
func Closed(status enumspb.WorkflowExecutionStatus, after time.Duration) Option {
	return func(c *visibility.Change) {
		c.Row.Status = status
		c.Row.CloseTime = timestamppb.New(c.Row.StartTime.AsTime().Add(after))
		c.Row.HistoryLength, c.Row.HistorySize, c.Row.StateTransitionCount = 11, 1234, 5
	}
}

// With gives the run a search attribute.
func With(name string, values ...any) Option {
	return func(c *visibility.Change) {
		c.Attributes = append(c.Attributes, visibility.Attribute{Name: name, Type: Attributes.Custom[name], Values: values})
		if c.Row.SearchAttributes == nil {
			c.Row.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{}}
		}
		c.Row.SearchAttributes.IndexedFields[name] = &commonpb.Payload{Data: fmt.Append(nil, values...)}
	}
}

func row(set func(*records.WorkflowRow)) Option { return func(c *visibility.Change) { set(c.Row) } }

func inNamespace(id string) Option { return func(c *visibility.Change) { c.Namespace = id } }

func inDivision(name string) Option { return func(c *visibility.Change) { c.Division = &name } }

const completed = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED

func (f *fixture) apply(changes ...visibility.Change) {
	f.Helper()
	f.must(f.Apply(f.Context(), &visibility.Batch{Changes: changes}))
}

func removal(n int) visibility.Change { return visibility.Change{Namespace: Namespace, ID: RunID(n)} }

func (f *fixture) parse(text string) *query.Query {
	f.Helper()
	q, err := query.Parse(text, Attributes)
	if err != nil {
		f.Fatalf("%s: %v", text, err)
	}
	return q
}

// found are the numbers of the runs that a query finds, in order, page by page.
func (f *fixture) found(text string, size int) (numbers []int) {
	f.Helper()
	request := visibility.ListRequest{Namespace: Namespace, Query: f.parse(text), Size: size}
	for {
		page, err := f.List(f.Context(), request)
		f.must(err)
		if len(page.Rows) > size || page.Last != nil && len(page.Rows) < size {
			f.Errorf("%s: a page of %d rows where %d fit, and there are more: %v", text, len(page.Rows), size, page.Last != nil)
		}
		for _, row := range page.Rows {
			numbers = append(numbers, number(row))
		}
		if page.Last == nil {
			return numbers
		}
		request.After = page.Last
	}
}

func number(row *records.WorkflowRow) (n int) {
	_, _ = fmt.Sscanf(row.RunId[strings.LastIndexByte(row.RunId, '-')+1:], "%d", &n)
	return n
}

func (f *fixture) expect(text string, want ...int) {
	f.Helper()
	if got := f.found(text, 100); !slices.Equal(got, want) {
		f.Errorf("%s finds %v, want %v", text, got, want)
	}
	groups, err := f.Count(f.Context(), Namespace, f.parse(text))
	f.must(err)
	if len(groups) != 1 || groups[0].Count != int64(len(want)) || groups[0].Value != nil {
		f.Errorf("%s counts %v, want %d", text, groups, len(want))
	}
}

func replaces(f *fixture) {
	f.apply(Change(1), Change(2), Change(1, Closed(completed, time.Minute)))
	f.expect("ExecutionStatus = 'Completed'", 1)
	f.expect("ExecutionStatus = 'Running'", 2)
	f.apply(Change(2, Closed(completed, time.Minute)))
	f.expect("", 2, 1)
	f.expect("ExecutionStatus = 'Running'")
}

func removes(f *fixture) {
	f.apply(Change(1, With("Customer", "a")), Change(2, With("Customer", "a")))
	f.apply(removal(1), removal(3))
	f.expect("", 2)
	f.expect("Customer = 'a'", 2)
	f.apply(removal(2), Change(4), removal(4))
	f.expect("")
}

func orders(f *fixture) {
	f.apply(
		Change(1, Closed(completed, time.Hour)), Change(2), Change(3, Closed(completed, time.Second)), Change(4),
		Change(5, row(func(r *records.WorkflowRow) { r.Status = enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED })),
		Change(6, Closed(enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, 2*time.Hour)),
	)
	f.expect("", 5, 4, 2, 6, 1, 3)
}

func ordersAsAsked(f *fixture) {
	f.apply(
		Change(1, With("Customer", "b"), With("Amount", int64(1<<60+1)), With("Tags", "a", "z")),
		Change(2, With("Customer", "a"), With("Amount", int64(1<<60)), With("Rate", 0.5), Closed(completed, time.Hour)),
		Change(3, With("Customer", "b"), With("Rate", -1.5), With("Paid", true), With("Tags", "b")),
		Change(4, With("Paid", false), With("Amount", int64(-3)), Closed(completed, time.Second)),
	)
	for text, want := range map[string][]int{
		"ORDER BY StartTime":                               {1, 2, 3, 4},
		"ORDER BY StartTime DESC":                          {4, 3, 2, 1},
		"ORDER BY CloseTime":                               {4, 2, 3, 1}, // those without one last,
		"ORDER BY CloseTime DESC":                          {2, 4, 3, 1}, // in either direction
		"ORDER BY WorkflowId DESC":                         {4, 3, 2, 1},
		"ORDER BY Customer":                                {2, 3, 1, 4}, // equal ones as in other lists
		"ORDER BY Customer DESC, StartTime":                {1, 3, 2, 4},
		"ORDER BY Amount":                                  {4, 2, 1, 3},
		"ORDER BY Amount DESC":                             {1, 2, 4, 3},
		"ORDER BY Rate":                                    {3, 2, 1, 4},
		"ORDER BY Paid, Customer DESC":                     {4, 3, 1, 2},
		"ORDER BY Tags":                                    {1, 3, 2, 4}, // by the least
		"ORDER BY Tags DESC":                               {1, 3, 2, 4}, // by the greatest
		"Customer = 'b' ORDER BY StartTime":                {1, 3},
		"ExecutionStatus = 'Completed' ORDER BY StartTime": {2, 4},
		"ORDER BY ExecutionStatus, StartTime":              {1, 3, 2, 4},
		"ORDER BY Due, StartTime":                          {1, 2, 3, 4}, // nobody has one
		"ORDER BY TemporalNamespaceDivision, RunId":        {1, 2, 3, 4},
	} {
		for _, size := range []int{1, 3, 100} {
			if got := f.found(text, size); !slices.Equal(got, want) {
				f.Errorf("%s in pages of %d finds %v, want %v", text, size, got, want)
			}
		}
	}
}

func pages(f *fixture) {
	for n := range 50 {
		f.apply(Change(n))
	}
	f.apply(Change(60, Closed(completed, time.Second)), Change(61, Closed(completed, time.Second)))
	seen := map[int]int{}
	request := visibility.ListRequest{Namespace: Namespace, Query: &query.Query{}, Size: 7}
	for round := 100; ; round++ {
		page, err := f.List(f.Context(), request)
		f.must(err)
		for _, row := range page.Rows {
			seen[number(row)]++
		}
		if page.Last == nil {
			break
		}
		request.After = page.Last
		// A new run in front, one less behind, and one that closes and so moves behind.
		f.apply(Change(round), removal(2*(round-100)), Change(round-80, Closed(completed, -time.Hour)))
	}
	for n := 1; n < 20; n += 2 {
		if seen[n] != 1 {
			f.Errorf("run %d was on %d pages", n, seen[n])
		}
	}
}

func pagesOfQueries(f *fixture) {
	var changes []visibility.Change
	for n := range 200 {
		options := []Option{With("Customer", fmt.Sprint("c", n%3)), With("Tags", "t", fmt.Sprint("t", n%2)), With("Amount", int64(n))}
		if n%4 > 0 {
			options = append(options, Closed(enumspb.WorkflowExecutionStatus(2+n%3), time.Duration(n%5)*time.Minute))
		}
		changes = append(changes, Change(n/2*2, options[:2]...), Change(n, options...))
	}
	f.apply(changes...)
	for _, text := range []string{
		"", "Customer = 'c1'", "Customer IN ('c1', 'c2')", "Amount > 50", "Tags = 't1' AND ExecutionStatus = 'Completed'",
		"ExecutionStatus = 'Running'", "WorkflowType = 'Order' OR Customer = 'x'", "NOT Customer = 'c1'", "StartTime > '2026-03-01T12:01:00Z'",
		"CloseTime IS NOT NULL AND Customer STARTS_WITH 'c'", "TemporalNamespaceDivision IS NULL",
	} {
		whole := f.found(text, 1000)
		if len(whole) < 20 {
			f.Errorf("%s finds %d only", text, len(whole))
		}
		for _, size := range []int{1, 9} {
			if got := f.found(text, size); !slices.Equal(got, whole) {
				f.Errorf("%s in pages of %d: %v, want %v", text, size, got, whole)
			}
		}
	}
}

func positions(f *fixture) {
	f.must(f.Apply(f.Context(), &visibility.Batch{Changes: []visibility.Change{Change(1)}, Through: map[storage.ShardID]int64{1: 10, 2: 20}}))
	f.must(f.Apply(f.Context(), &visibility.Batch{Through: map[storage.ShardID]int64{1: 11}}))
	f.must(f.Sync(f.Context()))
	ctx, cancel := context.WithCancel(f.Context())
	cancel()
	if err := f.Apply(ctx, &visibility.Batch{Changes: []visibility.Change{Change(2)}, Through: map[storage.ShardID]int64{1: 12}}); err == nil {
		f.Error("a batch is applied although its time is over")
	}
	got, err := f.Positions(f.Context())
	f.must(err)
	if len(got) != 2 || got[1] != 11 || got[2] != 20 {
		f.Errorf("positions are %v", got)
	}
	f.expect("", 1)
}

func namespaces(f *fixture) {
	other := "c0ffee00-0000-4000-8000-000000000002"
	f.apply(Change(1, With("Customer", "a")), Change(2, With("Customer", "a"), inNamespace(other)), Change(1, inNamespace(other), Closed(completed, time.Hour)))
	f.expect("", 1)
	f.expect("WorkflowType = 'Order' OR WorkflowType != 'Order'", 1)
	f.expect("Customer = 'a' OR ExecutionStatus = 'Completed'", 1)
	f.expect("RunId = '" + RunID(2) + "'")
	f.expect("NOT Customer = 'b'", 1)
	f.expect("TemporalNamespaceDivision IS NULL OR TemporalNamespaceDivision = 'x'", 1)
	f.apply(visibility.Change{Namespace: other, ID: RunID(1)})
	f.expect("", 1)
	if groups, err := f.Count(f.Context(), "nobody", f.parse("")); err != nil || len(groups) != 1 || groups[0].Count != 0 {
		f.Errorf("a namespace without rows counts %v, %v", groups, err)
	}
	if page, err := f.List(f.Context(), visibility.ListRequest{Namespace: "nobody", Query: f.parse(""), Size: 1}); err != nil || len(page.Rows) > 0 {
		f.Errorf("a namespace without rows lists %v, %v", page, err)
	}
}

func divisions(f *fixture) {
	f.apply(Change(1), Change(2, inDivision("scheduler")), Change(3, inDivision("batch"), Closed(completed, time.Second)), Change(4, inDivision("")))
	f.expect("", 1)
	f.expect("WorkflowType = 'Order'", 1)
	f.expect("TemporalNamespaceDivision = 'scheduler'", 2)
	f.expect("TemporalNamespaceDivision = 'scheduler' OR WorkflowId = 'workflow-1'", 2, 1)
	f.expect("TemporalNamespaceDivision IS NOT NULL", 4, 2, 3)
	f.expect("TemporalNamespaceDivision IS NULL", 1)
	f.expect("TemporalNamespaceDivision IS NULL OR TemporalNamespaceDivision IS NOT NULL", 4, 2, 1, 3)
	f.expect("TemporalNamespaceDivision IN ('batch', 'scheduler') AND ExecutionStatus = 'Running'", 2)
	f.expect("TemporalNamespaceDivision = 'nothing'")
	f.apply(Change(1, inDivision("batch")))
	f.expect("")
	f.expect("TemporalNamespaceDivision STARTS_WITH 'bat'", 1, 3)
}

func (f *fixture) groups(text string) string {
	f.Helper()
	groups, err := f.Count(f.Context(), Namespace, f.parse(text))
	f.must(err)
	var all []string
	for _, g := range groups {
		all = append(all, fmt.Sprintf("%v:%d", g.Value, g.Count))
	}
	return strings.Join(all, " ")
}

func counts(f *fixture) {
	f.apply(Change(1), Change(2), Change(3, Closed(completed, time.Second)), Change(4, Closed(enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, time.Second), With("Customer", "a")))
	f.apply(Change(5, inDivision("d")), Change(2, Closed(completed, time.Second)), removal(3))
	for text, want := range map[string]string{
		"":                         "<nil>:3",
		"GROUP BY ExecutionStatus": "Running:1 Completed:1 Failed:1",
		"Customer = 'a' GROUP BY ExecutionStatus":                                             "Failed:1",
		"ExecutionStatus != 'Running' GROUP BY ExecutionStatus":                               "Completed:1 Failed:1",
		"WorkflowId = 'nobody' GROUP BY ExecutionStatus":                                      "",
		"TemporalNamespaceDivision IS NOT NULL GROUP BY TemporalNamespaceDivision":            "d:1",
		"TemporalNamespaceDivision IS NULL OR RunId != '' GROUP BY TemporalNamespaceDivision": ":3 d:1",
		"GROUP BY TemporalNamespaceDivision":                                                  ":3 d:1",
		"ExecutionStatus = 'Terminated'":                                                      "<nil>:0",
	} {
		if got := f.groups(text); got != want {
			f.Errorf("%s counts %q, want %q", text, got, want)
		}
	}
}
