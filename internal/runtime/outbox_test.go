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

// received is how many messages an entity has received from another one.
func (w *world) received(id, from string) (n int64) {
	w.t.Helper()
	w.view(id, func(e *toy) { n = e.received[string(toyKey(from).Encode(nil))] })
	return n
}

func TestMessagesAreDeliveredInOrderAndRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		for range 10 {
			w.must(w.step("a", func(step *entity.Step, e *toy) {
				e.send(step, toyKey("b"))
				e.send(step, toyKey("a")) // to itself
				e.send(step, toyKey("b"))
			}))
		}
		synctest.Wait()
		if n, m := w.received("b", "a"), w.received("a", "a"); n != 20 || m != 10 {
			t.Errorf("received %d and %d", n, m)
		}
		if n := w.store.count('o'); n != 0 {
			t.Errorf("%d messages are still in the outbox", n)
		}
	})
}

func TestMessageIsDeliveredAgainUntilItIsHandled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		calls := 0
		w.machine.receive = func(*toy, *entity.Step, []byte) error {
			switch calls++; calls {
			case 1, 2, 4:
				return errToy
			case 3:
				panic("bug")
			}
			return nil
		}
		w.must(w.step("a", func(step *entity.Step, e *toy) {
			e.send(step, toyKey("b"))
			e.send(step, toyKey("b"))
		}))
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := w.received("b", "a"); n != 2 || calls != 6 {
			t.Errorf("received %d in %d calls", n, calls)
		}
	})
}

func TestFailingReceiverDoesNotHoldUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.machine.receive = func(e *toy, _ *entity.Step, _ []byte) error {
			if e.key == toyKey("bad") {
				return errToy
			}
			return nil
		}
		w.must(w.step("a", func(step *entity.Step, e *toy) {
			e.send(step, toyKey("bad"))
			e.send(step, toyKey("good"))
		}))
		synctest.Wait()
		if n := w.received("good", "a"); n != 1 {
			t.Errorf("received %d", n)
		}
	})
}

func TestMessagesAreDeliveredAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer func() { w.close() }()
		w.machine.receive = func(*toy, *entity.Step, []byte) error { return errToy }
		for range 5 {
			w.must(w.step("a", func(step *entity.Step, e *toy) { e.send(step, toyKey("b")) }))
		}
		synctest.Wait()
		w.must(w.Close(t.Context()))
		w.machine.receive = nil
		w.open()
		synctest.Wait()
		if n := w.received("b", "a"); n != 5 {
			t.Errorf("received %d", n)
		}
	})
}

func TestOutboxIsBoundedInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		var open atomic.Bool
		w.machine.receive = func(*toy, *entity.Step, []byte) error {
			if !open.Load() {
				return errToy
			}
			return nil
		}
		const senders, each = 5, 1500
		for i := range senders {
			for range each / 100 {
				w.must(w.step(fmt.Sprint(i), func(step *entity.Step, e *toy) {
					for range 100 {
						e.send(step, toyKey("b"))
					}
				}))
			}
		}
		if n := runtime.MessagesInMemory(w.Runtime); n > 4*1024 {
			t.Errorf("%d messages in memory", n)
		}
		open.Store(true)
		time.Sleep(time.Hour)
		synctest.Wait()
		for i := range senders {
			if n := w.received("b", fmt.Sprint(i)); n != each {
				t.Errorf("%d of %d received from %d", n, each, i)
			}
		}
		if n := w.store.count('o'); n != 0 {
			t.Errorf("%d messages are still in the outbox", n)
		}
	})
}
