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

func newAttributesWorkflow(t *testing.T) subject {
	w := newWorkflow(t)
	w.config.CheckSearchAttributes = checkTestAttributes
	w.machine = NewMachine(w.config)
	return w
}

func TestAStartWithAnUnknownSearchAttributeIsRefused(t *testing.T) {
	w := newAttributesWorkflow(t)
	if _, err := w.tryStart(func(r *startRequest) { r.SearchAttributes = searchAttributes("nope", "v") }); !isInvalidArgument(err) {
		t.Errorf("start: %v", err)
	}
	signal := func() error {
		return w.step(func(s *entity.Step, c *Chain) error {
			_, err := c.SignalWithStart(s, &workflowservice.SignalWithStartWorkflowExecutionRequest{
				WorkflowId: "wf", WorkflowType: &commonpb.WorkflowType{Name: "type"}, TaskQueue: &taskqueuepb.TaskQueue{Name: testQueue},
				SignalName: "s", SearchAttributes: searchAttributes("nope", "v")})
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

func TestBadSearchAttributesOfCommandsFailTheTask(t *testing.T) {
	child := startChild("c")
	child.GetStartChildWorkflowExecutionCommandAttributes().SearchAttributes = searchAttributes("nope", "v")
	for name, command := range map[string]*commandpb.Command{
		"upsert":          upsertSearchAttributes(searchAttributes("nope", "v")),
		"continue as new": continueAsNew(func(a *continueAttributes) { a.SearchAttributes = searchAttributes("nope", "v") }),
		"child":           child,
		"upsert nothing":  upsertSearchAttributes(&commonpb.SearchAttributes{}),
	} {
		t.Run(name, func(t *testing.T) {
			w := newAttributesWorkflow(t)
			w.start()
			completion, err := w.tryComplete(w.poll().TaskToken, &completeRequest{Commands: commands(command)})
			if err != nil || !isInvalidArgument(completion.Err) {
				t.Fatalf("completion: %v, %v", completion, err)
			}
			failed := w.lastEvent().GetWorkflowTaskFailedEventAttributes()
			if failed.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES {
				t.Errorf("last event is %v", w.lastEvent())
			}
		})
	}
}

func TestSearchAttributesThatAreTooLargeEndTheWorkflow(t *testing.T) {
	large := searchAttributes("k", strings.Repeat("v", 2<<10+1))
	child := startChild("c")
	child.GetStartChildWorkflowExecutionCommandAttributes().SearchAttributes = large
	var many []*commandpb.Command
	for i := range 21 {
		many = append(many, upsertSearchAttributes(searchAttributes(fmt.Sprint("k", i), strings.Repeat("v", 2000))))
	}
	for name, batch := range map[string][]*commandpb.Command{
		"upsert":          commands(upsertSearchAttributes(large)),
		"continue as new": commands(continueAsNew(func(a *continueAttributes) { a.SearchAttributes = large })),
		"child":           commands(child),
		"by and by":       many,
	} {
		t.Run(name, func(t *testing.T) {
			w := newAttributesWorkflow(t)
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
