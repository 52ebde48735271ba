package flow

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/sdk/internal/failure"
)

// inWorkflow runs fn as a workflow that ends within its first task, and
// returns the panic or error of the task.
func inWorkflow(t *testing.T, fn func(ctx Context)) error {
	t.Helper()
	s := newScript(t, func(ctx Context) error {
		fn(ctx)
		return nil
	})
	outcome := s.task().handle()
	if outcome.Err == nil && !outcome.Closed {
		t.Fatal("the workflow is still waiting")
	}
	return outcome.Err
}

func mustRun(t *testing.T, fn func(ctx Context)) {
	t.Helper()
	if err := inWorkflow(t, fn); err != nil {
		t.Fatal(err)
	}
}

func TestUnbufferedSendWaitsForItsReceiver(t *testing.T) {
	mustRun(t, func(ctx Context) {
		var got []string
		c := NewChannel(ctx)
		Go(ctx, func(ctx Context) {
			for _, s := range []string{"a", "b"} {
				got = append(got, "send "+s)
				c.Send(ctx, s)
			}
			c.Close()
		})
		var s string
		for c.Receive(ctx, &s) {
			got = append(got, "got "+s)
		}
		if want := []string{"send a", "send b", "got a", "got b"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestBufferedChannelKeepsOrder(t *testing.T) {
	mustRun(t, func(ctx Context) {
		c := NewBufferedChannel(ctx, 2)
		var sent []bool
		for i := range 3 {
			sent = append(sent, c.SendAsync(i))
		}
		if !slices.Equal(sent, []bool{true, true, false}) || c.Len() != 2 {
			t.Errorf("sent %v, len %d", sent, c.Len())
		}
		Go(ctx, func(ctx Context) { c.Send(ctx, 2) })
		var got []int
		for range 3 {
			var i int
			c.Receive(ctx, &i)
			got = append(got, i)
		}
		if !slices.Equal(got, []int{0, 1, 2}) {
			t.Errorf("got %v", got)
		}
	})
}

func TestClosedChannelGivesWhatItHas(t *testing.T) {
	mustRun(t, func(ctx Context) {
		c := NewBufferedChannel(ctx, 1)
		c.SendAsync("x")
		c.Close()
		var s string
		ok, more := c.ReceiveAsyncWithMoreFlag(&s)
		if !ok || !more || s != "x" {
			t.Errorf("first: %v %v %q", ok, more, s)
		}
		if ok, more := c.ReceiveAsyncWithMoreFlag(&s); ok || more {
			t.Errorf("second: %v %v", ok, more)
		}
	})
	if err := inWorkflow(t, func(ctx Context) {
		c := NewChannel(ctx)
		c.Close()
		c.SendAsync(1)
	}); err == nil || err.Error() != "Closed channel" {
		t.Errorf("send on closed: %v", err)
	}
}

func TestReceivePassesOverWhatDoesNotFit(t *testing.T) {
	s := newScript(t, func(ctx Context) (int, error) {
		var n int
		GetSignalChannel(ctx, "n").Receive(ctx, &n)
		return n, nil
	})
	s.signal("n", "not a number").signal("n", 7).run("CompleteWorkflowExecution 7")
}

func TestReceiveWithTimeout(t *testing.T) {
	s := newScript(t, func(ctx Context) (string, error) {
		c := GetSignalChannel(ctx, "x")
		ok1, _ := c.ReceiveWithTimeout(ctx, time.Minute, nil)
		var got string
		ok2, _ := c.ReceiveWithTimeout(ctx, time.Minute, &got)
		return fmt.Sprint(ok1, ok2, got), nil
	})
	s.run("StartTimer 5 1m0s").timerFired("5").run("StartTimer 10 1m0s").signal("x", "!").run(`CompleteWorkflowExecution "false true!"`)
}

func TestSelectorTakesTheFirstReadyCaseInOrder(t *testing.T) {
	mustRun(t, func(ctx Context) {
		a, b := NewBufferedChannel(ctx, 1), NewBufferedChannel(ctx, 1)
		f, set := NewFuture(ctx)
		set.SetValue("f")
		b.SendAsync("b")
		var got []string
		s := NewSelector(ctx).
			AddReceive(a, func(c ReceiveChannel, _ bool) { got = append(got, "a") }).
			AddReceive(b, func(c ReceiveChannel, _ bool) {
				var v string
				c.Receive(ctx, &v)
				got = append(got, v)
			}).
			AddFuture(f, func(f Future) {
				var v string
				_ = f.Get(ctx, &v)
				got = append(got, v)
			})
		s.AddDefault(func() { got = append(got, "default") })
		for range 3 {
			s.Select(ctx)
		}
		if want := []string{"b", "f", "default"}; !slices.Equal(got, want) || s.HasPending() {
			t.Errorf("got %q, pending %v", got, s.HasPending())
		}
	})
}

func TestSignalThatComesWhileADefaultCaseBlocksIsKept(t *testing.T) {
	s := newScript(t, func(ctx Context) (string, error) {
		c := GetSignalChannel(ctx, "x")
		selector := NewSelector(ctx).AddReceive(c, func(ReceiveChannel, bool) { t.Error("the case was taken") })
		selector.AddDefault(func() { _ = Sleep(ctx, time.Minute) })
		selector.Select(ctx)
		var got string
		ok := c.ReceiveAsync(&got)
		return fmt.Sprint(ok, got), nil
	})
	s.run("StartTimer 5 1m0s").signal("x", "!").run().timerFired("5").run(`CompleteWorkflowExecution "true!"`)
}

func TestSelectorThatWaitsTakesWhatComesFirst(t *testing.T) {
	mustRun(t, func(ctx Context) {
		a, b := NewFuture(ctx)
		c, d := NewFuture(ctx)
		var got string
		Go(ctx, func(Context) {
			d.SetValue(nil)
			b.SetValue(nil)
		})
		NewSelector(ctx).
			AddFuture(a, func(Future) { got = "added first" }).
			AddFuture(c, func(Future) { got = "ready first" }).
			Select(ctx)
		if got != "ready first" {
			t.Error(got)
		}
	})
}

func TestSelectorSendsToAWaitingReceiver(t *testing.T) {
	mustRun(t, func(ctx Context) {
		c := NewChannel(ctx)
		var got string
		Go(ctx, func(ctx Context) { c.Receive(ctx, &got) })
		sent := false
		NewSelector(ctx).AddSend(c, "x", func() { sent = true }).Select(ctx)
		_ = Await(ctx, func() bool { return got != "" })
		if !sent || got != "x" {
			t.Errorf("sent %v, got %q", sent, got)
		}
	})
}

func TestValueThatASelectorLeavesStaysInTheChannel(t *testing.T) {
	mustRun(t, func(ctx Context) {
		c := NewChannel(ctx)
		Go(ctx, func(ctx Context) { c.Send(ctx, 5) })
		NewSelector(ctx).AddReceive(c, func(ReceiveChannel, bool) {}).Select(ctx)
		var n int
		if !c.ReceiveAsync(&n) || n != 5 {
			t.Errorf("got %d", n)
		}
	})
}

func TestFutureChainsAndSetsOnce(t *testing.T) {
	mustRun(t, func(ctx Context) {
		a, setA := NewFuture(ctx)
		b, setB := NewFuture(ctx)
		setB.Chain(a)
		if b.IsReady() {
			t.Error("ready too early")
		}
		setA.Set("v", nil)
		var v string
		if err := b.Get(ctx, &v); err != nil || v != "v" {
			t.Errorf("%q %v", v, err)
		}
		_, setC := NewFuture(ctx)
		setC.Chain(b)
		fails, setFails := NewFuture(ctx)
		setFails.SetError(errors.New("x"))
		if err := fails.Get(ctx, nil); err == nil {
			t.Error("no error")
		}
	})
	if err := inWorkflow(t, func(ctx Context) {
		_, set := NewFuture(ctx)
		set.SetValue(1)
		set.SetValue(2)
	}); err == nil || err.Error() != "already set" {
		t.Errorf("set twice: %v", err)
	}
}

func TestWaitGroupMutexAndSemaphore(t *testing.T) {
	mustRun(t, func(ctx Context) {
		wg, mu, sem := NewWaitGroup(ctx), NewMutex(ctx), NewSemaphore(ctx, 2)
		inside, most, total := 0, 0, 0
		for range 5 {
			wg.Go(ctx, func(ctx Context) {
				if err := sem.Acquire(ctx, 1); err != nil {
					t.Error(err)
				}
				inside++
				most = max(most, inside)
				if err := mu.Lock(ctx); err != nil {
					t.Error(err)
				}
				total++
				threadOf(ctx).coroutine.Yield("a while")
				mu.Unlock()
				inside--
				sem.Release(1)
			})
		}
		wg.Wait(ctx)
		if total != 5 || most != 2 || mu.IsLocked() || !mu.TryLock(ctx) || mu.TryLock(ctx) || !sem.TryAcquire(ctx, 2) || sem.TryAcquire(ctx, 1) {
			t.Errorf("total %d, most %d", total, most)
		}
		wg.Wait(ctx)
	})
}

func TestCancellationReachesDescendantsInOrder(t *testing.T) {
	mustRun(t, func(ctx Context) {
		parent, cancel := WithCancel(ctx)
		var order []string
		for _, name := range []string{"a", "b", "c"} {
			child, _ := WithCancel(WithValue(parent, "name", name))
			hook := onCancel(child, func() { order = append(order, child.Value("name").(string)) })
			hook.arm()
		}
		apart, _ := NewDisconnectedContext(parent)
		cancel()
		cancel()
		if !slices.Equal(order, []string{"a", "b", "c"}) || apart.Err() != nil || !errors.Is(parent.Err(), ErrCanceled) || ctx.Err() != nil {
			t.Errorf("order %v, apart %v, parent %v", order, apart.Err(), parent.Err())
		}
		late, _ := WithCancel(parent)
		if late.Err() == nil {
			t.Error("made from a cancelled context, it is not cancelled")
		}
		if err := Await(late, func() bool { return false }); err == nil {
			t.Error("Await goes on")
		} else if _, ok := errors.AsType[*failure.CanceledError](err); !ok {
			t.Errorf("Await: %T", err)
		}
	})
}

func TestContextOfTheUsersOwnMaking(t *testing.T) {
	mustRun(t, func(ctx Context) {
		own := struct{ Context }{ctx}
		child, cancel := WithCancel(own)
		Go(child, func(ctx Context) { cancel() })
		if err := Await(child, func() bool { return false }); err == nil || child.Err() == nil {
			t.Errorf("err %v", err)
		}
	})
}

func TestContextThatLeakedIsRefused(t *testing.T) {
	var leaked Context
	mustRun(t, func(ctx Context) { leaked = ctx })
	defer func() {
		if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "illegal access") {
			t.Errorf("panic %v", p)
		}
	}()
	_ = Sleep(leaked, time.Second)
}

func TestSideEffectMustNotChangeTheWorkflow(t *testing.T) {
	err := inWorkflow(t, func(ctx Context) {
		_ = SideEffect(ctx, func(ctx Context) any {
			if !IsReadOnly(ctx) {
				t.Error("not read only")
			}
			_ = NewTimer(ctx, time.Second)
			return nil
		})
	})
	if err == nil || !strings.Contains(err.Error(), "illegal access") {
		t.Errorf("err %v", err)
	}
}

func TestOptionsAreOfTheirContext(t *testing.T) {
	mustRun(t, func(ctx Context) {
		outer := WithActivityOptions(ctx, ActivityOptions{TaskQueue: "q", StartToCloseTimeout: time.Second})
		inner := WithHeartbeatTimeout(WithActivityOptions(outer, ActivityOptions{ScheduleToCloseTimeout: time.Minute}), 2*time.Second)
		got := GetActivityOptions(inner)
		if got.TaskQueue != "q" || got.StartToCloseTimeout != 0 || got.ScheduleToCloseTimeout != time.Minute || got.HeartbeatTimeout != 2*time.Second {
			t.Errorf("inner %+v", got)
		}
		if got := GetActivityOptions(outer); got.HeartbeatTimeout != 0 || got.StartToCloseTimeout != time.Second {
			t.Errorf("outer %+v", got)
		}
		child := GetChildWorkflowOptions(WithWorkflowID(ctx, "c"))
		if child.WorkflowID != "c" || child.Namespace != "default" || child.TaskQueue != "queue" {
			t.Errorf("child %+v", child)
		}
	})
}

func TestAFunctionStandsForItsNameWhateverTheArguments(t *testing.T) {
	child := func(Context, float64) error { return nil }
	name := "world"
	s := newScript(t, func(ctx Context) error {
		ctx = activities(WithWorkflowID(ctx, "child"))
		ExecuteActivity(ctx, Greet)
		ExecuteActivity(ctx, Greet, &name)
		ExecuteActivity(ctx, Greet, "too", "many")
		ExecuteChildWorkflow(ctx, child, 1)
		return Sleep(ctx, time.Hour)
	})
	s.run("ScheduleActivityTask 5 Greet", "ScheduleActivityTask 6 Greet", "ScheduleActivityTask 7 Greet",
		"StartChildWorkflowExecution child", "StartTimer 9 1h0m0s")
	s.timerFired("9").evict().run("CompleteWorkflowExecution")
}

func TestWhatNamesNoActivityIsAnErrorOfTheFuture(t *testing.T) {
	mustRun(t, func(ctx Context) {
		if err := ExecuteActivity(activities(ctx), 5).Get(ctx, nil); err == nil {
			t.Error("a number is no activity")
		}
	})
}
