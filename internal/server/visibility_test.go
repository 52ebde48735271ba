package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	filterpb "go.temporal.io/api/filter/v1"
	"go.temporal.io/api/operatorservice/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/api/admin"
	"github.com/perdure/perdure/internal/server"
)

type startRequest = workflowservice.StartWorkflowExecutionRequest

// list lists all pages.
func (b *bench) list(query string, size int32) (executions []*workflowpb.WorkflowExecutionInfo) {
	b.t.Helper()
	req := &workflowservice.ListWorkflowExecutionsRequest{Namespace: ns, Query: query, PageSize: size}
	for {
		resp, err := b.client.ListWorkflowExecutions(b.ctx(), req)
		if status.Code(err) == codes.Unavailable {
			continue // the index is being built
		}
		if err != nil {
			b.t.Fatalf("%s: %v", query, err)
		}
		executions = append(executions, resp.Executions...)
		if req.NextPageToken = resp.NextPageToken; req.NextPageToken == nil {
			return executions
		}
	}
}

// ids are the workflow ids that a query finds, in order of the ids.
func (b *bench) ids(query string) []string {
	b.t.Helper()
	ids := []string{}
	for _, execution := range b.list(query, 0) {
		ids = append(ids, execution.Execution.WorkflowId)
	}
	slices.Sort(ids)
	return ids
}

func (b *bench) expect(query string, ids ...string) {
	b.t.Helper()
	if got := b.ids(query); !slices.Equal(got, ids) {
		b.t.Errorf("%s finds %q, want %q", query, got, ids)
	}
	count, err := b.client.CountWorkflowExecutions(b.ctx(), &workflowservice.CountWorkflowExecutionsRequest{Namespace: ns, Query: query})
	if err != nil || count.Count != int64(len(ids)) || count.Groups != nil {
		b.t.Errorf("%s counts %v, %v, want %d", query, count, err, len(ids))
	}
}

func (b *bench) terminate(id string) {
	b.t.Helper()
	_, err := b.client.TerminateWorkflowExecution(b.ctx(), &workflowservice.TerminateWorkflowExecutionRequest{Namespace: ns, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id}})
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestWorkflowsAreFoundAsSoonAsTheyAreStartedAndAsTheyAre(t *testing.T) {
	b := start(t, server.Options{SearchAttributes: types{"Customer": keyword, "Amount": integer}})
	b.startWorkflow("a", func(r *startRequest) {
		r.SearchAttributes = attribute("Customer", `"acme"`)
		r.Memo = &commonpb.Memo{Fields: map[string]*commonpb.Payload{"m": {Data: []byte("1")}}}
	})
	b.expect("", "a")
	b.startWorkflow("b", func(r *startRequest) { r.SearchAttributes = attribute("Amount", `5`) })
	b.expect("Customer = 'acme'", "a")
	b.expect("Amount > 4", "b")
	b.expect("ExecutionStatus = 'Running'", "a", "b")
	b.terminate("a")
	b.expect("ExecutionStatus = 'Running'", "b")
	b.expect("ExecutionStatus = 'Terminated' AND Customer = 'acme' AND CloseTime IS NOT NULL", "a")

	info := b.list("WorkflowId = 'a'", 0)[0]
	if string(info.SearchAttributes.IndexedFields["Customer"].Metadata["type"]) != "Keyword" || info.Memo.Fields["m"] == nil ||
		info.Status != enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED || info.CloseTime == nil || info.HistoryLength != 3 || info.HistorySizeBytes == 0 ||
		info.ExecutionDuration == nil || info.Type.Name == "" || info.TaskQueue != queue || info.RootExecution.WorkflowId != "a" || info.ParentExecution != nil {
		t.Errorf("lists %v", info)
	}
	if info := b.list("WorkflowId = 'b'", 0)[0]; info.CloseTime != nil || info.HistoryLength != 0 || info.Memo == nil {
		t.Errorf("lists %v", info)
	}
}

func TestWorkflowsAreCountedInGroups(t *testing.T) {
	b := start(t, server.Options{})
	for i := range 5 {
		b.startWorkflow(fmt.Sprint(i))
	}
	b.terminate("3")
	count, err := b.client.CountWorkflowExecutions(b.ctx(), &workflowservice.CountWorkflowExecutionsRequest{Namespace: ns, Query: "GROUP BY ExecutionStatus"})
	if err != nil || count.Count != 5 || len(count.Groups) != 2 {
		t.Fatalf("counts %v, %v", count, err)
	}
	for i, want := range []string{`"Running" 4`, `"Terminated" 1`} {
		group := count.Groups[i]
		if got := fmt.Sprintf("%s %d", group.GroupValues[0].Data, group.Count); got != want || string(group.GroupValues[0].Metadata["type"]) != "Keyword" {
			t.Errorf("group is %v", group)
		}
	}
}

func TestADeletedWorkflowIsFoundNoMore(t *testing.T) {
	b := start(t, server.Options{})
	b.startWorkflow("a")
	b.startWorkflow("b")
	_, err := b.client.DeleteWorkflowExecution(b.ctx(), &workflowservice.DeleteWorkflowExecutionRequest{Namespace: ns, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	b.expect("", "b")
	b.expect("WorkflowId = 'a'")
}

func TestWorkflowIdsOfAnyKindAreFound(t *testing.T) {
	b := start(t, server.Options{})
	ids := []string{"with space", "a&b=c", "quote's", `double "quoted"`, `back\slash`, "a/b/c", "🚀 emoji", "100%_sure", "'; DROP TABLE runs; --", "\tab"}
	for _, id := range ids {
		b.startWorkflow(id)
	}
	escape := strings.NewReplacer(`\`, `\\`, `'`, `''`)
	for _, id := range ids {
		b.expect("WorkflowId = '"+escape.Replace(id)+"'", id)
		b.expect("WorkflowId STARTS_WITH '"+escape.Replace(id[:len(id)-1])+"'", id)
		open, err := b.client.ListOpenWorkflowExecutions(b.ctx(), &workflowservice.ListOpenWorkflowExecutionsRequest{
			Namespace: ns, Filters: &workflowservice.ListOpenWorkflowExecutionsRequest_ExecutionFilter{ExecutionFilter: &filterpb.WorkflowExecutionFilter{WorkflowId: id}}})
		if err != nil || len(open.Executions) != 1 || open.Executions[0].Execution.WorkflowId != id {
			t.Errorf("open with id %q: %v, %v", id, open, err)
		}
	}
}

func TestListsOfOpenAndClosedWorkflowsAreFiltered(t *testing.T) {
	b := start(t, server.Options{})
	b.startWorkflow("open")
	b.startWorkflow("typed", func(r *startRequest) { r.WorkflowType.Name = "Other" })
	b.startWorkflow("closed")
	b.terminate("closed")
	opens := func(req *workflowservice.ListOpenWorkflowExecutionsRequest) (ids []string) {
		req.Namespace = ns
		resp, err := b.client.ListOpenWorkflowExecutions(b.ctx(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range resp.Executions {
			ids = append(ids, e.Execution.WorkflowId)
		}
		return ids
	}
	if got := opens(&workflowservice.ListOpenWorkflowExecutionsRequest{}); !slices.Equal(got, []string{"typed", "open"}) {
		t.Errorf("open are %v", got)
	}
	if got := opens(&workflowservice.ListOpenWorkflowExecutionsRequest{Filters: &workflowservice.ListOpenWorkflowExecutionsRequest_TypeFilter{TypeFilter: &filterpb.WorkflowTypeFilter{Name: "Other"}}}); !slices.Equal(got, []string{"typed"}) {
		t.Errorf("open of a type are %v", got)
	}
	early := &filterpb.StartTimeFilter{LatestTime: &timestamppb.Timestamp{Seconds: 1}}
	if got := opens(&workflowservice.ListOpenWorkflowExecutionsRequest{StartTimeFilter: early}); len(got) != 0 {
		t.Errorf("open since long ago are %v", got)
	}
	closed := func(status enumspb.WorkflowExecutionStatus) (int, error) {
		resp, err := b.client.ListClosedWorkflowExecutions(b.ctx(), &workflowservice.ListClosedWorkflowExecutionsRequest{
			Namespace: ns, Filters: &workflowservice.ListClosedWorkflowExecutionsRequest_StatusFilter{StatusFilter: &filterpb.StatusFilter{Status: status}}})
		return len(resp.GetExecutions()), err
	}
	for s, want := range map[enumspb.WorkflowExecutionStatus]int{enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED: 1, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED: 0} {
		if n, err := closed(s); n != want || err != nil {
			t.Errorf("closed as %v: %d, %v", s, n, err)
		}
	}
	if _, err := closed(enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING); status.Code(err) != codes.InvalidArgument {
		t.Errorf("closed as running: %v", err)
	}
	_, err := b.client.ListOpenWorkflowExecutions(b.ctx(), &workflowservice.ListOpenWorkflowExecutionsRequest{Namespace: ns,
		StartTimeFilter: &filterpb.StartTimeFilter{EarliestTime: &timestamppb.Timestamp{Seconds: 2}, LatestTime: &timestamppb.Timestamp{Seconds: 1}}})
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("a filter that ends before it begins: %v", err)
	}
}

func TestPageTokensAreOfOneQueryInOneNamespace(t *testing.T) {
	b := start(t, server.Options{Namespaces: []string{"other"}})
	for i := range 4 {
		b.startWorkflow(fmt.Sprint(i))
	}
	if got := len(b.list("", 1)); got != 4 {
		t.Errorf("%d workflows on pages of one", got)
	}
	first, err := b.client.ListWorkflowExecutions(b.ctx(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: ns, PageSize: 2})
	if err != nil || len(first.NextPageToken) == 0 {
		t.Fatalf("got %v, %v", first, err)
	}
	token := first.NextPageToken
	for name, req := range map[string]*workflowservice.ListWorkflowExecutionsRequest{
		"another query":     {Namespace: ns, Query: "WorkflowId != 'x'", NextPageToken: token},
		"another namespace": {Namespace: "other", NextPageToken: token},
		"a truncated token": {Namespace: ns, NextPageToken: token[:len(token)-1]},
		"no token":          {Namespace: ns, NextPageToken: []byte("nonsense")},
		"a huge token":      {Namespace: ns, NextPageToken: make([]byte, 1<<20)},
	} {
		if _, err := b.client.ListWorkflowExecutions(b.ctx(), req); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	//lint:ignore SA1019 clients still call it
	if _, err := b.client.ScanWorkflowExecutions(b.ctx(), &workflowservice.ScanWorkflowExecutionsRequest{Namespace: ns, PageSize: 2}); err != nil {
		t.Error(err)
	}
}

func TestAnAttributeThatWasRemovedIsNeitherFoundNorShownUntilItIsThereAgain(t *testing.T) {
	b := start(t, server.Options{SearchAttributes: types{"Customer": keyword}})
	b.startWorkflow("a", func(r *startRequest) { r.SearchAttributes = attribute("Customer", `"acme"`) })
	if _, err := b.operator().RemoveSearchAttributes(b.ctx(), &operatorservice.RemoveSearchAttributesRequest{Namespace: ns, SearchAttributes: []string{"Customer"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.client.ListWorkflowExecutions(b.ctx(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: ns, Query: "Customer = 'acme'"}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("searched by a removed attribute: %v", err)
	}
	if got := b.list("", 0)[0].SearchAttributes.IndexedFields; len(got) != 0 {
		t.Errorf("shown are %v", got)
	}
	add := func(attributes types) {
		t.Helper()
		if _, err := b.operator().AddSearchAttributes(b.ctx(), &operatorservice.AddSearchAttributesRequest{Namespace: ns, SearchAttributes: attributes}); err != nil {
			t.Fatal(err)
		}
	}
	add(types{"Region": keyword}) // in the field that Customer had
	b.expect("Region = 'acme'")
	add(types{"Customer": keyword})
	b.expect("Customer = 'acme'", "a")
}

func TestThereIsNoArchive(t *testing.T) {
	b := start(t, server.Options{})
	for size, want := range map[int32]string{10: "not configured for visibility archival", 10_001: "larger than allowed 10000"} {
		_, err := b.client.ListArchivedWorkflowExecutions(b.ctx(), &workflowservice.ListArchivedWorkflowExecutionsRequest{Namespace: ns, PageSize: size})
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), want) {
			t.Errorf("a page of %d: %v", size, err)
		}
	}
}

// restarts calls each function with a server on the same data, that is stopped in
// between.
func restarts(t *testing.T, dir string, fns ...func(b *bench)) {
	t.Helper()
	for _, fn := range fns {
		b := start(t, server.Options{DataDir: dir, SearchAttributes: types{"Customer": keyword}})
		fn(b)
		if err := b.server.Stop(b.ctx()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnIndexThatIsLostOrDamagedIsBuiltAnew(t *testing.T) {
	fill := func(b *bench) {
		for i := range 20 {
			b.startWorkflow(fmt.Sprint("w", i), func(r *startRequest) { r.SearchAttributes = attribute("Customer", `"acme"`) })
		}
		for i := range 10 {
			b.terminate(fmt.Sprint("w", i))
		}
		b.startWorkflow("w3") // a second run
		b.list("", 7)         // there is an index
	}
	check := func(b *bench) {
		b.t.Helper()
		if n := len(b.list("Customer = 'acme'", 7)); n != 20 {
			b.t.Errorf("%d of a customer", n)
		}
		if n := len(b.list("ExecutionStatus = 'Terminated'", 7)); n != 10 {
			b.t.Errorf("%d are terminated", n)
		}
		if n := len(b.list("WorkflowId = 'w3'", 7)); n != 2 {
			b.t.Errorf("%d runs of w3", n)
		}
	}
	for name, harm := range map[string]func(file string) error{
		"lost":      func(file string) error { return os.RemoveAll(filepath.Dir(file)) },
		"cut short": func(file string) error { return os.Truncate(file, 5000) },
		"overwritten": func(file string) error {
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			for i := 4096; i < len(data); i++ {
				data[i] ^= 0x5a
			}
			return os.WriteFile(file, data, 0o600)
		},
		"of another program": func(file string) error { return os.WriteFile(file, []byte(strings.Repeat("text ", 1000)), 0o600) },
		"not touched":        func(string) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			restarts(t, dir, fill)
			if err := harm(filepath.Join(dir, "visibility", "index.db")); err != nil {
				t.Fatal(err)
			}
			restarts(t, dir, check, check)
		})
	}
}

func TestAnIndexThatIsOlderThanTheStoreIsBuiltAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	index := filepath.Join(dir, "visibility", "index.db")
	var old []byte
	restarts(t, dir, func(b *bench) { b.startWorkflow("first"); b.expect("", "first") })
	old, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	restarts(t, dir, func(b *bench) { b.startWorkflow("second"); b.terminate("first") })
	if err := os.WriteFile(index, old, 0o600); err != nil {
		t.Fatal(err)
	}
	restarts(t, dir, func(b *bench) {
		b.expect("", "first", "second")
		b.expect("ExecutionStatus = 'Running'", "second")
	})
}

func TestAnIndexIsBuiltAnewWhileWorkflowsGoOn(t *testing.T) {
	for name, options := range map[string]server.Options{"in a file": {DataDir: filepath.Join(t.TempDir(), "data")}, "in memory": {}} {
		t.Run(name, func(t *testing.T) {
			b := start(t, options)
			for i := range 30 {
				b.startWorkflow(fmt.Sprint("before-", i))
			}
			client := admin.Client{Conn: b.server.ClientConn()}
			begun, err := client.RebuildVisibility(b.ctx(), &admin.RebuildVisibilityRequest{})
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; ; i++ {
				b.startWorkflow(fmt.Sprint("during-", i))
				b.terminate(fmt.Sprint("during-", i))
				if got := b.ids(fmt.Sprintf("WorkflowId = 'during-%d' AND ExecutionStatus = 'Terminated'", i)); len(got) != 1 {
					t.Fatalf("during the build %d was not found", i)
				}
				state, err := client.DescribeVisibility(b.ctx(), &admin.DescribeVisibilityRequest{})
				if err != nil || state.Error != "" {
					t.Fatalf("state is %v, %v", state, err)
				}
				if state.Builds > begun.Builds {
					if n := len(b.list("", 10)); n != 30+i+1 {
						t.Errorf("%d workflows are found, of %d", n, 30+i+1)
					}
					if n := len(b.list("ExecutionStatus = 'Running'", 10)); n != 30 {
						t.Errorf("%d are running, of 30", n)
					}
					return
				}
			}
		})
	}
}
