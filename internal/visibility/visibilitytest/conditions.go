package visibilitytest

import (
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/visibility"
)

func fidelity(f *fixture) {
	payload := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(`"x"`)}
	full := Change(1, Closed(completed, time.Minute), row(func(r *records.WorkflowRow) {
		r.FirstRunId = RunID(9)
		r.Memo = &commonpb.Memo{Fields: map[string]*commonpb.Payload{"m": payload}}
		r.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{"Customer": payload}}
		r.ParentNamespaceId = "elsewhere"
		r.Parent = &commonpb.WorkflowExecution{WorkflowId: "parent", RunId: RunID(8)}
		r.Root = &commonpb.WorkflowExecution{WorkflowId: "root", RunId: RunID(7)}
		r.BuildIds = []string{"b1", "b2"}
		r.ExecutionTime = timestamppb.New(Epoch.Add(30*time.Second + 5))
	}))
	bare := Change(2)
	f.apply(full, bare)
	page, err := f.List(f.Context(), visibility.ListRequest{Namespace: Namespace, Query: f.parse(""), Size: 10})
	f.must(err)
	for i, want := range []*records.WorkflowRow{bare.Row, full.Row} {
		if !proto.Equal(page.Rows[i], want) {
			f.Errorf("got  %v\nwant %v", page.Rows[i], want)
		}
	}
}

func conditions(f *fixture) {
	due := func(hour int) time.Time { return time.Date(2026, 5, 1, hour, 0, 0, 0, time.UTC) }
	f.apply(
		Change(1, With("Customer", "acme"), With("Tags", "red", "green"), With("Note", "Fragile: handle with care"), With("Amount", int64(5)), With("Rate", 1.5), With("Paid", true), With("Due", due(1))),
		Change(2, With("Customer", "acme-2"), With("Tags", "blue"), With("Note", "care-free"), With("Amount", int64(-7)), With("Rate", -2.0), With("Paid", false), With("Due", due(2)),
			Closed(completed, 90*time.Second)),
		Change(3, With("Customer", "zebra"), Closed(enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, 2*time.Hour), row(func(r *records.WorkflowRow) {
			r.WorkflowType, r.TaskQueue = "Refund", "refunds"
			r.Parent = &commonpb.WorkflowExecution{WorkflowId: "workflow-1", RunId: RunID(1)}
			r.Root = &commonpb.WorkflowExecution{WorkflowId: "workflow-1", RunId: RunID(1)}
		})),
		Change(4),
	)
	for text, want := range map[string][]int{
		"WorkflowId = 'workflow-1'":                                               {1},
		"WorkflowId != 'workflow-1'":                                              {4, 3, 2},
		"WorkflowId IN ('workflow-1', 'workflow-4', 'no')":                        {4, 1},
		"WorkflowId NOT IN ('workflow-1', 'workflow-4')":                          {3, 2},
		"WorkflowId STARTS_WITH 'workflow-'":                                      {4, 1, 3, 2},
		"WorkflowId NOT STARTS_WITH 'workflow-'":                                  nil,
		"WorkflowId STARTS_WITH ''":                                               {4, 1, 3, 2},
		"WorkflowId BETWEEN 'workflow-2' AND 'workflow-3'":                        {3, 2},
		"WorkflowId > 'workflow-3'":                                               {4},
		"RunId = '" + RunID(2) + "'":                                              {2},
		"WorkflowType = 'Refund'":                                                 {3},
		"TaskQueue != 'refunds' AND WorkflowId < 'workflow-3'":                    {1, 2},
		"ParentWorkflowId = 'workflow-1'":                                         {3},
		"ParentWorkflowId IS NULL":                                                {4, 1, 2},
		"ParentWorkflowId != 'x'":                                                 {3},
		"NOT ParentWorkflowId = 'x'":                                              {3},
		"ParentRunId IS NOT NULL":                                                 {3},
		"RootWorkflowId = 'workflow-1'":                                           {1, 3},
		"RootWorkflowId != 'workflow-1'":                                          {4, 2},
		"RootRunId = '" + RunID(1) + "'":                                          {1, 3},
		"ExecutionStatus = 1":                                                     {4, 1},
		"ExecutionStatus > 'Running'":                                             {3, 2},
		"StartTime >= '2026-03-01T12:00:03Z'":                                     {4, 3},
		"StartTime < '2026-03-01T14:00:03+02:00'":                                 {1, 2},
		"StartTime BETWEEN '2026-03-01T12:00:02Z' AND '2026-03-01T12:00:03Z'":     {3, 2},
		"StartTime NOT BETWEEN '2026-03-01T12:00:02Z' AND '2026-03-01T12:00:03Z'": {4, 1},
		"StartTime = 1772366402000000000":                                         {2},
		"CloseTime IS NULL":                                                       {4, 1},
		"CloseTime > '2026-03-01T12:30:00Z'":                                      {3},
		"CloseTime <= '2026-03-01T12:30:00Z'":                                     {2},
		"CloseTime != '2026-03-01T12:30:00Z'":                                     {3, 2},
		"NOT CloseTime > '2026-03-01T12:30:00Z'":                                  {2},
		"ExecutionDuration = '90s'":                                               {2},
		"ExecutionDuration > '1h'":                                                {3},
		"ExecutionDuration >= '2:00:00'":                                          {3},
		"ExecutionDuration < 7200000000000":                                       {2},
		"ExecutionTime < '2026-03-01T12:00:02Z'":                                  {1},
		"HistoryLength > 10 AND HistorySizeBytes = 1234":                          {3, 2},
		"StateTransitionCount IS NULL":                                            {4, 1},
		"Customer = 'acme'":                                                       {1},
		"Customer = 'ACME'":                                                       nil,
		"Customer != 'acme'":                                                      {3, 2},
		"NOT Customer = 'acme'":                                                   {3, 2},
		"Customer IN ('acme', 'zebra')":                                           {1, 3},
		"Customer NOT IN ('acme', 'zebra')":                                       {2},
		"Customer STARTS_WITH 'acme'":                                             {1, 2},
		"Customer NOT STARTS_WITH 'acme'":                                         {3},
		"Customer >= 'acme-' AND Customer < 'b'":                                  {2},
		"Customer IS NULL":                                                        {4},
		"Customer IS NOT NULL":                                                    {1, 3, 2},
		"Tags = 'red'":                                                            {1},
		"Tags != 'red'":                                                           {4, 3, 2},
		"NOT Tags = 'red'":                                                        {4, 3, 2},
		"Tags IN ('green', 'blue')":                                               {1, 2},
		"Tags NOT IN ('green', 'blue')":                                           {4, 3},
		"Tags = 'red' AND Tags = 'green'":                                         {1},
		"Tags IS NULL":                                                            {4, 3},
		"Note = 'care'":                                                           {1, 2},
		"Note = 'FRAGILE'":                                                        {1},
		"Note = 'nothing fragile'":                                                {1},
		"Note = 'care-free'":                                                      {2},
		"Note = 'car'":                                                            nil,
		"Note != 'fragile'":                                                       {4, 3, 2},
		"Amount = 5":                                                              {1},
		"Amount = 5.0":                                                            {1},
		"Amount < 0":                                                              {2},
		"Amount != 5":                                                             {2},
		"Amount BETWEEN -7 AND 5":                                                 {1, 2},
		"Amount NOT BETWEEN -7 AND 4":                                             {1},
		"Amount IN (5, -7, 0)":                                                    {1, 2},
		"Rate > 1":                                                                {1},
		"Rate <= -2":                                                              {2},
		"Paid = true":                                                             {1},
		"Paid = false":                                                            {2},
		"Paid != true":                                                            {2},
		"Paid IS NULL":                                                            {4, 3},
		"Due = '2026-05-01T01:00:00Z'":                                            {1},
		"Due > '2026-05-01T01:00:00Z'":                                            {2},
		"Due BETWEEN '2026-05-01T00:00:00Z' AND '2026-05-01T01:30:00Z'":           {1},
		"NOT (Amount = 5 OR WorkflowType = 'Refund')":                             {2},
		"NOT (NOT Amount = 5 AND NOT WorkflowType = 'Refund')":                    {1, 3},
		"Customer = 'acme' OR Tags = 'blue' OR WorkflowId = 'workflow-4'":         {4, 1, 2},
		"(Customer = 'acme' OR Amount < 0) AND ExecutionStatus = 'Running'": {1},
	} {
		f.expect(text, want...)
	}
}

func retyped(f *fixture) {
	c := Change(1)
	c.Attributes = []visibility.Attribute{{Name: "Amount", Type: enumspb.INDEXED_VALUE_TYPE_KEYWORD, Values: []any{"5"}}}
	c.Row.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{"Amount": {}}}
	f.apply(c, Change(2, With("Amount", int64(5))))
	f.expect("Amount = 5", 2)
	f.expect("Amount IS NULL", 1)
}

func literals(f *fixture) {
	hostile := []string{
		`'; DROP TABLE runs; --`, `a' OR '1'='1`, `100%`, `_`, "new\nline", "tab\t", `back\slash`, `"quoted"`, "nul\x00inside", "emoji 🚀 é", " lead and trail ",
		"`backtick`", "?1", ":name", "@p", "$x", strings.Repeat("long", 500),
	}
	escape := strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`)
	for i, value := range hostile {
		f.apply(Change(i, With("Customer", value), With("Tags", value, "other"), row(func(r *records.WorkflowRow) { r.WorkflowId = value })))
	}
	for i, value := range hostile {
		for _, column := range []string{"Customer", "Tags", "WorkflowId"} {
			f.expect(column+" = '"+escape.Replace(value)+"'", i)
			f.expect(column+" IN ('"+escape.Replace(value)+"', 'nobody')", i)
		}
		f.expect("Customer = 'nobody' OR WorkflowId STARTS_WITH '"+escape.Replace(value)+"'", i)
	}
}

func replacedAttributes(f *fixture) {
	f.apply(Change(1, With("Customer", "a"), With("Tags", "x", "y")))
	f.apply(Change(1, With("Tags", "y", "z")))
	f.expect("Customer = 'a'")
	f.expect("Tags = 'x'")
	f.expect("Tags = 'y'", 1)
	f.expect("Tags = 'z'", 1)
	f.apply(Change(1))
	f.expect("Tags IS NULL", 1)
}

func movedAttributes(f *fixture) {
	f.apply(Change(1, With("Customer", "a")), Change(2, With("Customer", "a")), Change(3, With("Customer", "a")))
	f.expect("Customer = 'a'", 3, 2, 1)
	f.apply(Change(3, With("Customer", "a"), Closed(completed, time.Second)), Change(2, With("Customer", "a"), Closed(completed, time.Hour)))
	f.expect("Customer = 'a'", 1, 2, 3)
	f.expect("Customer = 'a' AND ExecutionStatus = 'Running'", 1)
	// A pause moves nothing in the order, nor does another division.
	paused := row(func(r *records.WorkflowRow) { r.Status = enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED })
	f.apply(Change(1, With("Customer", "a"), paused))
	f.expect("Customer = 'a' AND ExecutionStatus = 'Running'")
	f.expect("Customer STARTS_WITH 'a' AND ExecutionStatus = 'Paused'", 1)
	f.apply(Change(1, With("Customer", "a"), paused, inDivision("d")))
	f.expect("Customer = 'a'", 2, 3)
	f.expect("Customer = 'a' AND TemporalNamespaceDivision = 'd'", 1)
}
