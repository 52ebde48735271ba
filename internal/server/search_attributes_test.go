package server_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/server"
)

const (
	keyword = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	integer = enumspb.INDEXED_VALUE_TYPE_INT
)

type types = map[string]enumspb.IndexedValueType

func (b *bench) operator() operatorservice.OperatorServiceClient {
	return operatorservice.NewOperatorServiceClient(b.server.ClientConn())
}

func (b *bench) customAttributes() types {
	b.t.Helper()
	resp, err := b.operator().ListSearchAttributes(b.ctx(), &operatorservice.ListSearchAttributesRequest{Namespace: ns})
	if err != nil {
		b.t.Fatal(err)
	}
	if resp.SystemAttributes["StartTime"] != enumspb.INDEXED_VALUE_TYPE_DATETIME || resp.SystemAttributes["BuildIds"] != enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST {
		b.t.Errorf("system attributes are %v", resp.SystemAttributes)
	}
	return resp.GetCustomAttributes()
}

func attribute(name, value string) *commonpb.SearchAttributes {
	return &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{
		name: {Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(value)}}}
}

func TestSearchAttributesAreDefinedListedAndRemoved(t *testing.T) {
	b := start(t, server.Options{SearchAttributes: types{"Region": keyword}})
	add := func(attributes types) error {
		_, err := b.operator().AddSearchAttributes(b.ctx(), &operatorservice.AddSearchAttributesRequest{Namespace: ns, SearchAttributes: attributes})
		return err
	}
	if err := add(types{"Customer": keyword, "Amount": integer, "Region": keyword}); err != nil {
		t.Fatal(err)
	}
	if got := b.customAttributes(); !maps.Equal(got, types{"Region": keyword, "Customer": keyword, "Amount": integer}) {
		t.Errorf("attributes are %v", got)
	}
	if _, err := b.operator().RemoveSearchAttributes(b.ctx(), &operatorservice.RemoveSearchAttributesRequest{
		Namespace: ns, SearchAttributes: []string{"Amount"}}); err != nil {
		t.Fatal(err)
	}
	if got := b.customAttributes(); !maps.Equal(got, types{"Region": keyword, "Customer": keyword}) {
		t.Errorf("attributes are %v", got)
	}
	d, err := b.client.DescribeNamespace(b.ctx(), &workflowservice.DescribeNamespaceRequest{Namespace: ns})
	if got := slices.Sorted(maps.Values(d.GetConfig().GetCustomSearchAttributeAliases())); err != nil || !slices.Equal(got, []string{"Customer", "Region"}) {
		t.Errorf("names of the namespace are %v, %v", got, err)
	}
	all, err := b.client.GetSearchAttributes(b.ctx(), &workflowservice.GetSearchAttributesRequest{})
	if err != nil || all.GetKeys()["WorkflowId"] != keyword || all.GetKeys()["Keyword10"] != keyword {
		t.Errorf("keys are %v, %v", all.GetKeys(), err)
	}
}

func TestBadDefinitionsOfSearchAttributesAreRefused(t *testing.T) {
	b := start(t, server.Options{})
	for name, req := range map[string]*operatorservice.AddSearchAttributesRequest{
		"nothing":       {Namespace: ns},
		"no namespace":  {SearchAttributes: types{"Customer": keyword}},
		"reserved name": {Namespace: ns, SearchAttributes: types{"TemporalMine": keyword}},
		"unknown type":  {Namespace: ns, SearchAttributes: types{"Customer": 99}},
		"too many": {Namespace: ns, SearchAttributes: types{
			"a": integer, "b": integer, "c": integer, "d": integer}},
	} {
		if _, err := b.operator().AddSearchAttributes(b.ctx(), req); status.Code(err) != codes.InvalidArgument {
			t.Errorf("adding %s: %v", name, err)
		}
	}
	for name, req := range map[string]*operatorservice.RemoveSearchAttributesRequest{
		"nothing":          {Namespace: ns},
		"no namespace":     {SearchAttributes: []string{"Customer"}},
		"system attribute": {Namespace: ns, SearchAttributes: []string{"WorkflowId"}},
	} {
		if _, err := b.operator().RemoveSearchAttributes(b.ctx(), req); status.Code(err) != codes.InvalidArgument {
			t.Errorf("removing %s: %v", name, err)
		}
	}
	if _, err := b.operator().ListSearchAttributes(b.ctx(), &operatorservice.ListSearchAttributesRequest{}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("listing without a namespace: %v", err)
	}
	if _, err := b.operator().ListSearchAttributes(b.ctx(), &operatorservice.ListSearchAttributesRequest{Namespace: "nowhere"}); status.Code(err) != codes.NotFound {
		t.Errorf("listing an unknown namespace: %v", err)
	}
}

func TestDefinedSearchAttributesAreSetAndShownWithTheirTypes(t *testing.T) {
	b := start(t, server.Options{SearchAttributes: types{"Customer": keyword, "Amount": integer}})
	b.startWorkflow("w", func(r *workflowservice.StartWorkflowExecutionRequest) {
		r.SearchAttributes = attribute("Customer", `"me"`)
	})
	upsert := func(attributes *commonpb.SearchAttributes) *commandpb.Command {
		return &commandpb.Command{
			CommandType: enumspb.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
			Attributes: &commandpb.Command_UpsertWorkflowSearchAttributesCommandAttributes{
				UpsertWorkflowSearchAttributesCommandAttributes: &commandpb.UpsertWorkflowSearchAttributesCommandAttributes{SearchAttributes: attributes}},
		}
	}
	last := b.refuse("w", upsert(attribute("Amount", `"much"`)))
	if cause := last.GetWorkflowTaskFailedEventAttributes().GetCause(); cause != enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES {
		t.Errorf("last event is %v", last)
	}
	b.complete(b.pollWorkflow(), upsert(attribute("Amount", `3`)))
	d, err := b.client.DescribeWorkflowExecution(b.ctx(), &workflowservice.DescribeWorkflowExecutionRequest{Namespace: ns, Execution: execution("w")})
	if err != nil {
		t.Fatal(err)
	}
	fields := d.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields()
	for name, want := range map[string]string{"Customer": "Keyword", "Amount": "Int"} {
		if got := string(fields[name].GetMetadata()["type"]); got != want {
			t.Errorf("%s is of type %q, want %s", name, got, want)
		}
	}
}

func TestStartsWithBadSearchAttributesAreInvalid(t *testing.T) {
	b := start(t, server.Options{SearchAttributes: types{"Amount": integer}})
	for name, attributes := range map[string]*commonpb.SearchAttributes{
		"unknown":    attribute("Nope", `1`),
		"wrong type": attribute("Amount", `"much"`),
		"system":     attribute("WorkflowId", `"w"`),
		"too large":  attribute("Amount", strings.Repeat(" ", 2<<10)+"1"),
	} {
		start := &workflowservice.StartWorkflowExecutionRequest{
			Namespace: ns, WorkflowId: "w", WorkflowType: &commonpb.WorkflowType{Name: "order"}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, SearchAttributes: attributes}
		if _, err := b.client.StartWorkflowExecution(b.ctx(), start); status.Code(err) != codes.InvalidArgument {
			t.Errorf("start, %s: %v", name, err)
		}
		if _, err := b.client.SignalWithStartWorkflowExecution(b.ctx(), &workflowservice.SignalWithStartWorkflowExecutionRequest{
			Namespace: ns, WorkflowId: "w", WorkflowType: &commonpb.WorkflowType{Name: "order"}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, SearchAttributes: attributes,
			SignalName: "s"}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("signal with start, %s: %v", name, err)
		}
	}
}

func TestAServerWithTooManySearchAttributesDoesNotStart(t *testing.T) {
	_, err := server.Start(t.Context(), server.Options{SearchAttributes: types{"a": integer, "b": integer, "c": integer, "d": integer}})
	if err == nil || !strings.Contains(err.Error(), "cannot have more than 3 search attribute of type Int") {
		t.Errorf("start: %v", err)
	}
}
