package callback

import (
	"fmt"
	"testing"
	"time"
)

var here = address{"ns", "http", "here"}

// fail has so many calls to the address fail.
func (b *breakers) fail(a address, times int, now time.Time) {
	for range times {
		if _, ok := b.allow(a, now); ok {
			b.done(a, true, now)
		}
	}
}

func TestABreakerOpensAfterFailuresInARow(t *testing.T) {
	b := new(breakers)
	b.fail(here, tripAfter-1, begin)
	if _, ok := b.allow(here, begin); !ok {
		t.Error("it is open too early")
	}
	b.done(here, false, begin)
	b.fail(here, tripAfter-1, begin)
	if _, ok := b.allow(here, begin); !ok {
		t.Error("a success has not closed it")
	}
	b.done(here, true, begin)
	if wait, ok := b.allow(here, begin.Add(time.Second)); ok || wait != openFor-time.Second {
		t.Errorf("it is open: %v, for %v", !ok, wait)
	}
	if _, ok := b.allow(address{"ns", "http", "there"}, begin); !ok {
		t.Error("another address is kept away from, too")
	}
}

func TestOneCallTriesAnAddressWhoseBreakerWasOpen(t *testing.T) {
	b := new(breakers)
	b.fail(here, tripAfter, begin)
	later := begin.Add(openFor)
	if _, ok := b.allow(here, later); !ok {
		t.Fatal("nobody may try")
	}
	if _, ok := b.allow(here, later); ok {
		t.Error("two try")
	}
	b.done(here, true, later)
	if _, ok := b.allow(here, later.Add(openFor-1)); ok {
		t.Error("it is not open again")
	}
	if _, ok := b.allow(here, later.Add(openFor)); !ok {
		t.Error("nobody may try again")
	}
	b.done(here, false, later.Add(openFor))
	for range 2 {
		if _, ok := b.allow(here, later.Add(openFor)); !ok {
			t.Error("it is not closed after a success")
		}
	}
}

func TestATryThatIsNeverHeardOfAgainIsMadeAgain(t *testing.T) {
	b := new(breakers)
	b.fail(here, tripAfter, begin)
	later := begin.Add(openFor)
	b.allow(here, later)
	if _, ok := b.allow(here, later.Add(2*callTimeout)); !ok {
		t.Error("nobody may try")
	}
}

func TestBreakersAreBounded(t *testing.T) {
	b := new(breakers)
	for i := range maxBreakers + 10 {
		b.fail(address{"ns", "http", fmt.Sprint(i)}, 1, begin)
	}
	if len(b.failed) != maxBreakers {
		t.Errorf("there are %d", len(b.failed))
	}
}
