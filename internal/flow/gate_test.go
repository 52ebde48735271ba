package flow

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

func atOnce(n int64) *flowv1.Policy {
	return &flowv1.Policy{Target: flowv1.Target_TARGET_WORKFLOWS, MaxRunning: &n}
}

func aSecond(n float64, burst int64) *flowv1.Policy {
	return &flowv1.Policy{Target: flowv1.Target_TARGET_WORKFLOWS, Rate: &flowv1.Rate{PerSecond: n, Burst: burst}}
}

func TestNoMoreRunThanThePolicySaysAndTheOldestIsNext(t *testing.T) {
	w := newWorld(t, atOnce(2))
	var all []*owner
	for range 5 {
		all = append(all, w.start(Subject{}))
		w.now = w.now.Add(time.Second)
	}
	w.settle()
	if running, waiting := w.count(); running != 2 || waiting != 3 {
		t.Fatalf("%d run and %d wait", running, waiting)
	}
	if all[0].queued || !all[2].queued {
		t.Errorf("the first was told to wait: %v, the third: %v", all[0].queued, all[2].queued)
	}
	for i, o := range all {
		w.end(o)
		w.settle()
		if len(w.begun) > i && w.begun[i] != o {
			t.Errorf("number %d was %s, not %s", i, w.begun[i].id, o.id)
		}
	}
	if len(w.begun) != 5 || w.most != 2 {
		t.Errorf("%d have run, up to %d at once", len(w.begun), w.most)
	}
}

func TestAGateWithoutAnyoneHasNoRecords(t *testing.T) {
	for _, policy := range []*flowv1.Policy{atOnce(1), aSecond(10, 5)} {
		w := newWorld(t, policy)
		for range 20 {
			w.start(Subject{})
		}
		for range 40 {
			w.pass(time.Second)
			for _, o := range w.begun {
				w.end(o)
			}
		}
		if len(w.begun) != 20 || len(w.records) != 0 || len(w.timers) != 0 {
			t.Errorf("%d have run, %d records and %d timers are left", len(w.begun), len(w.records), len(w.timers))
		}
	}
}

func TestWhatWaitsCanGiveUp(t *testing.T) {
	w := newWorld(t, atOnce(1))
	var all []*owner
	for range 400 {
		all = append(all, w.start(Subject{}))
	}
	w.settle()
	for i := 1; i < 399; i++ { // those in memory and those that are not
		w.end(all[i])
	}
	w.settle()
	if running, waiting := w.count(); running != 1 || waiting != 1 {
		t.Fatalf("%d run and %d wait", running, waiting)
	}
	w.end(all[0])
	w.settle()
	if !all[399].running {
		t.Error("the last one does not run")
	}
}

func TestAClosedGateLetsNothingInUntilItIsOpened(t *testing.T) {
	w := newWorld(t, atOnce(0))
	for range 250 {
		w.start(Subject{})
	}
	w.pass(time.Hour)
	if len(w.begun) != 0 {
		t.Fatalf("%d have been let in", len(w.begun))
	}
	w.setPolicy(atOnce(300))
	w.step(func(step *entity.Step) error { w.gate.Refresh(step); return nil })
	w.pass(time.Second)
	if len(w.begun) != 250 {
		t.Errorf("%d have been let in", len(w.begun))
	}
}

func TestADeletedPolicyLetsAllIn(t *testing.T) {
	w := newWorld(t, atOnce(1))
	for range 120 {
		w.start(Subject{})
	}
	w.settle()
	w.setPolicy(nil)
	w.step(func(step *entity.Step) error { w.gate.Refresh(step); return nil })
	w.pass(time.Second)
	if len(w.begun) != 120 {
		t.Errorf("%d have been let in", len(w.begun))
	}
}

func TestASmallerLimitStopsNothingAndLetsNothingIn(t *testing.T) {
	w := newWorld(t, atOnce(3))
	for range 6 {
		w.start(Subject{})
	}
	w.settle()
	w.setPolicy(atOnce(1))
	for i := range 2 {
		w.end(w.begun[i])
		w.settle()
		if len(w.begun) != 3 {
			t.Fatalf("after %d ends %d have been let in", i+1, len(w.begun))
		}
	}
	w.end(w.begun[2])
	w.settle()
	if len(w.begun) != 4 {
		t.Errorf("%d have been let in", len(w.begun))
	}
}

func TestABetterPriorityGoesFirst(t *testing.T) {
	w := newWorld(t, atOnce(1))
	w.start(Subject{})
	low := w.start(Subject{Priority: &commonpb.Priority{PriorityKey: 5}})
	usual := w.start(Subject{})
	high := w.start(Subject{Priority: &commonpb.Priority{PriorityKey: 1}})
	w.settle()
	for range 3 {
		w.end(w.begun[len(w.begun)-1])
		w.settle()
	}
	for i, o := range []*owner{high, usual, low} {
		if w.begun[i+1] != o {
			t.Errorf("number %d is not the one with that priority", i+1)
		}
	}
}

func TestFairnessKeysAreServedByTheirWeights(t *testing.T) {
	w := newWorld(t, atOnce(1))
	weights := map[string]float32{"a": 1, "b": 2, "c": 5}
	for i := range 900 { // a burst of each, one after the other
		key := []string{"a", "b", "c"}[i/300]
		w.start(Subject{Priority: &commonpb.Priority{FairnessKey: key, FairnessWeight: weights[key]}})
	}
	w.settle()
	served := map[string]int{}
	for range 320 {
		o := w.begun[len(w.begun)-1]
		served[o.pass.Tickets[0].FairnessKey]++
		w.end(o)
		w.settle()
		if len(w.begun)%100 == 50 {
			w.crash(func() int { return 0 })
		}
	}
	for key, weight := range weights {
		want := 320 * float64(weight) / 8
		if got := float64(served[key]); got < 0.95*want-1 || got > 1.05*want+1 {
			t.Errorf("key %s: %v of 320, its share is %v", key, got, want)
		}
	}
}

func TestTheRateIsKeptAlsoOverCrashes(t *testing.T) {
	w := newWorld(t, aSecond(10, 5))
	for range 700 {
		w.start(Subject{})
	}
	w.settle()
	if len(w.begun) != 5 {
		t.Fatalf("%d have been let in at once", len(w.begun))
	}
	for second, again := 1, 0; second <= 60; second++ {
		w.pass(500 * time.Millisecond)
		again++
		w.crash(func() int { again++; return again % 20 / 19 })
		w.pass(500 * time.Millisecond)
		if got, want := len(w.begun), 5+10*second; got > want || got < want-1 {
			t.Fatalf("%d have been let in after %d seconds, not %d", got, second, want)
		}
	}
}

func TestAfterAQuietTimeThereIsABurstAndNoMore(t *testing.T) {
	w := newWorld(t, aSecond(1, 3))
	w.pass(time.Hour)
	for range 10 {
		w.start(Subject{})
	}
	w.settle()
	if len(w.begun) != 3 {
		t.Errorf("%d have been let in at once", len(w.begun))
	}
}

func TestAMessageThatIsDeliveredAgainChangesNothing(t *testing.T) {
	w := newWorld(t, atOnce(1))
	for range 80 {
		w.start(Subject{})
	}
	w.settle()
	for range 100 {
		w.crash(func() int { return 3 })
		w.settle()
		if running, waiting := w.count(); running != min(1, 80-len(w.begun)+1) || waiting != 80-len(w.begun) {
			t.Fatalf("%d run and %d wait, %d have begun", running, waiting, len(w.begun))
		}
		w.end(w.begun[len(w.begun)-1])
		w.settle()
		if len(w.begun) == 80 {
			return
		}
	}
	t.Errorf("%d of 80 have run", len(w.begun))
}

func TestGatesAreExactWhateverHappens(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 7))
			limit := int64(1 + random.IntN(5))
			policy := atOnce(limit)
			if random.IntN(3) == 0 {
				policy.Rate = &flowv1.Rate{PerSecond: 20, Burst: 3}
			}
			w := newWorld(t, policy)
			if part := random.IntN(3); part > 0 {
				w.joins = func() bool { return random.IntN(2) < part } // mostly by messages, or without
			}
			keys := []string{"", "a", "b"}
			for range 1000 {
				ways := w.order
				switch n := random.IntN(100); {
				case n < 20:
					w.start(Subject{Priority: &commonpb.Priority{PriorityKey: int32(random.IntN(4)), FairnessKey: keys[random.IntN(3)]}})
				case n < 75 && len(ways) > 0:
					w.deliver(ways[random.IntN(len(ways))])
				case n < 85:
					w.now = w.now.Add(time.Duration(random.IntN(200)) * time.Millisecond)
					w.fire()
				case n < 97 && len(w.begun) > 0:
					w.end(w.begun[random.IntN(len(w.begun))])
				case n < 98 && len(w.all) > 0:
					w.end(w.all[random.IntN(len(w.all))]) // whatever it is doing
				case n < 99:
					w.crash(func() int { return random.IntN(4) })
				}
				if int64(len(w.gate.items)) > limit {
					t.Fatalf("%d places are taken, the limit is %d", len(w.gate.items), limit)
				}
			}
			for range 20_000 {
				w.pass(100 * time.Millisecond)
				over := true
				for _, o := range w.all {
					if o.running {
						w.end(o)
					}
					over = over && o.over
				}
				if over {
					break
				}
			}
			w.pass(time.Minute)
			for _, o := range w.all {
				if !o.over {
					t.Fatalf("%s has never been let in", o.id)
				}
			}
			if int64(w.most) > limit {
				t.Errorf("%d have run at once, the limit is %d", w.most, limit)
			}
			if len(w.records) > 0 {
				t.Errorf("%d records are left", len(w.records))
			}
		})
	}
}

func TestAPlaceThatIsKeptIsTakenOrGivenUp(t *testing.T) {
	policy := atOnce(1)
	policy.MaxWaiting = proto.Int64(0)
	w := newWorld(t, policy)
	pass, err := w.registry.Of(testNamespace).Workflow(&Subject{}, "kept")
	if err != nil {
		t.Fatal(err)
	}
	reserve := func() (kept bool, err error) {
		step := entity.NewStep(w.now, w)
		if kept, err = w.gate.Reserve(step, pass.Tickets[0]); err == nil {
			err = w.gate.EndStep(step)
			w.publish(step, w.key)
		}
		return kept, err
	}
	if kept, err := reserve(); !kept || err != nil {
		t.Fatalf("a free place is kept: %v, %v", kept, err)
	}
	pass.Tickets[0].Id = "another"
	if kept, err := reserve(); kept || err == nil {
		t.Errorf("the same place is kept again: %v, %v", kept, err)
	}
	w.crash(func() int { return 0 })
	w.pass(keptFor)
	if running, _ := w.count(); running != 0 {
		t.Fatal("the place is kept for ever")
	}
	if kept, _ := reserve(); !kept {
		t.Fatal("the place is not free")
	}
	o := &owner{id: "another", pass: pass}
	w.owners[o.id] = o
	pass.Tickets[0].Admitted, pass.Tickets[0].Asked = true, timestamppb.New(w.now)
	w.ownerStep(o, func(step *entity.Step) {
		Take(step, testNamespace, pass, &records.FlowItem{RunId: o.id}, w.now)
		w.begin(o)
	})
	w.pass(2 * keptFor)
	if running, _ := w.count(); running != 1 {
		t.Errorf("%d run", running)
	}
	w.end(o)
	w.pass(time.Second)
	if len(w.records) != 0 {
		t.Errorf("%d records are left", len(w.records))
	}
}

func TestDescribeTellsWhatRunsAndWaits(t *testing.T) {
	policy := atOnce(1)
	policy.Rate = &flowv1.Rate{PerSecond: 1, Burst: 2}
	w := newWorld(t, policy)
	for range 3 {
		w.start(Subject{Priority: &commonpb.Priority{FairnessKey: "k"}})
	}
	w.settle()
	got, err := w.gate.Describe(w, w.now, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got.Running != 1 || got.Waiting != 2 || len(got.RunningItems) != 1 || len(got.WaitingItems) != 2 || got.GetMaxRunning() != 1 ||
		!proto.Equal(got.Rate, policy.Rate) || got.Available != 1 || got.WaitingItems[0].FairnessKey != "k" || got.RunningItems[0].WorkflowId != w.begun[0].id {
		t.Errorf("%v", got)
	}
}
