package matching

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// credit has the home know of so many polls that wait at a node, which has received so many things.
func (o *otherNode) credit(t *testing.T, m *Matching, node string, waiting, received int64) {
	t.Helper()
	if err := m.Credited(node, Credit{Queue: queueA, Session: 7, Waiting: waiting, Received: received, Pollers: 1}); err != nil {
		t.Fatal(err)
	}
	synctest.Wait() // until it has been read that there is no backlog
}

func (o *otherNode) ids() (ids []int64) {
	for _, h := range o.handed {
		ids = append(ids, h.Task.ID)
	}
	return ids
}

func TestTasksLeaveForOtherNodesInTheOrderInWhichTheyWouldGoToPollsHere(t *testing.T) {
	other := new(otherNode)
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		m.Share(other)
		poll(m, PollRequest{Queue: queueA, Identity: "first"}).end() // so that it is loaded
		for range 3 {
			b.add(in(3, "many"))
		}
		b.add(in(3, "one"))
		b.add(in(1, ""))
		other.credit(t, m, "n2", 2, 0)
		other.credit(t, m, "n3", 3, 0)
		if got := fmt.Sprint(other.ids()); got != "[5 1 4 2 3]" {
			t.Errorf("tasks have left in the order %v", got)
		}
	})
}

func TestNoMoreIsHandedOutThanPollsAreWaiting(t *testing.T) {
	other := new(otherNode)
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		m.Share(other)
		other.credit(t, m, "n2", 2, 0)
		for range 5 {
			b.add()
		}
		if len(other.handed) != 2 {
			t.Fatalf("%d tasks have left for 2 polls", len(other.handed))
		}
		other.credit(t, m, "n2", 2, 0) // told before the two had arrived
		if len(other.handed) != 2 {
			t.Fatalf("%d tasks have left for 2 polls that were told of twice", len(other.handed))
		}
		other.credit(t, m, "n2", 1, 2) // one poll has come after they had
		if len(other.handed) != 3 {
			t.Errorf("%d tasks have left for 3 polls", len(other.handed))
		}
	})
}

func TestNodesWithPollsTakeTurns(t *testing.T) {
	other := new(otherNode)
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		nodes := recorded{otherNode: other}
		m.Share(&nodes)
		other.credit(t, m, "n2", 2, 0)
		other.credit(t, m, "n3", 2, 0)
		for range 4 {
			b.add()
		}
		if got := strings.Join(nodes.to, " "); got != "n2 n3 n2 n3" {
			t.Errorf("tasks have left for %s", got)
		}
	})
}

// recorded notes to whom things are handed.
type recorded struct {
	*otherNode
	to []string
}

func (r *recorded) HandOut(node string, handed Handed) bool {
	r.to = append(r.to, node)
	return r.otherNode.HandOut(node, handed)
}

func TestWhatCannotBeHandedOutGoesToAPollHere(t *testing.T) {
	other := &otherNode{deaf: true}
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		m.Share(other)
		other.credit(t, m, "n2", 1, 0)
		here := pollA(m)
		b.add()
		expect(t, here, "task 1")
	})
}

func TestNothingIsHandedToANodeThatIsNotHeardAnyMore(t *testing.T) {
	other := new(otherNode)
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		m.Share(other)
		other.credit(t, m, "n2", 3, 0)
		m.DropCredits("n2")
		b.add()
		if len(other.handed) != 0 {
			t.Error("a task has left for a node that has gone")
		}
		expect(t, pollA(m), "task 1")
	})
}

func TestAQueryTakesCreditBeforeTasksDo(t *testing.T) {
	other := new(otherNode)
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		m.Share(other)
		b.add()
		asked := make(chan error, 1)
		go func() { asked <- m.DispatchQuery(t.Context(), &QueryTask{ID: "q", Queue: queueA}) }()
		time.Sleep(time.Second)
		other.credit(t, m, "n2", 1, 0)
		if len(other.handed) != 1 || other.handed[0].Query == nil {
			t.Fatalf("%v has left", other.handed)
		}
		if err := <-asked; err != nil {
			t.Error(err)
		}
	})
}

func TestTheRateOfAQueueHoldsForWhatLeavesForOtherNodes(t *testing.T) {
	other := new(otherNode)
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		m.Share(other)
		rate := 1.0
		time.Sleep(time.Minute)
		if err := m.Credited("n2", Credit{Queue: queueA, Session: 7, Waiting: 10, Rate: &rate}); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			b.add()
		}
		time.Sleep(3500 * time.Millisecond)
		synctest.Wait()
		if n := len(other.handed); n < 3 || n > 5 {
			t.Errorf("%d tasks have left in 3.5 s at one a second", n)
		}
	})
}

// branch is a poll that waits in the branch of queueA, of which the node is one.
func branch(m *Matching) *polling {
	return poll(m, PollRequest{Queue: queueA, Branch: true, Identity: "worker"})
}

func TestABranchGivesWhatItIsHandedToThePollThatHasWaitedLongest(t *testing.T) {
	other := new(otherNode)
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		m.Share(other)
		first := branch(m)
		expect(t, first, "waiting")
		second := branch(m)
		expect(t, second, "waiting")
		told := m.BranchCredit(queueA)
		if told.Waiting != 2 || told.Received != 0 || told.Pollers != 1 || len(other.told) != 2 {
			t.Errorf("the home is told %d times, at last %+v", len(other.told), told)
		}
		m.TakeHanded(Handed{Queue: queueA, Session: told.Session, Task: b.record()})
		expect(t, first, "task 1")
		expect(t, second, "waiting")
		if told = m.BranchCredit(queueA); told.Waiting != 1 || told.Received != 1 {
			t.Errorf("then the home is told %+v", told)
		}
	})
}

func TestWhatABranchCannotGiveToAPollComesBack(t *testing.T) {
	other := new(otherNode)
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		m.Share(other)
		gone := branch(m)
		expect(t, gone, "waiting")
		told := m.BranchCredit(queueA)
		gone.end()
		other.moved.Store(true) // the home is another node, as it was all the time
		task := b.record()
		task.Queue.Name = "away"
		m.TakeHanded(Handed{Queue: queueA, Session: told.Session, Task: task})
		m.TakeHanded(Handed{Queue: queueA, Session: told.Session, Query: &QueryTask{ID: "q", Queue: queueA}})
		if len(other.restored) != 1 || len(other.returned) != 1 {
			t.Errorf("%d tasks and %d queries have come back", len(other.restored), len(other.returned))
		}
		if told := m.BranchCredit(queueA); told.Waiting != 0 || told.Received != 2 {
			t.Errorf("the home is told %+v", told)
		}
	})
}

func TestPollsOfABranchThatIsClosedWaitSomewhereElse(t *testing.T) {
	other := new(otherNode)
	bubble(t, Options{}, func(t *testing.T, m *Matching, _ *backlog) {
		m.Share(other)
		ended := make(chan error, 1)
		go func() {
			_, err := m.Poll(t.Context(), PollRequest{Queue: queueA, Branch: true})
			ended <- err
		}()
		time.Sleep(time.Second)
		if closed := m.CloseBranches(queueA); !slices.Equal(closed, []entity.Queue{queueA}) {
			t.Errorf("closed %v", closed)
		}
		if err := <-ended; !errors.Is(err, ErrQueueAway) {
			t.Errorf("the poll has ended with %v", err)
		}
		other.deaf = true // no home hears any more: a poll that comes just then does not wait either
		if _, err := m.Poll(t.Context(), PollRequest{Queue: queueA, Branch: true}); !errors.Is(err, ErrQueueAway) {
			t.Errorf("the poll after that has ended with %v", err)
		}
	})
}
