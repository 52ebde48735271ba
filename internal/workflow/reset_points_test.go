//lint:file-ignore SA1019 Older workers tell their version in deprecated fields.

package workflow

import (
	"fmt"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"

	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/entity"
)

// resetPoints are the points of the current run as Describe tells them.
func (w subject) resetPoints() []*workflowpb.ResetPointInfo {
	w.t.Helper()
	return w.describe("").WorkflowExecutionInfo.AutoResetPoints.GetPoints()
}

// completeAs completes the next workflow task as a worker of the build.
func (w subject) completeAs(build string, req *completeRequest) {
	w.t.Helper()
	req.WorkerVersionStamp = &commonpb.WorkerVersionStamp{BuildId: build}
	w.completeWith(w.poll(), req)
}

func TestATaskOfAKnownBuildWritesNoResetPoints(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.completeAs("one", &completeRequest{})
	key := string(runKey(w.runID(), (*resetPoints)(nil).letter()))
	if w.records[w.key()][key] == nil {
		t.Fatal("the first task has written none")
	}
	w.signal("s")
	task := w.poll()
	token, err := tokens.DecodeTask(task.TaskToken)
	if err != nil {
		t.Fatal(err)
	}
	w.must(func(s *entity.Step, c *Chain) error {
		_, err := c.CompleteWorkflowTask(s, token, &completeRequest{WorkerVersionStamp: &commonpb.WorkerVersionStamp{BuildId: "one"}})
		for _, r := range s.Outputs().Records {
			if string(r.Key) == key {
				t.Error("the second task of the same build has written the record again")
			}
		}
		return err
	})
}

func TestOnlyTheNewestResetPointsAreKept(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	for i := range maxResetPoints + 5 {
		w.completeAs(fmt.Sprint(i), &completeRequest{})
		w.signal("s")
	}
	points := w.resetPoints()
	if len(points) != maxResetPoints || points[0].BuildId != "5" {
		t.Fatalf("%d points, the oldest %v", len(points), points[0])
	}
}
