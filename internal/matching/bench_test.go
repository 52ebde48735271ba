package matching

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// endless is a Source with so many tasks in each of its lanes that they are never used
// up; it makes them when they are read.
type endless struct {
	lanes  []string // in order
	number map[string]int64
	each   int64 // tasks in a lane
}

func newEndless(tasks, lanes int) *endless {
	e := &endless{number: map[string]int64{}, each: int64(tasks / lanes)}
	for i := range lanes {
		e.lanes = append(e.lanes, entity.LaneOf(3, fmt.Sprintf("%07d", i)))
	}
	if lanes == 1 {
		e.lanes[0] = ""
	}
	slices.Sort(e.lanes)
	for i, lane := range e.lanes {
		e.number[lane] = int64(i)
	}
	return e
}

// Ids of a lane are its number and multiples of the number of lanes above it.
func (e *endless) ReadTasks(_ context.Context, queue entity.Queue, lane string, after int64, limit int) (tasks []*entity.Task, through int64, more bool, err error) {
	number, ok := e.number[lane]
	if !ok {
		return nil, 1 << 60, false, nil
	}
	step := int64(len(e.lanes))
	for i := max(0, (after-number)/step); i < e.each; i++ {
		id := 1 + i*step + number
		if id <= after {
			continue
		}
		if len(tasks) == limit {
			return tasks, tasks[limit-1].ID, true, nil
		}
		tasks = append(tasks, &entity.Task{Queue: queue, Lane: lane, ID: id, Created: time.Unix(0, id)})
	}
	return tasks, 1 << 60, false, nil
}

func (e *endless) ReadLanes(ctx context.Context, queue entity.Queue, lanes entity.LaneRange, perLane, limit int) (found entity.LanePages, err error) {
	first, _ := slices.BinarySearch(e.lanes, lanes.From)
	for _, lane := range e.lanes[first:] {
		if lanes.To != "" && lane >= lanes.To {
			break
		}
		if limit <= 0 {
			found.More, found.Next = true, lane
			break
		}
		tasks, through, more, _ := e.ReadTasks(ctx, queue, lane, 0, perLane)
		found.Pages = append(found.Pages, entity.LanePage{Lane: lane, Tasks: tasks, Through: through, More: more})
		limit -= len(tasks)
	}
	found.Through = 1 << 60
	return found, nil
}

func (e *endless) EachTask(_ context.Context, _ entity.Queue, visit func(string, int64) bool) error {
	for _, lane := range e.lanes {
		for i := range e.each {
			if !visit(lane, 1+i*int64(len(e.lanes))+e.number[lane]) {
				return nil
			}
		}
	}
	return nil
}

func (e *endless) Watermark() int64            { return 1 << 60 }
func (e *endless) Startable(*entity.Task) bool { return true }

// Whoever watches a backlog asks again and again.
func BenchmarkCliffOfDescribingABacklog(b *testing.B) {
	for _, size := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			m := New(Options{Source: newEndless(size, 1)})
			defer m.Close()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Describe(b.Context(), queueA, ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A poll takes the next task, however many wait behind it.
func BenchmarkCliffOfPollingABacklog(b *testing.B) {
	for _, size := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			m := New(Options{Source: newEndless(size, 1)})
			defer m.Close()
			b.ReportAllocs()
			for b.Loop() {
				if work, err := m.Poll(b.Context(), PollRequest{Queue: queueA, Identity: "w"}); err != nil || work == nil {
					b.Fatal(work, err)
				}
			}
		})
	}
}

// What a poll costs must depend neither on how many tasks wait nor, by much, on how
// many fairness keys they have.
func BenchmarkPollOfABacklog(b *testing.B) {
	for _, tasks := range []int{100_000, 1_000_000, 10_000_000} {
		for _, lanes := range []int{1, 100, 1000, 10_000} {
			b.Run(fmt.Sprintf("tasks=%d/keys=%d", tasks, lanes), func(b *testing.B) {
				source := newEndless(tasks, lanes)
				m := New(Options{Source: source})
				defer m.Close()
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					work, err := m.Poll(b.Context(), PollRequest{Queue: queueA, Identity: "w"})
					if err != nil || work == nil {
						b.Fatal(work, err)
					}
					if n++; n == tasks { // begin again
						b.StopTimer()
						m.Close()
						m, n = New(Options{Source: source}), 0
						b.StartTimer()
					}
				}
			})
		}
	}
}

// BenchmarkAddAndPoll adds to a queue in which so many tasks wait and polls it, by turns.
func BenchmarkAddAndPoll(b *testing.B) {
	for _, waiting := range []int{0, 1000, 9000} {
		for _, keys := range []int{1, 1000} {
			b.Run(fmt.Sprintf("waiting=%d/keys=%d", waiting, keys), func(b *testing.B) {
				m := New(Options{Source: newEndless(0, 1)})
				defer m.Close()
				ctx, cancel := context.WithCancel(b.Context())
				done := make(chan struct{})
				go func() { // loads the queue
					_, _ = m.Poll(ctx, PollRequest{Queue: queueA})
					close(done)
				}()
				time.Sleep(100 * time.Millisecond)
				cancel()
				<-done
				id := int64(1) << 61
				add := func() {
					id++
					lane := ""
					if keys > 1 {
						lane = entity.LaneOf(3, fmt.Sprint(id%int64(keys)))
					}
					m.Add(&entity.Task{Queue: queueA, Lane: lane, ID: id})
				}
				for range waiting {
					add()
				}
				b.ReportAllocs()
				for b.Loop() {
					add()
					if work, err := m.Poll(b.Context(), PollRequest{Queue: queueA, Identity: "w"}); err != nil || work == nil {
						b.Fatal(work, err)
					}
				}
			})
		}
	}
}
