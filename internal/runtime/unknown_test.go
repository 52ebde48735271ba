package runtime_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/runtime"
)

// later is a kind that only later builds know.
const later entity.Kind = 'y'

func laterKey(id string) entity.Key { return entity.Key{Kind: later, Namespace: "ns", ID: id} }

// downgraded makes the world one whose build does not know the later kind.
func (w *world) downgraded(yes bool) {
	w.options.Machines = map[entity.Kind]entity.Machine{toyKind: w.machine}
	if !yes {
		w.options.Machines[later] = w.machine
	}
}

func (w *world) receivedBy(to, from entity.Key) (n int64) {
	w.t.Helper()
	w.must(w.View(w.t.Context(), to, func(e entity.Entity, _ entity.View) error {
		n = e.(*toy).received[string(from.Encode(nil))]
		return nil
	}))
	return n
}

func TestMessagesGoFromAnyKindToAnyKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *runtime.Options) { o.Machines[later] = o.Machines[toyKind] })
		defer w.close()
		w.machine.receive = func(e *toy, step *entity.Step, message []byte) error {
			if from, _, _ := entity.DecodeKey(message[8:]); e.key == laterKey("b") {
				e.send(step, from) // an answer
			}
			return nil
		}
		for range 3 {
			w.must(w.step("a", func(step *entity.Step, e *toy) { e.send(step, laterKey("b")) }))
			w.must(w.stepKey(laterKey("c"), func(step *entity.Step, e *toy) { e.send(step, laterKey("b")) }))
		}
		synctest.Wait()
		for _, c := range []struct{ to, from entity.Key }{
			{laterKey("b"), toyKey("a")},
			{laterKey("b"), laterKey("c")},
			{toyKey("a"), laterKey("b")},
			{laterKey("c"), laterKey("b")},
		} {
			if n := w.receivedBy(c.to, c.from); n != 3 {
				t.Errorf("%v received %d messages from %v", c.to, n, c.from)
			}
		}
	})
}

func TestUnknownMessagesAreKeptUntilABuildThatKnowsThem(t *testing.T) {
	for name, to := range map[string]entity.Key{"of a known kind": toyKey("b"), "of an unknown kind": laterKey("b")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer func() { w.close() }()
				w.machine.knows.Store(3)
				for range 7 { // to a known kind, 1 and 2 are known
					w.must(w.step("a", func(step *entity.Step, e *toy) {
						e.send(step, to)
						e.send(step, toyKey("good"))
					}))
				}
				w.must(w.Close(t.Context())) // a clean stop removes what was delivered
				w.open()
				time.Sleep(time.Hour)
				synctest.Wait()
				kept := 5
				if to.Kind == later {
					kept = 7
				}
				if n := w.store.count('o') - 5; n != kept || w.Stuck() != w.store.count('o') { // 5 on the way to "good"
					t.Errorf("%d are in the store, %d stuck", n, w.Stuck())
				}
				w.must(w.Close(t.Context()))
				w.machine.knows.Store(0)
				w.downgraded(false)
				w.open()
				synctest.Wait()
				if n := w.receivedBy(to, toyKey("a")); n != 7 {
					t.Errorf("received %d", n)
				}
				if n, m := w.store.count('o'), w.Stuck(); n+m > 0 {
					t.Errorf("%d are left, %d stuck", n, m)
				}
			})
		})
	}
}

func TestKeptMessagesDoNotHoldUpOthersAndLeaveMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *runtime.Options) { o.Machines[later] = o.Machines[toyKind] })
		defer func() { w.close() }()
		const senders, each = 5, 1500
		send := func(to entity.Key) {
			for i := range senders {
				for range each / 100 {
					w.must(w.step(fmt.Sprint(i), func(step *entity.Step, e *toy) {
						for range 100 {
							e.send(step, to)
						}
					}))
				}
			}
		}
		w.must(w.Close(t.Context()))
		w.downgraded(true)
		w.open()
		send(laterKey("b"))
		send(toyKey("good"))
		synctest.Wait()
		for i := range senders {
			if n := w.receivedBy(toyKey("good"), toyKey(fmt.Sprint(i))); n != each {
				t.Errorf("%d of %d received from %d", n, each, i)
			}
		}
		if n, known, stuck := runtime.MessagesInMemory(w.Runtime), runtime.MessagesKnown(w.Runtime), w.Stuck(); n != 0 || known != 0 || stuck != senders*each {
			t.Errorf("%d in memory, %d known, %d stuck", n, known, stuck)
		}
		if n := w.store.count('o'); n != senders*each {
			t.Errorf("%d in the store", n)
		}
		w.must(w.Close(t.Context()))
		w.downgraded(false)
		w.open()
		synctest.Wait()
		for i := range senders {
			if n := w.receivedBy(laterKey("b"), toyKey(fmt.Sprint(i))); n != each {
				t.Errorf("after the upgrade, %d of %d received from %d", n, each, i)
			}
		}
	})
}

// logged is a log that tests look into.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) lines(containing string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, containing) {
			found = append(found, line)
		}
	}
	return found
}

func TestAnUnknownMessageIsReportedOnceWithItsNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(logged)
		w := newWorld(t, func(o *runtime.Options) { o.Logger = slog.New(slog.NewTextHandler(log, nil)) })
		defer w.close()
		for range 3 {
			w.must(w.step("a", func(step *entity.Step, e *toy) { e.send(step, laterKey("b")) }))
			w.must(w.step("c", func(step *entity.Step, e *toy) { e.send(step, laterKey("b")) }))
			time.Sleep(time.Hour)
		}
		lines := log.lines("not known to this version")
		if len(lines) != 2 {
			t.Fatalf("reported %q", lines)
		}
		slices.Sort(lines) // by sender: all else is the same up to there
		for _, want := range []string{"from.kind=x from.namespaceId=ns from.id=a", "to.kind=y to.namespaceId=ns to.id=b", "number=", "Start a version that knows it"} {
			if !strings.Contains(lines[0], want) {
				t.Errorf("%q does not say %q", lines[0], want)
			}
		}
	})
}

func TestAMessageThatCannotBeDecodedIsKeptAndPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(logged)
		w := newWorld(t, func(o *runtime.Options) {
			o.Logger = slog.New(slog.NewTextHandler(log, nil))
			o.Shards = nil
		})
		defer func() { w.close() }()
		w.machine.receive = func(*toy, *entity.Step, []byte) error { return errToy }
		w.must(w.step("a", func(step *entity.Step, e *toy) { e.send(step, toyKey("b")) }))
		w.must(w.Close(t.Context()))
		w.store.put(0, "o\x00\x00\x00\x00\x00\x00\x00\x07", "no message")
		w.store.put(0, "o\x00\x00\x00\x00\x00\x00\x00\x07 and more", "x\x00\x01\x00\x01x\x00\x01\x00\x01")
		w.machine.receive = nil
		w.open()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := w.received("b", "a"); n != 1 {
			t.Errorf("received %d", n)
		}
		if n, m := w.Stuck(), w.store.count('o'); n != 2 || m != 2 {
			t.Errorf("%d stuck, %d in the store", n, m)
		}
		if lines := log.lines("cannot be decoded"); len(lines) != 2 {
			t.Errorf("reported %q", lines)
		}
	})
}

func TestATimerOfAnUnknownKindIsKeptUntilABuildThatKnowsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer func() { w.close() }()
		w.must(w.Close(t.Context()))
		w.downgraded(false)
		w.open()
		w.must(w.stepKey(laterKey("a"), func(step *entity.Step, e *toy) { e.setTimer(step, "x", time.Now().Add(time.Minute)) }))
		w.must(w.Close(t.Context()))
		w.downgraded(true)
		w.open()
		time.Sleep(time.Hour)
		w.must(w.Close(t.Context()))
		w.downgraded(false)
		w.open()
		synctest.Wait()
		w.must(w.View(t.Context(), laterKey("a"), func(e entity.Entity, _ entity.View) error {
			if n := e.(*toy).fired; n != 1 {
				t.Errorf("fired %d times", n)
			}
			return nil
		}))
	})
}
