package frontend

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/workflow"
)

func (f *fakeChain) ExpectCompletion(*entity.Step, *records.TaskToken, *workflowservice.RespondWorkflowTaskCompletedRequest) (time.Duration, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Minute, f.err
}

func (f *fakeChain) RefuseCompletion(_ *entity.Step, _ *records.TaskToken, r *workflowservice.RespondWorkflowTaskCompletedRequest, cause enumspb.WorkflowTaskFailedCause, err error) (*workflow.Completion, error) {
	return &workflow.Completion{Err: serviceerror.NewInvalidArgumentf("%v: %v", cause, err)}, f.step("RefuseCompletion", r)
}

// page sends a page with one command of each name: the last one, or one before it.
func (d *door) page(number int32, last bool, names ...string) error {
	d.t.Helper()
	req := &workflowservice.RespondWorkflowTaskCompletedRequest{TaskToken: d.token(), PageNumber: number, IntermediatePage: !last}
	for _, name := range names {
		req.Commands = append(req.Commands, &commandpb.Command{Attributes: &commandpb.Command_RecordMarkerCommandAttributes{
			RecordMarkerCommandAttributes: &commandpb.RecordMarkerCommandAttributes{MarkerName: name}}})
	}
	_, err := d.call(d.t.Context(), req)
	return err
}

// completed is what the state machine has been told to complete the task with.
func (d *door) completed() (names []string) {
	if req, ok := d.chain.last.(*workflowservice.RespondWorkflowTaskCompletedRequest); ok && d.chain.called == "CompleteWorkflowTask" {
		for _, cmd := range req.GetCommands() {
			names = append(names, cmd.GetRecordMarkerCommandAttributes().GetMarkerName())
		}
	}
	return names
}

func (d *door) checkLost(err error) {
	d.t.Helper()
	if _, lost := detail[*serviceerror.WorkflowTaskCompletionBufferLost](err); !lost || status.Code(err) != codes.Aborted {
		d.t.Errorf("error is %v, want WorkflowTaskCompletionBufferLost", err)
	}
	if got := d.completed(); got != nil {
		d.t.Errorf("the task was completed with %v", got)
	}
}

func TestThePagesOfACompletionAreCarriedOutTogetherInTheirOrder(t *testing.T) {
	d := newDoor(t)
	err := errors.Join(d.page(1, false, "c"), d.page(0, false, "a", "b"), d.page(0, false, "again"))
	if err != nil || d.chain.called != "" {
		t.Fatalf("called %q before the last page; error is %v", d.chain.called, err)
	}
	if err := d.page(2, true, "d"); err != nil {
		t.Fatal(err)
	}
	if got := d.completed(); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("completed with %v", got)
	}
	if pages := d.service.workflow.pages; len(pages.tasks) != 0 || pages.total != 0 || len(pages.byNamespace) != 0 {
		t.Errorf("there is still %+v", pages)
	}
}

func TestACompletionOfWhichAPageIsMissingBeginsAgain(t *testing.T) {
	d := newDoor(t)
	d.checkLost(d.page(1, true, "b"))
	if err := d.page(1, false, "b"); err != nil {
		t.Fatal(err)
	}
	d.checkLost(d.page(2, true, "c"))
	// Nothing of what was there is left.
	d.checkLost(d.page(2, true, "c"))
	if err := errors.Join(d.page(0, false, "a"), d.page(1, true, "b")); err != nil || len(d.completed()) != 2 {
		t.Errorf("completed with %v; error is %v", d.completed(), err)
	}
}

func TestPagesOfOneStartOfATaskAreNotMixedWithThoseOfAnother(t *testing.T) {
	d := newDoor(t)
	if err := d.page(0, false, "a"); err != nil {
		t.Fatal(err)
	}
	_, err := d.call(t.Context(), &workflowservice.RespondWorkflowTaskCompletedRequest{
		TaskToken: d.token(func(token *records.TaskToken) { token.Attempt = 2 }), PageNumber: 1})
	d.checkLost(err)
}

func TestAPageOfATaskThatHasEndedIsNotKept(t *testing.T) {
	d := newDoor(t)
	d.chain.err = serviceerror.NewNotFound("Workflow task not found.")
	if err := d.page(0, false, "a"); status.Code(err) != codes.NotFound {
		t.Errorf("error is %v, want NotFound", err)
	}
	if tasks := d.service.workflow.pages.tasks; len(tasks) != 0 {
		t.Errorf("there is %v", tasks)
	}
}

func TestAPageThatMakesNoSenseIsRefusedAndDropsThoseBeforeIt(t *testing.T) {
	for name, send := range map[string]func(*door) error{
		"negative":    func(d *door) error { return d.page(-1, false, "x") },
		"too many":    func(d *door) error { return d.page(1024, false, "x") },
		"no commands": func(d *door) error { return d.page(1, false) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			if err := d.page(0, false, "a"); err != nil {
				t.Fatal(err)
			}
			if err := send(d); status.Code(err) != codes.InvalidArgument {
				t.Errorf("error is %v, want InvalidArgument", err)
			}
			d.checkLost(d.page(1, true))
		})
	}
}

func TestPagesNeedTheirSetting(t *testing.T) {
	d := newDoor(t, dynamicconfig.Override{Key: "history.enableWorkflowTaskCompletionPagination", Value: "false"})
	for _, last := range []bool{false, true} {
		if err := d.page(1, last, "a"); status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "default") {
			t.Errorf("error is %v, want FailedPrecondition with the namespace", err)
		}
	}
}

func TestPagesBeyondTheLimitOfATaskEndTheWorkflow(t *testing.T) {
	d := newDoor(t, dynamicconfig.Override{Key: "history.workflowTaskCompletionBufferSizeLimit", Value: "100"})
	if err := d.page(0, false, strings.Repeat("x", 80)); err != nil {
		t.Fatal(err)
	}
	err := d.page(1, false, strings.Repeat("x", 80))
	if d.chain.called != "RefuseCompletion" || !strings.Contains(fmt.Sprint(err), "RequestTooLarge: workflow task completion buffer size exceeds the per-workflow limit") {
		t.Errorf("called %s; error is %v", d.chain.called, err)
	}
}

func TestPagesBeyondTheLimitOfAllMakeTheWorkerBeginAgain(t *testing.T) {
	for _, key := range []string{"history.workflowTaskCompletionBufferTotalSizeLimit=100", "history.workflowTaskCompletionBufferNamespaceRatio=1e-7"} {
		key, value, _ := strings.Cut(key, "=")
		d := newDoor(t, dynamicconfig.Override{Key: key, Value: value})
		d.checkLost(d.page(0, false, strings.Repeat("x", 110)))
		d.checkLost(d.page(1, true))
	}
}

func TestPagesOfATaskThatHasTimedOutAreDropped(t *testing.T) {
	pages := newCompletionPages()
	req := &workflowservice.RespondWorkflowTaskCompletedRequest{IntermediatePage: true, Commands: []*commandpb.Command{{}}}
	id := startedTaskID{scheduled: 2}
	if err := pages.add(id, "space", proto.CloneOf(req), time.Nanosecond, pageLimits{}); err != nil {
		t.Fatal(err)
	}
	for gone := false; !gone; {
		pages.mu.Lock()
		gone = len(pages.tasks) == 0
		pages.mu.Unlock()
		runtime.Gosched()
	}
	if _, err := pages.take(id, 0); err == nil {
		t.Error("they are still there")
	}
}
