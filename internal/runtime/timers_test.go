package runtime_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/runtime"
)

func TestTimerFiresAtItsTime(t *testing.T) {
	for _, after := range []time.Duration{0, time.Millisecond, time.Minute, time.Hour, 30 * 24 * time.Hour, 365 * 24 * time.Hour} {
		t.Run(after.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.close()
				at := time.Now().Add(after)
				w.must(w.step("a", func(step *entity.Step, e *toy) { e.setTimer(step, "x", at) }))
				time.Sleep(after - time.Nanosecond)
				synctest.Wait()
				if after > 0 && w.fired("a") != 0 {
					t.Error("fired too early")
				}
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				if w.fired("a") != 1 {
					t.Error("did not fire")
				}
				if w.store.count('t') != 0 {
					t.Error("its record is still there")
				}
			})
		})
	}
}

func TestManyTimersFireInWindowsOfBoundedSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		runtime.SetTimerLimit(w.Runtime, 20)
		const entities, each = 20, 10
		start := time.Now()
		for i := range entities {
			w.must(w.step(fmt.Sprint(i), func(step *entity.Step, e *toy) {
				for j := range each {
					e.setTimer(step, fmt.Sprint(j), start.Add(time.Duration((i*7+j*13)%100)*10*time.Second))
				}
			}))
			if n := runtime.TimersInMemory(w.Runtime); n > 20 {
				t.Fatalf("%d timers in memory", n)
			}
		}
		for now := start; now.Sub(start) <= 1000*time.Second; now = now.Add(10 * time.Second) {
			synctest.Wait()
			for i := range entities {
				w.view(fmt.Sprint(i), func(e *toy) {
					for name, at := range e.timers {
						if at <= now.UnixNano() {
							t.Fatalf("at %v: timer %s of %d is %v late", now.Sub(start), name, i, now.Sub(time.Unix(0, at)))
						}
					}
					if len(e.timers)+int(e.fired) != each {
						t.Fatalf("%d timers left, %d fired", len(e.timers), e.fired)
					}
				})
			}
			time.Sleep(10 * time.Second)
		}
	})
}

func TestClearedTimerDoesNotFire(t *testing.T) {
	for _, after := range []time.Duration{time.Minute, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			at := time.Now().Add(after)
			w.must(w.step("a", func(step *entity.Step, e *toy) { step.SetTimer([]byte("x"), at) }))
			w.must(w.step("a", func(step *entity.Step, e *toy) { step.ClearTimer([]byte("x"), at) }))
			time.Sleep(2 * after)
			w.view("a", func(e *toy) {
				if len(e.wokeAt) > 0 {
					t.Errorf("set for %v: fired", after)
				}
			})
		})
	}
}

func TestTimerThatIsNotClearedFiresAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		calls := 0
		at := time.Now().Add(time.Minute)
		w.machine.fire = func(e *toy, step *entity.Step) error {
			switch calls++; calls {
			case 1:
				return errToy
			case 2:
				panic("bug")
			case 3:
				e.increment(step) // does not clear it
			case 4:
				step.ClearTimer([]byte("x"), at)
			}
			return nil
		}
		w.must(w.step("a", func(step *entity.Step, e *toy) { step.SetTimer([]byte("x"), at) }))
		time.Sleep(time.Hour)
		synctest.Wait()
		if calls != 4 {
			t.Errorf("fired %d times", calls)
		}
	})
}

func TestTimersSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer func() { w.close() }()
		for i, after := range []time.Duration{time.Second, 4 * time.Minute, time.Hour} {
			w.must(w.step("a", func(step *entity.Step, e *toy) { e.setTimer(step, fmt.Sprint(i), time.Now().Add(after)) }))
		}
		w.must(w.Close(t.Context()))
		time.Sleep(time.Minute)
		w.open()
		synctest.Wait()
		if n := w.fired("a"); n != 1 {
			t.Errorf("after the restart %d have fired", n)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := w.fired("a"); n != 3 {
			t.Errorf("in the end %d have fired", n)
		}
	})
}

func TestWakesFireWithoutARecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		start := time.Now()
		w.must(w.step("a", func(step *entity.Step, e *toy) {
			step.Wake(start.Add(time.Second))
			step.Wake(start.Add(time.Hour))
		}))
		if w.store.count('t')+w.store.count('e') > 0 {
			t.Error("something was written")
		}
		w.must(w.step("a", func(step *entity.Step, e *toy) { e.pinned = true })) // to see both
		time.Sleep(2 * time.Hour)
		w.view("a", func(e *toy) {
			if len(e.wokeAt) != 2 || e.wokeAt[0].Sub(start) != time.Second || e.wokeAt[1].Sub(start) != time.Hour {
				t.Errorf("woke at %v", e.wokeAt)
			}
		})
	})
}

func TestAWakeThatALaterStepTakesBackDoesNotFire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		start := time.Now()
		w.must(w.step("a", func(step *entity.Step, e *toy) {
			e.pinned = true
			step.Wake(start.Add(time.Second))
		}))
		w.must(w.step("a", func(step *entity.Step, _ *toy) {
			step.WakePinned(start.Add(time.Minute)) // of this step, which takes back only what was before
			step.Unwake()
		}))
		time.Sleep(2 * time.Minute)
		w.must(w.step("a", func(step *entity.Step, _ *toy) { step.Unwake() })) // it has fired
		w.must(w.step("a", func(step *entity.Step, _ *toy) { step.Wake(start.Add(time.Hour)) }))
		w.must(w.step("a", func(step *entity.Step, _ *toy) { step.Unwake() }))
		time.Sleep(2 * time.Hour)
		w.view("a", func(e *toy) {
			if len(e.wokeAt) != 1 || e.wokeAt[0].Sub(start) != time.Minute {
				t.Errorf("woke at %v", e.wokeAt)
			}
		})
	})
}

func TestTimerFiresSoonAfterTheClockWasSetForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ahead atomic.Int64
		w := newWorld(t, func(o *runtime.Options) {
			o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		})
		defer w.close()
		w.must(w.step("a", func(step *entity.Step, e *toy) { e.setTimer(step, "x", time.Now().Add(24*time.Hour)) }))
		synctest.Wait()
		ahead.Store(int64(25 * time.Hour))
		time.Sleep(time.Minute)
		synctest.Wait()
		if w.fired("a") != 1 {
			t.Error("did not fire")
		}
	})
}

func TestAWakeForWhatIsPinnedFiresOnlyWhileTheEntityIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		start := time.Now()
		w.must(w.step("a", func(step *entity.Step, e *toy) {
			e.pinned = true
			step.WakePinned(start.Add(time.Second))
			step.WakePinned(start.Add(time.Hour))
		}))
		w.must(w.step("b", func(step *entity.Step, e *toy) { step.WakePinned(start.Add(time.Second)) }))
		time.Sleep(time.Minute)
		w.must(w.step("a", func(step *entity.Step, e *toy) { e.pinned = false }))
		time.Sleep(2 * time.Hour)
		w.view("a", func(e *toy) {
			if len(e.wokeAt) != 1 || e.wokeAt[0].Sub(start) != time.Second {
				t.Errorf("woke at %v", e.wokeAt)
			}
		})
		w.view("b", func(e *toy) {
			if len(e.wokeAt) != 0 {
				t.Errorf("one that is not pinned woke at %v", e.wokeAt)
			}
		})
	})
}

func TestAWakeForWhatIsPinnedFiresIfABrokenStepHasDroppedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		start := time.Now()
		w.must(w.step("a", func(step *entity.Step, e *toy) {
			e.pinned = true
			step.WakePinned(start.Add(time.Minute))
		}))
		if err := w.step("a", func(*entity.Step, *toy) { panic("bug") }); err == nil {
			t.Fatal("a step that panics succeeds")
		}
		time.Sleep(time.Hour)
		w.view("a", func(e *toy) {
			if len(e.wokeAt) != 1 {
				t.Errorf("woke at %v", e.wokeAt)
			}
		})
	})
}
