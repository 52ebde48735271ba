//lint:file-ignore SA1019 Older workers tell their version in deprecated fields.

package workflow

import (
	"fmt"
	"testing"
	"time"

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

func TestTheFirstTaskOfABuildIsAResetPoint(t *testing.T) {
	w := newWorkflow(t)
	started := w.start()
	w.completeAs("one", &completeRequest{})
	w.signal("s")
	w.completeAs("one", &completeRequest{})
	w.signal("s")
	w.advance(time.Second)
	w.completeAs("two", &completeRequest{BinaryChecksum: "sum"})
	w.crash()
	points := w.resetPoints()
	if len(points) != 2 {
		t.Fatalf("reset points are %v", points)
	}
	first, second := points[0], points[1]
	if first.BuildId != "one" || first.FirstWorkflowTaskCompletedId != 4 || first.RunId != started.RunId || !first.Resettable || first.ExpireTime != nil {
		t.Errorf("first point is %v", first)
	}
	if second.BuildId != "two" || second.BinaryChecksum != "sum" || second.FirstWorkflowTaskCompletedId != 12 || !second.CreateTime.AsTime().Equal(w.now) {
		t.Errorf("second point is %v", second)
	}
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

func TestResetPointsGoOnToTheNextRunUntilTheirRunIsDeleted(t *testing.T) {
	for name, c := range map[string]struct {
		start []func(*startRequest)
		end   *completeRequest
	}{
		"continue as new": {nil, &completeRequest{Commands: commands(continueAsNew())}},
		"retry":           {[]func(*startRequest){withRetries(0)}, &completeRequest{Commands: commands(failWorkflow("boom"))}},
		"cron":            {[]func(*startRequest){func(r *startRequest) { r.CronSchedule = "@every 30s" }}, &completeRequest{Commands: commands(completeWorkflow("done"))}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkflow(t)
			first := w.start(c.start...)
			w.advance(time.Minute)
			w.completeAs("one", c.end)
			closed := w.now
			w.crash()
			prev := w.history()[0].GetWorkflowExecutionStartedEventAttributes().GetPrevAutoResetPoints().GetPoints()
			if len(prev) != 1 || prev[0].RunId != first.RunId || !prev[0].ExpireTime.AsTime().Equal(closed.Add(24*time.Hour)) {
				t.Fatalf("points of the second run are %v", prev)
			}
			if old := w.chain().others[first.RunId]; old != nil && old.resetPoints.points.Points[0].ExpireTime != nil {
				t.Error("the point of the closed run has changed")
			}
			w.advance(time.Minute)
			w.completeAs("two", &completeRequest{})
			if points := w.resetPoints(); len(points) != 2 || points[0].RunId != first.RunId || points[1].RunId != w.runID() {
				t.Fatalf("points are %v", points)
			}
			// The first run is gone by the time the third one starts.
			w.advance(25 * time.Hour)
			w.signal("s")
			w.completeAs("two", c.end)
			if points := w.resetPoints(); len(points) != 1 || points[0].BuildId != "two" || points[0].ExpireTime == nil {
				t.Fatalf("points of the third run are %v", points)
			}
		})
	}
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

func TestAPointWithWorkBetweenWorkflowsUnderWayIsNotResettable(t *testing.T) {
	w := newEngine(t)
	p := w.workflow("p")
	p.start()
	p.decide(startChild("c"))
	w.deliver()
	p.completeWith(p.poll(), &completeRequest{BinaryChecksum: "later"})
	points := p.resetPoints()
	if len(points) != 2 || !points[0].Resettable || points[1].Resettable {
		t.Fatalf("points are %v", points)
	}
}
