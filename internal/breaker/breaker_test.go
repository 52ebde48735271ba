package breaker

import (
	"fmt"
	"testing"
	"time"
)

type address struct{ namespace, scheme, host string }

var (
	here  = address{"ns", "http", "here"}
	begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// fail has so many calls to the address fail.
func fail(b *Set[address], a address, times int, now time.Time) {
	for range times {
		if _, ok := b.Allow(a, now); ok {
			b.Done(a, true, now)
		}
	}
}

func TestABreakerOpensAfterFailuresInARow(t *testing.T) {
	b := new(Set[address])
	fail(b, here, tripAfter-1, begin)
	if _, ok := b.Allow(here, begin); !ok {
		t.Error("it is open too early")
	}
	b.Done(here, false, begin)
	fail(b, here, tripAfter-1, begin)
	if _, ok := b.Allow(here, begin); !ok {
		t.Error("a success has not closed it")
	}
	b.Done(here, true, begin)
	if wait, ok := b.Allow(here, begin.Add(time.Second)); ok || wait != openFor-time.Second {
		t.Errorf("it is open: %v, for %v", !ok, wait)
	}
	if _, ok := b.Allow(address{"ns", "http", "there"}, begin); !ok {
		t.Error("another address is kept away from, too")
	}
}

func TestOneCallTriesAnAddressWhoseBreakerWasOpen(t *testing.T) {
	b := new(Set[address])
	fail(b, here, tripAfter, begin)
	later := begin.Add(openFor)
	if _, ok := b.Allow(here, later); !ok {
		t.Fatal("nobody may try")
	}
	if _, ok := b.Allow(here, later); ok {
		t.Error("two try")
	}
	b.Done(here, true, later)
	if _, ok := b.Allow(here, later.Add(openFor-1)); ok {
		t.Error("it is not open again")
	}
	if _, ok := b.Allow(here, later.Add(openFor)); !ok {
		t.Error("nobody may try again")
	}
	b.Done(here, false, later.Add(openFor))
	for range 2 {
		if _, ok := b.Allow(here, later.Add(openFor)); !ok {
			t.Error("it is not closed after a success")
		}
	}
}

func TestATryThatIsNeverHeardOfAgainIsMadeAgain(t *testing.T) {
	b := new(Set[address])
	fail(b, here, tripAfter, begin)
	later := begin.Add(openFor)
	b.Allow(here, later)
	if _, ok := b.Allow(here, later.Add(2*callTimeout)); !ok {
		t.Error("nobody may try")
	}
}

func TestBreakersAreBounded(t *testing.T) {
	b := new(Set[address])
	for i := range maxBreakers + 10 {
		fail(b, address{"ns", "http", fmt.Sprint(i)}, 1, begin)
	}
	if len(b.failed) != maxBreakers {
		t.Errorf("there are %d", len(b.failed))
	}
}
