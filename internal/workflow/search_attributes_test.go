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
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/entity"
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

func newAttributesLab(t *testing.T) *lab {
	w := newLab(t, Limits{})
	lookup := func(string) (Namespace, bool) { return Namespace{ID: labNamespace, Name: "ns"}, true }
	w.machine = NewMachine(Config{Namespace: lookup, NamespaceByName: lookup, CheckSearchAttributes: checkTestAttributes})
	w.crash()
	return w
}

func attributesOf(name, value string) *commonpb.SearchAttributes {
	return &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{name: textPayloads(value).Payloads[0]}}
}

func upsertCommand(attributes *commonpb.SearchAttributes) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
		Attributes: &commandpb.Command_UpsertWorkflowSearchAttributesCommandAttributes{
			UpsertWorkflowSearchAttributesCommandAttributes: &commandpb.UpsertWorkflowSearchAttributesCommandAttributes{SearchAttributes: attributes}},
	}
}

type continueAttributes = commandpb.ContinueAsNewWorkflowExecutionCommandAttributes

func TestAStartWithAnUnknownSearchAttributeIsRefused(t *testing.T) {
	w := newAttributesLab(t)
	if _, err := w.tryStart(func(r *startReq) { r.SearchAttributes = attributesOf("nope", "v") }); !isInvalidArgument(err) {
		t.Errorf("start: %v", err)
	}
	signal := func() error {
		return w.step(func(s *entity.Step) error {
			_, err := w.chain.SignalWithStart(s, &workflowservice.SignalWithStartWorkflowExecutionRequest{
				WorkflowId: "wf", WorkflowType: &commonpb.WorkflowType{Name: "type"}, TaskQueue: &taskqueuepb.TaskQueue{Name: labQueue},
				SignalName: "s", SearchAttributes: attributesOf("nope", "v")})
			return err
		})
	}
	if err := signal(); !isInvalidArgument(err) {
		t.Errorf("signal with start: %v", err)
	}
	w.start()
	if err := signal(); !isInvalidArgument(err) {
		t.Errorf("signal with start of a running workflow: %v", err)
	}
}

func TestSearchAttributesOfEventsSayTheirType(t *testing.T) {
	w := newAttributesLab(t)
	first := w.start(func(r *startReq) { r.SearchAttributes = attributesOf("k1", "v") })
	w.complete(w.poll(), upsertCommand(attributesOf("k2", "v")),
		continueCommand(func(a *continueAttributes) { a.SearchAttributes = attributesOf("k3", "v") }))
	events := w.history(first.RunId)
	for name, attributes := range map[string]*commonpb.SearchAttributes{
		"k1": events[0].GetWorkflowExecutionStartedEventAttributes().GetSearchAttributes(),
		"k2": events[4].GetUpsertWorkflowSearchAttributesEventAttributes().GetSearchAttributes(),
		"k3": events[5].GetWorkflowExecutionContinuedAsNewEventAttributes().GetSearchAttributes(),
	} {
		if got := string(attributes.GetIndexedFields()[name].GetMetadata()["type"]); got != "Keyword" {
			t.Errorf("type of %s is %q", name, got)
		}
	}
	next := w.history(w.runID())[0].GetWorkflowExecutionStartedEventAttributes().GetSearchAttributes()
	if got := string(next.GetIndexedFields()["k3"].GetMetadata()["type"]); got != "Keyword" {
		t.Errorf("type in the next run is %q", got)
	}
}

func TestBadSearchAttributesOfCommandsFailTheTask(t *testing.T) {
	child := startChild("c")
	child.GetStartChildWorkflowExecutionCommandAttributes().SearchAttributes = attributesOf("nope", "v")
	for name, command := range map[string]*commandpb.Command{
		"upsert":          upsertCommand(attributesOf("nope", "v")),
		"continue as new": continueCommand(func(a *continueAttributes) { a.SearchAttributes = attributesOf("nope", "v") }),
		"child":           child,
		"upsert nothing":  upsertCommand(&commonpb.SearchAttributes{}),
	} {
		t.Run(name, func(t *testing.T) {
			w := newAttributesLab(t)
			w.start()
			completion, err := w.tryComplete(w.poll().TaskToken, &completeRequest{Commands: commands(command)})
			if err != nil || !isInvalidArgument(completion.Err) {
				t.Fatalf("completion: %v, %v", completion, err)
			}
			failed := w.last().GetWorkflowTaskFailedEventAttributes()
			if failed.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES {
				t.Errorf("last event is %v", w.last())
			}
		})
	}
}

func TestSearchAttributesThatAreTooLargeEndTheWorkflow(t *testing.T) {
	large := attributesOf("k", strings.Repeat("v", 2<<10))
	child := startChild("c")
	child.GetStartChildWorkflowExecutionCommandAttributes().SearchAttributes = large
	var many []*commandpb.Command
	for i := range 21 {
		many = append(many, upsertCommand(attributesOf(fmt.Sprint("k", i), strings.Repeat("v", 2000))))
	}
	for name, batch := range map[string][]*commandpb.Command{
		"upsert":          commands(upsertCommand(large)),
		"continue as new": commands(continueCommand(func(a *continueAttributes) { a.SearchAttributes = large })),
		"child":           commands(child),
		"by and by":       many,
	} {
		t.Run(name, func(t *testing.T) {
			w := newAttributesLab(t)
			w.start()
			completion, err := w.tryComplete(w.poll().TaskToken, &completeRequest{Commands: batch})
			if err != nil || !isInvalidArgument(completion.Err) || !strings.Contains(completion.Err.Error(), "exceeds size limit") {
				t.Fatalf("completion: %v, %v", completion, err)
			}
			w.wantHistory("Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskFailed Terminated")
		})
	}
}

func TestOneAttributeSetOverAndOverCountsOnce(t *testing.T) {
	w := newAttributesLab(t)
	w.start()
	var many []*commandpb.Command
	for range 100 {
		many = append(many, upsertCommand(attributesOf("k", strings.Repeat("v", 2000))))
	}
	w.complete(w.poll(), many...)
	upserts := slices.DeleteFunc(w.history(w.runID()), func(e *historypb.HistoryEvent) bool {
		return e.EventType != enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES
	})
	if len(upserts) != 100 {
		t.Errorf("%d events of 100 commands", len(upserts))
	}
}
