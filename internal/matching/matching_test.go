package matching

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
)

var queueA = entity.Queue{Namespace: "ns", Type: entity.TaskWorkflow, Name: "a"}

// backlog is a Source whose records are made and removed by the test, which adds
// them to the matching as the runtime would.
type backlog struct {
	m *Matching

	mu    sync.Mutex
	tasks []*entity.Task // by id
	next  int64
	reads int
	err   error
	// delay, if set, is how long reading takes after the records have been looked at.
	delay time.Duration
}

func (b *backlog) ReadTasks(ctx context.Context, queue entity.Queue, lane string, after int64, limit int) ([]*entity.Task, int64, bool, error) {
	b.mu.Lock()
	b.reads++
	if b.err != nil {
		defer b.mu.Unlock()
		return nil, 0, false, b.err
	}
	found, through, more := b.page(queue, lane, after, limit)
	delay := b.delay
	b.mu.Unlock()
	if delay > 0 {
		time.Sleep(delay)
	}
	return found, through, more, ctx.Err()
}

// page is the tasks of a lane with ids above after, limit at most.
func (b *backlog) page(queue entity.Queue, lane string, after int64, limit int) (found []*entity.Task, through int64, more bool) {
	through = b.next
	for _, task := range b.tasks {
		if task.Queue != queue || task.Lane != lane || task.ID <= after {
			continue
		}
		if len(found) == limit {
			return found, found[limit-1].ID, true
		}
		found = append(found, task)
	}
	return found, through, false
}

func (b *backlog) ReadLanes(ctx context.Context, queue entity.Queue, lanes entity.LaneRange, perLane, limit int) (found entity.LanePages, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return found, b.err
	}
	found.Through = b.next
	names := map[string]bool{}
	for _, task := range b.tasks {
		if task.Queue == queue && task.Lane >= lanes.From && (lanes.To == "" || task.Lane < lanes.To) {
			names[task.Lane] = true
		}
	}
	count := 0
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if count >= limit {
			found.Next, found.More = name, true
			break
		}
		page := entity.LanePage{Lane: name}
		page.Tasks, page.Through, page.More = b.page(queue, name, 0, perLane)
		found.Pages = append(found.Pages, page)
		count += len(page.Tasks)
	}
	return found, ctx.Err()
}

func (b *backlog) EachTask(_ context.Context, queue entity.Queue, visit func(string, int64) bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, task := range b.tasks {
		if task.Queue == queue && !visit(task.Lane, task.ID) {
			break
		}
	}
	return nil
}

func (b *backlog) Watermark() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.next - 1 // the last may not have been added yet
}

func (b *backlog) Startable(task *entity.Task) bool { return task.Entity.ID != "elsewhere" }

// add makes a task ready.
func (b *backlog) add(change ...func(*entity.Task)) *entity.Task {
	task := b.record(change...)
	b.m.Add(task)
	return task
}

// record makes a task that nobody is told of.
func (b *backlog) record(change ...func(*entity.Task)) *entity.Task {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	task := &entity.Task{Queue: queueA, ID: b.next, Created: time.Now()}
	for _, c := range change {
		c(task)
	}
	b.tasks = append(b.tasks, task)
	return task
}

func (b *backlog) remove(task *entity.Task) {
	b.mu.Lock()
	b.tasks = slices.DeleteFunc(b.tasks, func(t *entity.Task) bool { return t.ID == task.ID })
	b.mu.Unlock()
	b.m.Remove(task.Ref())
}

func sticky(name string) func(*entity.Task) {
	return func(task *entity.Task) { task.Sticky = name }
}

func bubble(t *testing.T, options Options, test func(t *testing.T, m *Matching, b *backlog)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &backlog{}
		options.Source = b
		options.Logger = slog.New(slog.DiscardHandler)
		m := New(options)
		b.m = m
		defer m.Close()
		test(t, m, b)
	})
}

// polling is a poll under way.
type polling struct {
	cancel   context.CancelFunc
	returned atomic.Bool
	work     *Work // once returned
	err      error
}

func (p *polling) String() string {
	switch {
	case !p.returned.Load():
		return "waiting"
	case p.err != nil:
		return p.err.Error()
	case p.work == nil:
		return "nothing"
	case p.work.Query != nil:
		return "query " + p.work.Query.ID
	}
	return fmt.Sprintf("task %d", p.work.Task.ID)
}

func poll(m *Matching, request PollRequest) *polling {
	p := &polling{}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	go func() {
		defer cancel()
		p.work, p.err = m.Poll(ctx, request)
		p.returned.Store(true)
	}()
	synctest.Wait()
	return p
}

// end makes the caller go away and waits until the poll has noticed.
func (p *polling) end() {
	p.cancel()
	synctest.Wait()
}

func pollA(m *Matching) *polling { return poll(m, PollRequest{Queue: queueA, Identity: "worker"}) }

func pollSticky(m *Matching, name string) *polling {
	return poll(m, PollRequest{Queue: queueA, Sticky: name, Identity: "worker"})
}

func expect(t *testing.T, what *polling, want string) {
	t.Helper()
	synctest.Wait()
	if got := what.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTaskGoesToThePollerThatHasWaitedLongest(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		first, second := pollA(m), pollA(m)
		b.add()
		expect(t, first, "task 1")
		expect(t, second, "waiting")
		b.add()
		expect(t, second, "task 2")
	})
}

func TestTasksWaitInOrder(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		for range 3 {
			b.add()
		}
		for i := range 3 {
			expect(t, pollA(m), fmt.Sprintf("task %d", i+1))
			b.add() // some of them while the queue is in memory
		}
		expect(t, pollA(m), "task 4")
	})
}

func TestPollEndsWithNothing(t *testing.T) {
	t.Run("after a minute", func(t *testing.T) {
		bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
			p := pollA(m)
			time.Sleep(time.Minute - time.Nanosecond)
			expect(t, p, "waiting")
			time.Sleep(time.Nanosecond)
			expect(t, p, "nothing")
		})
	})
	t.Run("before the caller's deadline", func(t *testing.T) {
		bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if work, err := m.Poll(ctx, PollRequest{Queue: queueA}); work != nil || err != nil || ctx.Err() != nil {
				t.Errorf("got %v, %v, context %v", work, err, ctx.Err())
			}
		})
	})
	t.Run("when the caller goes away", func(t *testing.T) {
		bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
			p := pollA(m)
			p.cancel()
			expect(t, p, "nothing")
		})
	})
	t.Run("when matching is closed", func(t *testing.T) {
		bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
			p := pollA(m)
			m.Close()
			expect(t, p, "nothing")
			if _, err := m.Poll(t.Context(), PollRequest{Queue: queueA}); err == nil {
				t.Error("a later poll is not refused")
			}
		})
	})
	t.Run("when its worker's polls are cancelled", func(t *testing.T) {
		bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
			mine := poll(m, PollRequest{Queue: queueA, InstanceKey: "mine"})
			other := poll(m, PollRequest{Queue: queueA, InstanceKey: "other"})
			if n := m.CancelPolls("ns", "mine"); n != 1 {
				t.Errorf("cancelled %d", n)
			}
			expect(t, mine, "nothing")
			expect(t, other, "waiting")
		})
	})
	t.Run("at once when its worker's polls were cancelled before it came", func(t *testing.T) {
		bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
			m.CancelPolls("ns", "mine")
			b.add()
			expect(t, poll(m, PollRequest{Queue: queueA, InstanceKey: "mine"}), "nothing")
			expect(t, poll(m, PollRequest{Queue: queueA, InstanceKey: "other"}), "task 1")
			elsewhere := poll(m, PollRequest{Queue: entity.Queue{Namespace: "other", Name: "a"}, InstanceKey: "mine"})
			expect(t, elsewhere, "waiting")
			time.Sleep(departureMemory)
			expect(t, poll(m, PollRequest{Queue: queueA, InstanceKey: "mine"}), "waiting")
		})
	})
}

func TestDepartedWorkersAreForgotten(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		for i := range 2 * maxDepartures {
			m.CancelPolls("ns", fmt.Sprint(i))
		}
		if n := remembered(m); n != maxDepartures {
			t.Errorf("%d are remembered", n)
		}
		time.Sleep(2 * time.Minute)
		if n := remembered(m); n != 0 {
			t.Errorf("%d are remembered after two minutes", n)
		}
	})
}

func remembered(m *Matching) int {
	m.departed.mu.Lock()
	defer m.departed.mu.Unlock()
	return len(m.departed.at)
}

func TestTaskIsNotLostWithItsPoller(t *testing.T) {
	// Whatever comes first, the cancellation or the task, the task is handed out
	// once in the end.
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		for range 200 {
			p := pollA(m)
			go p.cancel()
			go b.add()
			synctest.Wait()
			want := fmt.Sprintf("task %d", b.next)
			if p.String() == want {
				continue
			}
			expect(t, p, "nothing")
			expect(t, pollA(m), want)
		}
	})
}

func TestReturnedTaskIsTheNext(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		b.add()
		b.add()
		p := pollA(m)
		expect(t, p, "task 1")
		m.Return(p.work.Task)
		expect(t, pollA(m), "task 1")
		expect(t, pollA(m), "task 2")
	})
}

func TestRemovedAndExpiredTasksAreNotOffered(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		pollA(m).end() // the queue is in memory
		b.remove(b.add())
		b.add(func(task *entity.Task) { task.Expires = time.Now().Add(time.Second) })
		b.add()
		time.Sleep(time.Second)
		expect(t, pollA(m), "task 3")
	})
}

func TestQueuesDoNotMix(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		for _, queue := range []entity.Queue{
			{Namespace: "other", Type: entity.TaskWorkflow, Name: "a"},
			{Namespace: "ns", Type: entity.TaskActivity, Name: "a"},
			{Namespace: "ns", Type: entity.TaskWorkflow, Name: "b"},
		} {
			p := poll(m, PollRequest{Queue: queue})
			b.add()
			expect(t, p, "waiting")
			p.cancel()
		}
		expect(t, pollSticky(m, "a"), "waiting")
	})
}

func TestBacklogIsPagedThroughBoundedMemory(t *testing.T) {
	bubble(t, Options{MemoryLimit: 20}, func(t *testing.T, m *Matching, b *backlog) {
		b.delay = time.Millisecond
		for range 50 {
			b.record() // of an earlier life
		}
		got := map[int64]int{}
		take := func(n int) {
			for range n {
				p := pollA(m)
				time.Sleep(2 * time.Millisecond)
				synctest.Wait()
				if !p.returned.Load() || p.work == nil {
					t.Fatalf("after %d tasks: %v", len(got), p)
				}
				got[p.work.Task.ID]++
				b.remove(p.work.Task)
			}
		}
		// Tasks are added while pages are read, while the queue has spilled, and
		// while it is complete.
		take(30)
		for range 10 {
			for range 10 {
				b.add()
			}
			m.each(func(q *queue) {
				q.mu.Lock()
				defer q.mu.Unlock()
				if n := len(q.byID); n > 20 {
					t.Errorf("%d tasks in memory", n)
				}
			})
			take(5)
		}
		take(70)
		for range 5 {
			b.add()
			take(1)
		}
		p := pollA(m)
		time.Sleep(10 * time.Millisecond)
		expect(t, p, "waiting")
		for id := range b.next {
			if got[id+1] != 1 {
				t.Errorf("task %d was handed out %d times", id+1, got[id+1])
			}
		}
	})
}

func TestTaskAddedWhileTheQueueIsReadIsHandedOutOnce(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		b.delay = time.Second
		late := b.record() // durable, but its Add comes late
		first, second, third := pollA(m), pollA(m), pollA(m)
		b.add() // not on the page
		m.Add(late)
		time.Sleep(2 * time.Second)
		expect(t, first, "task 1")
		expect(t, second, "task 2")
		m.Add(late) // even later
		expect(t, third, "waiting")
	})
}

func TestReadingIsTriedAgain(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		b.record()
		b.err = errors.New("disk")
		p := pollA(m)
		time.Sleep(time.Second)
		expect(t, p, "waiting")
		b.mu.Lock()
		b.err = nil
		b.mu.Unlock()
		time.Sleep(5 * time.Second)
		expect(t, p, "task 1")
	})
}

func TestStickyTask(t *testing.T) {
	t.Run("goes to its worker while that polls", func(t *testing.T) {
		bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
			normal, own := pollA(m), pollSticky(m, "s")
			b.add(sticky("s"))
			expect(t, own, "task 1")
			expect(t, normal, "waiting")
		})
	})
	t.Run("goes to the normal queue if the worker has not polled", func(t *testing.T) {
		bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
			normal := pollA(m)
			b.add(sticky("s"))
			expect(t, normal, "task 1")
		})
	})
	t.Run("waits for a worker that is busy for less than ten seconds", func(t *testing.T) {
		bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
			normal, own := pollA(m), pollSticky(m, "s")
			time.Sleep(30 * time.Second)
			b.add(sticky("s"))
			expect(t, own, "task 1")
			time.Sleep(9 * time.Second)
			b.add(sticky("s"))
			expect(t, normal, "waiting")
			expect(t, pollSticky(m, "s"), "task 2")
		})
	})
	t.Run("falls back when the worker does not come back", func(t *testing.T) {
		bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
			expect(t, pollA(m), "waiting")
			normal := pollA(m)
			own := pollSticky(m, "s")
			b.add(sticky("s"))
			expect(t, own, "task 1")
			time.Sleep(9 * time.Second)
			b.add(sticky("s"))
			b.add(sticky("s"))
			expect(t, normal, "waiting")
			time.Sleep(time.Second)
			expect(t, normal, "task 2")
			next := pollA(m)
			b.add(sticky("s"))
			expect(t, next, "task 4") // nobody counts on the worker any more
		})
	})
	t.Run("falls back in order, before later tasks", func(t *testing.T) {
		bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
			pollA(m).end()
			own := pollSticky(m, "s")
			b.add(sticky("s"))
			expect(t, own, "task 1")
			b.add(sticky("s"))
			b.add(sticky("s"))
			b.add()
			time.Sleep(10*time.Second + time.Nanosecond)
			for i := range 3 {
				expect(t, pollA(m), fmt.Sprintf("task %d", i+2))
			}
		})
	})
	t.Run("falls back at once when the worker shuts down", func(t *testing.T) {
		bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
			normal, own := pollA(m), pollSticky(m, "s")
			b.add(sticky("s"))
			expect(t, own, "task 1")
			b.add(sticky("s"))
			m.ShutdownSticky("ns", "s")
			expect(t, normal, "task 2")
			waiting := pollSticky(m, "s")
			m.ShutdownSticky("ns", "s")
			expect(t, waiting, "nothing")
		})
	})
	t.Run("goes to the normal queue once the worker's last poll was given up", func(t *testing.T) {
		bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
			normal, own, last := pollA(m), pollSticky(m, "s"), pollSticky(m, "s")
			own.cancel()
			expect(t, own, "nothing")
			b.add(sticky("s"))
			expect(t, last, "task 1")
			last = pollSticky(m, "s")
			last.cancel()
			expect(t, last, "nothing")
			b.add(sticky("s"))
			expect(t, normal, "task 2")
			again := pollSticky(m, "s")
			b.add(sticky("s"))
			expect(t, again, "task 3")
		})
	})
	t.Run("falls back at once when a poll that took work turns out to be given up", func(t *testing.T) {
		bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
			normal, own := pollA(m), pollSticky(m, "s")
			b.add(sticky("s"))
			expect(t, own, "task 1")
			b.add(sticky("s"))
			expect(t, normal, "waiting")
			m.PollerGone(PollRequest{Queue: queueA, Sticky: "s"})
			expect(t, normal, "task 2")
			m.Return(own.work.Task)
			expect(t, pollA(m), "task 1")
		})
	})
	t.Run("waits for a worker whose poll came to the end of its time", func(t *testing.T) {
		bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(20*time.Second, func() { cancel(errors.New("over")) })
			if work, err := m.Poll(ctx, PollRequest{Queue: queueA, Sticky: "s"}); work != nil || err != nil {
				t.Errorf("got %v, %v", work, err)
			}
			normal := pollA(m)
			b.add(sticky("s"))
			expect(t, normal, "waiting")
			expect(t, pollSticky(m, "s"), "task 1")
		})
	})
	t.Run("is not lost when nobody polls the normal queue", func(t *testing.T) {
		bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
			own := pollSticky(m, "s")
			b.add(sticky("s"))
			expect(t, own, "task 1")
			b.remove(own.work.Task)
			b.add(sticky("s"))
			time.Sleep(time.Hour)
			expect(t, pollA(m), "task 2")
		})
	})
}

func TestQuery(t *testing.T) {
	query := func(id, sticky string) *QueryTask { return &QueryTask{ID: id, Queue: queueA, Sticky: sticky} }
	ask := func(m *Matching, ctx context.Context, task *QueryTask) *polling {
		p := &polling{}
		go func() {
			p.err = m.DispatchQuery(ctx, task)
			p.returned.Store(true)
		}()
		synctest.Wait()
		return p
	}
	t.Run("is handed to a poller", func(t *testing.T) {
		bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
			p := pollA(m)
			asked := ask(m, t.Context(), query("q", "s"))
			expect(t, p, "query q")
			expect(t, asked, "nothing") // no error
		})
	})
	t.Run("waits for a poller, before tasks", func(t *testing.T) {
		bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
			b.add()
			asked := ask(m, t.Context(), query("q", ""))
			expect(t, asked, "waiting")
			expect(t, pollA(m), "query q")
			expect(t, asked, "nothing")
			expect(t, pollA(m), "task 1")
		})
	})
	t.Run("is refused if its version is drained and nobody polls as it", func(t *testing.T) {
		version := deployment.Version{Deployment: "app", BuildID: "1"}
		for status, want := range map[enumspb.WorkerDeploymentVersionStatus]string{
			enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING: "waiting",
			enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED:  errDrained("app:1").Error(),
		} {
			routes := &deployment.Routes{Members: map[deployment.Version]enumspb.WorkerDeploymentVersionStatus{version: status}}
			bubble(t, Options{Routes: func(entity.Queue) *deployment.Routes { return routes }}, func(t *testing.T, m *Matching, b *backlog) {
				pinned := query("q", "")
				pinned.Version = &entity.TaskVersion{Pinned: true, Version: version.String()}
				expect(t, ask(m, t.Context(), pinned), want)
			})
		}
	})
	t.Run("goes with its asker", func(t *testing.T) {
		bubble(t, Options{QueryLimit: 1}, func(t *testing.T, m *Matching, b *backlog) {
			for range 3 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				asked := ask(m, ctx, query("q", ""))
				expect(t, ask(m, ctx, query("too many", "")), errManyQueries.Error())
				time.Sleep(time.Second)
				expect(t, asked, context.DeadlineExceeded.Error())
				cancel()
			}
			expect(t, pollA(m), "waiting")
		})
	})
	t.Run("prefers the sticky worker and falls back when that goes", func(t *testing.T) {
		bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
			normal, own := pollA(m), pollSticky(m, "s")
			ask(m, t.Context(), query("1", "s"))
			expect(t, own, "query 1")
			asked := ask(m, t.Context(), query("2", "s"))
			expect(t, asked, "waiting")
			time.Sleep(10 * time.Second)
			expect(t, normal, "query 2")
			expect(t, asked, "nothing")
		})
	})
	t.Run("is not lost with a poller that goes away", func(t *testing.T) {
		bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
			for i := range 200 {
				p := pollA(m)
				go p.cancel()
				id := fmt.Sprint(i)
				asked := ask(m, t.Context(), query(id, ""))
				if p.String() != "query "+id {
					expect(t, p, "nothing")
					expect(t, pollA(m), "query "+id)
				}
				expect(t, asked, "nothing")
			}
		})
	})
}

func TestIdleQueuesAreUnloadedAndReadAgain(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		pollA(m).end()
		pollSticky(m, "s").end()
		b.add()
		time.Sleep(7 * time.Minute)
		m.each(func(q *queue) { t.Errorf("%v is in memory", q.key) })
		b.add()
		expect(t, pollA(m), "task 1")
		expect(t, pollA(m), "task 2")
	})
}

func TestDescribe(t *testing.T) {
	bubble(t, Options{MemoryLimit: 10}, func(t *testing.T, m *Matching, b *backlog) {
		describe := func() Description {
			t.Helper()
			d, err := m.Describe(t.Context(), queueA, "")
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		start := time.Now()
		if d := describe(); d.Total().BacklogCount != 0 || len(d.Pollers) != 0 || d.Total().BacklogAge != 0 {
			t.Errorf("at first: %+v", d)
		}
		b.add()
		time.Sleep(time.Minute)
		if d := describe(); d.Total().BacklogCount != 1 || d.Total().BacklogAge != time.Minute {
			t.Errorf("with a task nobody polls for: %+v", d)
		}
		p := pollA(m)
		expect(t, p, "task 1")
		b.remove(p.work.Task)
		other := poll(m, PollRequest{Queue: queueA, Identity: "other"})
		other.end()
		for range 7 {
			b.add()
		}
		if d := describe(); d.Total().BacklogCount != 7 || d.Total().BacklogAge != 0 {
			t.Errorf("with tasks in memory: %+v", d)
		}
		d := describe()
		slices.SortFunc(d.Pollers, func(a, b Poller) int { return len(a.Identity) - len(b.Identity) })
		want := []Poller{{Identity: "other", LastAccess: start.Add(time.Minute)}, {Identity: "worker", LastAccess: start.Add(time.Minute)}}
		if !slices.Equal(d.Pollers, want) {
			t.Errorf("pollers %v", d.Pollers)
		}
		if p := pollA(m); p.work.BacklogCount != 6 {
			t.Errorf("hint %d", p.work.BacklogCount)
		}
		time.Sleep(6 * time.Minute)
		if d := describe(); len(d.Pollers) != 0 || d.Total().BacklogAge != 6*time.Minute {
			t.Errorf("much later: %+v", d)
		}
	})
}

func TestQueuesInMemoryAreBounded(t *testing.T) {
	bubble(t, Options{QueueLimit: 64}, func(t *testing.T, m *Matching, b *backlog) {
		refused := false
		for i := range 100 {
			p := poll(m, PollRequest{Queue: entity.Queue{Name: fmt.Sprint(i)}})
			p.end()
			refused = refused || p.err != nil
		}
		if !refused {
			t.Error("no poll was refused")
		}
	})
}

func BenchmarkHandOver(b *testing.B) {
	source := &backlog{}
	m := New(Options{Source: source})
	defer m.Close()
	source.m = m
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, _ = m.Poll(ctx, PollRequest{Queue: queueA}) // the queue has been read
	b.ReportAllocs()
	b.ResetTimer()
	handed := make(chan struct{}, 1)
	go func() {
		for range b.N {
			_, _ = m.Poll(context.Background(), PollRequest{Queue: queueA, Identity: "worker"})
			handed <- struct{}{}
		}
	}()
	for i := range b.N {
		m.Add(&entity.Task{Queue: queueA, ID: int64(i + 1)})
		<-handed
	}
}

// elsewhere makes a task one of an entity that is not held here.
func elsewhere(task *entity.Task) { task.Entity.ID = "elsewhere" }

func TestForgottenTasksAreNotOffered(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		first, second := pollA(m), pollSticky(m, "mine") // loads the queues
		b.add()
		b.add(sticky("mine"))
		expect(t, first, "task 1")
		expect(t, second, "task 2")
		for range 3 {
			b.remove(b.add(func(*entity.Task) {}))
		}
		b.add(elsewhere)
		b.add()
		b.add(elsewhere, sticky("mine"))
		m.Forget(func(task *entity.Task) bool { return task.Entity.ID == "elsewhere" })
		expect(t, pollA(m), "task 7")
		expect(t, pollA(m), "waiting")
		expect(t, pollSticky(m, "mine"), "waiting")
	})
}

func TestATaskOfAnEntityThatIsNotHereDoesNotComeBack(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		p := pollA(m)
		b.add(elsewhere)
		expect(t, p, "task 1")
		m.Return(p.work.Task)
		expect(t, pollA(m), "waiting")
	})
}

func TestATaskWithoutARecordWaitsInMemoryForThePollerToCome(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		task := &entity.Task{Queue: queueA, ID: 1, Volatile: true}
		m.Add(task)
		p := pollA(m)
		synctest.Wait()
		if p.work == nil || p.work.Task != task {
			t.Fatalf("the poller was given %v", p.work)
		}
	})
}
