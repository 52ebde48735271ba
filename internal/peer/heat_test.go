package peer

import (
	"testing"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

func TestAQueueBecomesHotWhenItHasBeenBusyForSomeSecondsAndCoolsOffMuchLater(t *testing.T) {
	var h heats
	queue, now := entity.Queue{Namespace: "ns", Name: "q"}, time.Unix(1000, 0)
	const limit = 100
	second := func(polls int) (hot bool) {
		for range polls {
			hot, _ = h.note(queue, limit, now)
		}
		now = now.Add(time.Second)
		return hot
	}
	for i := range heating {
		if second(limit) {
			t.Fatalf("it is hot after %d busy seconds", i)
		}
	}
	second(limit / 2) // in which it is found that those before were busy
	if !h.isHot(queue) {
		t.Fatal("it is not hot after some busy seconds")
	}
	for range 3 * cooling {
		second(limit / coolTo)
	}
	if !h.isHot(queue) {
		t.Error("it has cooled off though it is still used much")
	}
	for range cooling {
		second(1)
	}
	if !h.isHot(queue) {
		t.Error("it has cooled off too soon")
	}
	second(1)
	second(1)
	if h.isHot(queue) || len(h.all()) != 0 {
		t.Error("it is hot though it is hardly used")
	}
}

func TestAQueueThatIsBusyForAMomentNowAndThenIsNotHot(t *testing.T) {
	var h heats
	queue, now := entity.Queue{Namespace: "ns", Name: "q"}, time.Unix(1000, 0)
	for range 10 * heating {
		for range 1000 {
			if hot, _ := h.note(queue, 100, now); hot {
				t.Fatal("it is hot")
			}
		}
		now = now.Add(2 * time.Second) // every other second
	}
}

func TestNoQueueIsHotWithoutALimit(t *testing.T) {
	var h heats
	for i := range 10_000 {
		if hot, changed := h.note(entity.Queue{Name: "q"}, 0, time.Unix(int64(i/1000), 0)); hot || changed {
			t.Fatal("it is hot")
		}
	}
	if len(h.byQueue) != 0 {
		t.Error("it takes memory")
	}
}
