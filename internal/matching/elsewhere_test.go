package matching

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// otherNode is another node: the home of all queues with names that begin with "away", once they have moved.
type otherNode struct {
	moved    atomic.Bool
	offered  []*entity.Task
	restored []*entity.Task
	serves   string // a sticky queue
	polled   []string
	handed   []Handed
	deaf     bool // hears of no branches, and takes nothing that is handed out
	told     []entity.Queue
	returned []*QueryTask
}

func (o *otherNode) HandOut(_ string, handed Handed) bool {
	if o.deaf {
		return false
	}
	o.handed = append(o.handed, handed)
	return true
}

func (o *otherNode) Waiting(queue entity.Queue) bool {
	o.told = append(o.told, queue)
	return !o.deaf
}

func (o *otherNode) ReturnQuery(query *QueryTask) { o.returned = append(o.returned, query) }

func (o *otherNode) Home(queue entity.Queue) bool {
	return !o.moved.Load() || !strings.HasPrefix(queue.Name, "away")
}

func (o *otherNode) OfferSticky(task *entity.Task) bool {
	if task.Sticky != o.serves {
		return false
	}
	o.offered = append(o.offered, task)
	return true
}

func (o *otherNode) Restore(task *entity.Task) { o.restored = append(o.restored, task) }

func (o *otherNode) Polled(_, sticky string, served bool) {
	o.polled = append(o.polled, fmt.Sprint(sticky, " ", served))
}

// Queues whose shards move to another node while they are being loaded must not keep others from being loaded.
func TestQueuesThatMoveAwayWhileTheyAreLoadedEndAndHoldNobodyUp(t *testing.T) {
	other := new(otherNode)
	options := Options{Config: func(_ context.Context, queue entity.Queue) (Config, error) {
		if strings.HasPrefix(queue.Name, "away") {
			return Config{}, errors.New("the shard is not held here")
		}
		return Config{}, nil
	}}
	bubble(t, options, func(t *testing.T, m *Matching, b *backlog) {
		m.Share(other)
		b.record()
		var away []*polling
		for i := range 2 * concurrentLoads {
			queue := queueA
			queue.Name = fmt.Sprint("away-", i)
			away = append(away, poll(m, PollRequest{Queue: queue}))
		}
		here := pollA(m)
		expect(t, here, "waiting") // for its turn
		other.moved.Store(true)
		time.Sleep(10 * time.Second)
		for _, p := range away {
			expect(t, p, "nothing")
		}
		expect(t, here, "task 1")
	})
}

func TestAStickyTaskGoesToTheOtherNodeThatServesItsQueueAndBackToItsHomeWhenItCannotStay(t *testing.T) {
	other := &otherNode{serves: "there"}
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		m.Share(other)
		task := b.add(sticky("there"))
		if len(other.offered) != 1 {
			t.Fatalf("%d tasks were offered to the other node", len(other.offered))
		}
		// From here on this is the other node, which nobody polls.
		task.Queue.Name = "away"
		other.moved.Store(true)
		m.TakeSticky(task)
		if len(other.restored) != 1 {
			t.Errorf("%d tasks were given back", len(other.restored))
		}
	})
}

func TestOtherNodesAreToldWhichStickyQueuesAreServed(t *testing.T) {
	other := new(otherNode)
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		m.Share(other)
		first := pollSticky(m, "s")
		second := pollSticky(m, "s")
		first.end()
		second.end()
		third := pollSticky(m, "s")
		m.ShutdownSticky("ns", "s")
		expect(t, third, "nothing")
		if got, want := fmt.Sprint(other.polled), "[s true s false s true s false]"; got != want {
			t.Errorf("they were told %s, want %s", got, want)
		}
	})
}
