package worker

import "testing"

func TestPollersAreSharedOutBetweenStickyAndNormalQueue(t *testing.T) {
	b := balance{enabled: true}
	for i, want := range []bool{true, false, true, false, true} {
		if got := b.next(); got != want {
			t.Fatalf("poll %d: sticky = %v, want %v", i, got, want)
		}
	}
}

func TestABacklogOfStickyTasksDrawsAllPollersButOne(t *testing.T) {
	b := balance{enabled: true}
	b.next() // sticky
	b.done(true, 7)
	for i, want := range []bool{true, false, true, true, true} {
		if got := b.next(); got != want {
			t.Fatalf("poll %d: sticky = %v, want %v", i, got, want)
		}
	}
	b.done(true, 0)
	b.done(true, 0)
	b.done(true, 0)
	if b.next() != true || b.next() != false {
		t.Fatal("without a backlog the pollers are not balanced again")
	}
}

func TestOnePollerAlwaysStaysAtTheNormalQueue(t *testing.T) {
	b := balance{enabled: true}
	for range 50 {
		first, second := b.next(), b.next()
		if first == second {
			t.Fatalf("two pollers both went to the same queue (sticky = %v)", first)
		}
		b.done(first, 100)
		b.done(second, 100)
	}
}

func TestWithoutStickyQueueAllPollersGoToTheNormalOne(t *testing.T) {
	var b balance
	for range 3 {
		if b.next() {
			t.Fatal("a poll went to a sticky queue that does not exist")
		}
	}
	b.done(false, 5)
}
