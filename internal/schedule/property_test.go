package schedule

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/records"
)

// TestNoActionIsLostOrTakenTwiceWhateverCrashes lets schedules of all policies live through
// crashes, in the middle of steps, between them, and of a server that is down for minutes, while
// workflows close in all ways. Messages are delivered again.
func TestNoActionIsLostOrTakenTwiceWhateverCrashes(t *testing.T) {
	crashes, want := 0, 1000
	if testing.Short() {
		want = 200
	}
	for seed := uint64(1); crashes < want; seed++ {
		policy := enumspb.ScheduleOverlapPolicy(1 + seed%6)
		t.Run(fmt.Sprint(seed, policy), func(t *testing.T) {
			l := &life{world: newWorld(t), policy: policy}
			l.chance, l.crashRate = rand.New(rand.NewPCG(seed, 1)), 0.03
			l.live(40)
			crashes += l.crashes
		})
		if t.Failed() {
			return
		}
	}
	t.Logf("%d crashes", crashes)
}

// life is a world in which anything happens.
type life struct {
	*world
	policy enumspb.ScheduleOverlapPolicy
	manual int // actions that were triggered
}

func (l *life) live(length int) {
	l.create(everyMinute(overlap(l.policy)))
	for range length {
		switch l.chance.IntN(6) {
		case 0, 1:
			l.passChecked(time.Duration(l.chance.IntN(90)) * time.Second)
		case 2:
			l.sleep(time.Duration(l.chance.IntN(200)) * time.Second)
		case 3:
			l.crash()
		case 4:
			l.passChecked(time.Second) // two at one time would have the same name
			if l.now.Second() != 0 {
				l.patch(trigger())
				l.manual++
			}
		}
		l.end()
	}
	// It comes to rest: what is open closes, until nothing waits.
	l.pass(0)
	for i := 0; l.busy(); i++ {
		if i > 1000 {
			l.t.Fatalf("it does not come to rest: %v", l.describe().Info)
		}
		for _, id := range l.open() {
			l.close(id, 4)
		}
		l.settle()
	}
	l.account()
}

// passChecked lets time pass, and looks at how many workflows are open.
func (l *life) passChecked(d time.Duration) {
	l.pass(d)
	if open := l.open(); len(open) > 1 && l.policy != allowAll {
		l.t.Fatalf("%q are open at once", open)
	}
}

// busy reports whether anything waits for the end of a workflow.
func (l *life) busy() bool {
	info := l.describe().Info
	return info.BufferSize > 0 || len(info.RunningWorkflows) > 0 || len(l.open()) > 0
}

// open are the ids of the workflows that are open.
func (l *life) open() (ids []string) {
	for _, id := range slices.Sorted(maps.Keys(l.index)) {
		row := new(records.WorkflowRow)
		if proto.Unmarshal(l.index[id], row) == nil && row.WorkflowType == "type" && row.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			ids = append(ids, row.WorkflowId)
		}
	}
	return ids
}

// end may close an open workflow.
func (l *life) end() {
	if open := l.open(); len(open) > 0 {
		l.close(open[l.chance.IntN(len(open))], l.chance.IntN(6))
	}
	l.settle()
}

// close closes a workflow in some way, or has it continue as new. That itself does not crash.
func (l *life) close(id string, how int) {
	chance := l.chance
	l.chance = nil
	defer func() { l.chance = chance }()
	if how < 4 && !l.hasTask(id) {
		return // it is about to be continued
	}
	switch how {
	case 0:
		l.finishWorkflow(id, completed("result"))
	case 1:
		l.finishWorkflow(id, failed("failure"))
	case 2:
		l.finishWorkflow(id, canceled())
	case 3:
		l.finishWorkflow(id, continuedAsNew())
	case 4:
		l.terminateWorkflow(id)
	}
}

func (l *life) hasTask(id string) bool {
	for _, task := range l.tasks {
		if task.Entity.ID == id {
			return true
		}
	}
	return false
}

// account compares what the schedule says it has done with what has happened, and both with how
// much time has passed.
func (l *life) account() {
	started := 0
	for id, n := range l.starts {
		if n != 1 {
			l.t.Fatalf("workflow %s was started %d times", id, n)
		}
		started++
	}
	info := l.describe().Info
	if info.ActionCount != int64(started) {
		l.t.Fatalf("%d actions are counted, %d workflows were started", info.ActionCount, started)
	}
	ticks := int(l.now.Truncate(time.Minute).Sub(epoch.Truncate(time.Minute))/time.Minute) + l.manual
	switch l.policy {
	case cancelOther, terminateOther:
		// Of several at once the last one counts, which is not told of the others.
		if started > ticks || started == 0 {
			l.t.Fatalf("%d were started, %d times have come", started, ticks)
		}
	default:
		if started+int(info.OverlapSkipped+info.BufferDropped+info.MissedCatchupWindow) != ticks {
			l.t.Fatalf("%d were started, %d times have come: %v", started, ticks, info)
		}
	}
}
