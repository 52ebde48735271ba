package workflow

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
)

// checkTestAttributes knows attributes that begin with "k".
func checkTestAttributes(_ string, attributes *commonpb.SearchAttributes) error {
	for name, value := range attributes.GetIndexedFields() {
		if name[0] != 'k' {
			return serviceerror.NewInvalidArgument("unknown attribute " + name)
		}
		value.Metadata["type"] = []byte("Keyword")
	}
	return nil
}

func newAttributesWorkflow(t *testing.T) subject {
	w := newWorkflow(t)
	w.config.CheckSearchAttributes = checkTestAttributes
	w.machine = NewMachine(w.config)
	return w
}

func TestSearchAttributesOfEventsSayTheirType(t *testing.T) {
	w := newAttributesWorkflow(t)
	first := w.start(func(r *startRequest) { r.SearchAttributes = searchAttributes("k1", "v") })
	w.complete(w.poll(), upsertSearchAttributes(searchAttributes("k2", "v")),
		continueAsNew(func(a *continueAttributes) { a.SearchAttributes = searchAttributes("k3", "v") }))
	events := w.events[first.RunId]
	for name, attributes := range map[string]*commonpb.SearchAttributes{
		"k1": events[0].GetWorkflowExecutionStartedEventAttributes().GetSearchAttributes(),
		"k2": events[4].GetUpsertWorkflowSearchAttributesEventAttributes().GetSearchAttributes(),
		"k3": events[5].GetWorkflowExecutionContinuedAsNewEventAttributes().GetSearchAttributes(),
	} {
		if got := string(attributes.GetIndexedFields()[name].GetMetadata()["type"]); got != "Keyword" {
			t.Errorf("type of %s is %q", name, got)
		}
	}
	next := w.history()[0].GetWorkflowExecutionStartedEventAttributes().GetSearchAttributes()
	if got := string(next.GetIndexedFields()["k3"].GetMetadata()["type"]); got != "Keyword" {
		t.Errorf("type in the next run is %q", got)
	}
}

func TestManySearchAttributesThatAreTooLargeTogetherEndTheWorkflow(t *testing.T) {
	w := newAttributesWorkflow(t)
	w.start()
	var many []*commandpb.Command
	for i := range 21 {
		many = append(many, upsertSearchAttributes(searchAttributes(fmt.Sprint("k", i), strings.Repeat("v", 2000))))
	}
	completion, err := w.tryComplete(w.poll().TaskToken, &completeRequest{Commands: many})
	if err != nil || !isInvalidArgument(completion.Err) || !strings.Contains(completion.Err.Error(), "exceeds size limit") {
		t.Fatalf("completion: %v, %v", completion, err)
	}
	w.wantHistory("Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskFailed Terminated")
}

func TestOneAttributeSetOverAndOverCountsOnce(t *testing.T) {
	w := newAttributesWorkflow(t)
	w.start()
	var many []*commandpb.Command
	for range 100 {
		many = append(many, upsertSearchAttributes(searchAttributes("k", strings.Repeat("v", 2000))))
	}
	w.complete(w.poll(), many...)
	upserts := slices.DeleteFunc(w.history(), func(e *historypb.HistoryEvent) bool {
		return e.EventType != enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES
	})
	if len(upserts) != 100 {
		t.Errorf("%d events of 100 commands", len(upserts))
	}
}

func TestNullsAndEmptyListsRemoveAField(t *testing.T) {
	encoded := func(encoding, data string) *commonpb.Payload {
		return &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte(encoding)}, Data: []byte(data)}
	}
	for _, test := range []struct {
		payload *commonpb.Payload
		removes bool
	}{
		{nil, true},
		{&commonpb.Payload{}, true},
		{encoded("binary/null", ""), true},
		{encoded("json/plain", "null"), true},
		{encoded("json/plain", "[]"), true},
		{encoded("json/plain", `"null"`), false},
		{encoded("json/plain", ""), false},
		{encoded("binary/plain", "null"), false},
	} {
		if got := isNilPayload(test.payload); got != test.removes {
			t.Errorf("%v removes: %v", test.payload, got)
		}
	}
}
