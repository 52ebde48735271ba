package matching

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// in files a task in a lane.
func in(priority int32, key string) func(*entity.Task) {
	return func(task *entity.Task) { task.Lane = entity.LaneOf(priority, key) }
}

func weighing(weight float32) func(*entity.Task) {
	return func(task *entity.Task) { task.Weight = weight }
}

// drain takes all tasks and returns their lanes in order.
func drain(t *testing.T, m *Matching, b *backlog) (lanes []string) {
	t.Helper()
	for {
		p := pollA(m)
		if !p.returned.Load() {
			time.Sleep(100 * time.Millisecond) // of reading
			synctest.Wait()
		}
		if !p.returned.Load() {
			p.end()
			return lanes
		}
		lanes = append(lanes, p.work.Task.Lane)
		b.remove(p.work.Task)
	}
}

func TestABacklogIsServedInOrderOfPriority(t *testing.T) {
	for _, where := range []string{"in the store", "in memory"} {
		t.Run(where, func(t *testing.T) {
			bubble(t, Options{MemoryLimit: 40}, func(t *testing.T, m *Matching, b *backlog) {
				add := b.record
				if where == "in memory" {
					pollA(m).end() // the queue is loaded
					add = b.add
				}
				for range 20 {
					for _, priority := range []int32{5, 3, 1, 4, 2} {
						add(in(priority, ""))
					}
				}
				got := strings.Join(drain(t, m, b), ",")
				var want []string
				for _, lane := range []string{"1", "2", "", "4", "5"} {
					want = append(want, slices.Repeat([]string{lane}, 20)...)
				}
				if got != strings.Join(want, ",") {
					t.Errorf("served %s", got)
				}
			})
		})
	}
}

func TestATaskOfBetterPriorityOvertakesABacklogAtOnce(t *testing.T) {
	bubble(t, Options{MemoryLimit: 10}, func(t *testing.T, m *Matching, b *backlog) {
		for range 100 {
			b.record()
		}
		expect(t, pollA(m), "task 1")
		for range 20 { // more than memory has room for
			b.add()
		}
		b.add(in(1, ""))
		expect(t, pollA(m), "task 121")
		expect(t, pollA(m), "task 2")
		b.add(in(2, "key"))
		expect(t, pollA(m), "task 122")
		b.add(in(4, ""))
		expect(t, pollA(m), "task 3")
	})
}

func TestFairnessKeysTakeTurns(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		for range 100 {
			b.record(in(3, "hog"))
		}
		for _, key := range []string{"a", "b", "a", "b", ""} {
			b.record(in(3, key))
		}
		if got := drain(t, m, b); slices.Index(got, "") > 5 || slices.Index(got[6:], "3a") > 5 || slices.Index(got[6:], "3b") > 5 {
			t.Errorf("served %v", got[:20])
		}
	})
}

func TestOfKeysWithEqualTurnsTheOldestTaskGoesFirst(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		pollA(m).end() // the queue is loaded
		for _, key := range []string{"e", "b", "d", "a", "c", "a", "b", "c", "d", "e"} {
			b.add(in(3, key))
		}
		if got := strings.Join(drain(t, m, b), " "); got != "3e 3b 3d 3a 3c 3a 3b 3c 3d 3e" {
			t.Errorf("served %s", got)
		}
	})
}

func TestAKeyWithOneTaskAtATimeGetsNoMoreThanItsShare(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		pollA(m).end()
		for range 50 {
			b.add(in(3, "waits"))
		}
		b.add(in(3, "comes again"))
		again := 0
		for range 40 {
			p := pollA(m)
			if p.work.Task.Lane == "3comes again" {
				again++
				b.add(in(3, "comes again"))
			}
			b.remove(p.work.Task)
		}
		if again != 20 {
			t.Errorf("%d of 40 turns", again)
		}
	})
}

func TestFairnessKeysAreServedByTheirWeights(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		for range 100 {
			b.record(in(3, "one"))
			b.record(in(3, "four"), weighing(4))
			b.record(in(3, "half"), weighing(0.5))
		}
		counts := map[string]int{}
		for _, lane := range drain(t, m, b)[:110] {
			counts[lane]++
		}
		if abs(counts["3four"]-80) > 1 || abs(counts["3one"]-20) > 1 || abs(counts["3half"]-10) > 1 {
			t.Errorf("served %v", counts)
		}
	})
}

func abs(n int) int { return max(n, -n) }

func TestTasksThatAreRemovedFromTheStoreDoNotCountForEver(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		tasks := []*entity.Task{b.add(), b.add(in(1, "key")), b.add()} // nobody polls
		b.remove(tasks[0])
		b.remove(tasks[1])
		p := pollA(m)
		expect(t, p, "task 3")
		b.add()
		if p := pollA(m); p.work.BacklogCount != 0 {
			t.Errorf("%d tasks are said to wait", p.work.BacklogCount)
		}
	})
}

func TestFairnessCanBeSwitchedOffAndOn(t *testing.T) {
	var fair atomic.Bool
	bubble(t, Options{Fair: func(entity.Queue) bool { return fair.Load() }}, func(t *testing.T, m *Matching, b *backlog) {
		for range 100 {
			b.record(in(3, "hog"))
		}
		b.record(in(3, "a"))
		b.record(in(2, "b"))
		p := pollA(m)
		expect(t, p, "task 102")
		b.remove(p.work.Task)
		for i := range 50 {
			p := pollA(m)
			expect(t, p, fmt.Sprintf("task %d", i+1))
			b.remove(p.work.Task)
		}
		fair.Store(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		first, second := pollA(m), pollA(m)
		if first.work.Task.ID+second.work.Task.ID != 101+51 {
			t.Errorf("got %v and %v, want 101 and 51", first, second)
		}
		fair.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		b.add(in(3, "late"))
		if got := drain(t, m, b); got[len(got)-1] != "3late" {
			t.Errorf("served %v", got)
		}
	})
}

func TestTasksOfAFairnessKeyStayInOrder(t *testing.T) {
	bubble(t, Options{MemoryLimit: 30}, func(t *testing.T, m *Matching, b *backlog) {
		b.delay = time.Millisecond
		for i := range 300 {
			b.record(in(3, fmt.Sprint(i%7)))
		}
		last := map[string]int64{}
		for range 300 {
			p := pollA(m)
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
			task := p.work.Task
			if task.ID < last[task.Lane] {
				t.Errorf("lane %s: %d after %d", task.Lane, task.ID, last[task.Lane])
			}
			last[task.Lane] = task.ID
			b.remove(task)
		}
	})
}

// There are more lanes than memory has room for; tasks come in, are removed and
// returned at all times. Each goes out once, or more often if it was returned.
func TestNoTaskOfManyLanesIsMissed(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, Options{MemoryLimit: 20, LaneLimit: 5}, func(t *testing.T, m *Matching, b *backlog) {
				random := rand.New(rand.NewPCG(seed, 1))
				b.delay = time.Millisecond
				somewhere := func(task *entity.Task) {
					task.Lane = entity.LaneOf(random.Int32N(3)+2, []string{"", "a", "b", "c", "d", "e", "f", "g"}[random.IntN(8)])
				}
				for range random.IntN(100) {
					b.record(somewhere)
				}
				waiting := map[int64]*entity.Task{}
				for _, task := range b.tasks {
					waiting[task.ID] = task
				}
				for range 300 {
					switch random.IntN(4) {
					case 0, 1:
						task := b.add(somewhere)
						waiting[task.ID] = task
					case 2:
						p := pollA(m)
						time.Sleep(time.Duration(random.IntN(3)) * time.Millisecond)
						synctest.Wait()
						p.end()
						if p.work == nil {
							continue
						}
						if random.IntN(5) == 0 {
							m.Return(p.work.Task)
							continue
						}
						delete(waiting, p.work.Task.ID)
						b.remove(p.work.Task)
					case 3:
						for id, task := range waiting {
							if random.IntN(10) == 0 {
								delete(waiting, id)
								b.remove(task)
							}
							break
						}
					}
				}
				for len(waiting) > 0 {
					p := pollA(m)
					time.Sleep(100 * time.Millisecond)
					synctest.Wait()
					if !p.returned.Load() {
						t.Fatalf("%d tasks were not offered: %v", len(waiting), waiting)
					}
					delete(waiting, p.work.Task.ID)
					b.remove(p.work.Task)
				}
				m.each(func(q *queue) {
					q.mu.Lock()
					defer q.mu.Unlock()
					if len(q.byID) > 0 || q.aside > 0 {
						t.Errorf("%d tasks are left in memory", len(q.byID)+q.aside)
					}
				})
			})
		})
	}
}
