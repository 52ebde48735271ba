package runtime_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/runtime"
)

var testQueue = entity.Queue{Namespace: "ns", Type: entity.TaskActivity, Name: "queue"}

// sink notes what it is told.
type sink struct {
	added     []*entity.Task
	removed   []int64
	forgotten int
	refreshed atomic.Int32
}

func (s *sink) Add(task *entity.Task)     { s.added = append(s.added, task) }
func (s *sink) Remove(ref entity.TaskRef) { s.removed = append(s.removed, ref.ID) }
func (s *sink) Refresh()                  { s.refreshed.Add(1) }

func (s *sink) Forget(gone func(*entity.Task) bool) {
	before := len(s.added)
	s.added = slices.DeleteFunc(s.added, gone)
	s.forgotten += before - len(s.added)
}

func TestTasksAreOfferedWhenDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		w := newWorld(t, func(o *runtime.Options) { o.Tasks = s })
		defer w.close()
		w.store.pause()
		var id int64
		go w.step("a", func(step *entity.Step, e *toy) { id = e.addTask(step, testQueue) })
		synctest.Wait()
		if len(s.added) > 0 {
			t.Error("offered before it was durable")
		}
		w.store.resume()
		synctest.Wait()
		if len(s.added) != 1 || s.added[0].ID != id {
			t.Errorf("offered %v", s.added)
		}
		w.must(w.step("a", func(step *entity.Step, e *toy) { e.completeTask(step, testQueue, id) }))
		if !slices.Equal(s.removed, []int64{id}) || w.store.count('q') != 0 {
			t.Errorf("removed %v", s.removed)
		}
	})
}

func TestTasksAreReadInOrderPageByPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer func() { w.close() }()
		var want []int64
		created := map[int64]time.Time{}
		for i := range 100 {
			time.Sleep(time.Millisecond)
			if i == 50 { // ids go on growing
				w.must(w.Close(t.Context()))
				w.open()
			}
			id := fmt.Sprint(i)
			if i%3 == 0 {
				id = "one with many"
			}
			w.must(w.step(id, func(step *entity.Step, e *toy) {
				task := e.addTask(step, testQueue)
				want, created[task] = append(want, task), step.Now
				e.addTask(step, entity.Queue{Namespace: "ns", Type: entity.TaskWorkflow, Name: "queue"})
				e.addTask(step, entity.Queue{Namespace: "ns", Type: entity.TaskActivity, Name: "queue2"})
			}))
		}
		if !slices.IsSorted(want) {
			t.Fatalf("ids %v", want)
		}
		for _, limit := range []int{1, 7, 100, 1000} {
			var got []int64
			after, more := int64(0), true
			for more {
				tasks, through, again, err := w.ReadTasks(t.Context(), testQueue, "", after, limit)
				w.must(err)
				if len(tasks) > limit {
					t.Fatalf("got %d tasks, limit %d", len(tasks), limit)
				}
				for _, task := range tasks {
					got = append(got, task.ID)
					if task.Queue != testQueue || task.RunID != "run" || task.EventID != 5 || !task.Created.Equal(created[task.ID]) {
						t.Fatalf("read %+v", task)
					}
				}
				after, more = through, again
			}
			if !slices.Equal(got, want) {
				t.Errorf("limit %d: got %v", limit, got)
			}
		}
		var ids []int64
		w.must(w.EachTask(t.Context(), testQueue, func(_ string, id int64) bool {
			ids = append(ids, id)
			return true
		}))
		if slices.Sort(ids); !slices.Equal(ids, want) {
			t.Errorf("visited %v", ids)
		}
	})
}

func TestReadingTasksWaitsForTheOnesUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.store.pause()
		var id int64
		go w.step("a", func(step *entity.Step, e *toy) { id = e.addTask(step, testQueue) })
		synctest.Wait()
		var read []*entity.Task
		go func() { read, _, _, _ = w.ReadTasks(t.Context(), testQueue, "", 0, 10) }()
		synctest.Wait()
		if w.Watermark() >= id {
			t.Error("the watermark is past a task that is under way")
		}
		w.store.resume()
		synctest.Wait()
		if len(read) != 1 {
			t.Errorf("read %v", read)
		}
	})
}

func TestStoredTaskIsADispatchTask(t *testing.T) {
	for _, task := range []entity.Task{
		{},
		{Entity: toyKey("a\x00b"), RunID: "r", EventID: 7, Stamp: 3, Sticky: "s", Weight: 2.5, Created: time.Unix(5, 6), Expires: time.Unix(-7, 8)},
		{Stamp: -1, EventID: -1, Created: time.Unix(0, 0), Expires: time.Unix(1<<33, 0)},
	} {
		var record records.DispatchTask
		if err := proto.Unmarshal(runtime.EncodeTask(&task), &record); err != nil {
			t.Fatal(err)
		}
		key, rest, err := entity.DecodeKey(record.Entity)
		if err != nil || len(rest) > 0 || key != task.Entity {
			t.Errorf("entity %v, rest %v, error %v", key, rest, err)
		}
		got := entity.Task{RunID: record.RunId, EventID: record.EventId, Stamp: record.Stamp, Sticky: record.StickyQueue, Weight: record.FairnessWeight}
		want := entity.Task{RunID: task.RunID, EventID: task.EventID, Stamp: task.Stamp, Sticky: task.Sticky, Weight: task.Weight}
		if got != want {
			t.Errorf("got %+v", got)
		}
		if (record.Created == nil) != task.Created.IsZero() || record.Created != nil && !record.Created.AsTime().Equal(task.Created) {
			t.Errorf("created %v", record.Created)
		}
		if (record.Expires == nil) != task.Expires.IsZero() || record.Expires != nil && !record.Expires.AsTime().Equal(task.Expires) {
			t.Errorf("expires %v", record.Expires)
		}
	}
}

func TestLanesOfAQueueAreReadApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		ids := map[string][]int64{}
		for i := range 60 {
			time.Sleep(time.Millisecond)
			lane := []string{"", "a", "a\x00b", "c"}[i%4]
			w.must(w.step(fmt.Sprint(i), func(step *entity.Step, e *toy) {
				ids[lane] = append(ids[lane], step.AddTask(&entity.Task{Queue: testQueue, Lane: lane, Weight: 2, Entity: e.key}))
				step.AddTask(&entity.Task{Queue: entity.Queue{Namespace: "ns", Type: entity.TaskActivity, Name: "queue2"}, Lane: "other", Entity: e.key})
			}))
		}
		for _, perLane := range []int{1, 2, 100} {
			for _, limit := range []int{1, 3, 1000} {
				got := map[string][]int64{}
				for lanes, more := (entity.LaneRange{To: "b"}), true; more; {
					found, err := w.ReadLanes(t.Context(), testQueue, lanes, perLane, limit)
					w.must(err)
					for _, page := range found.Pages {
						name := page.Lane
						if got[name] != nil {
							t.Errorf("lane %q was read twice", name)
						}
						for _, task := range page.Tasks {
							if task.Lane != name || task.Weight != 2 || task.ID > page.Through {
								t.Errorf("read %+v from lane %q", task, name)
							}
							got[name] = append(got[name], task.ID)
						}
						if page.More {
							rest, _, _, err := w.ReadTasks(t.Context(), testQueue, name, page.Through, 100)
							w.must(err)
							for _, task := range rest {
								got[name] = append(got[name], task.ID)
							}
						}
					}
					lanes.From, more = found.Next, found.More
				}
				for _, name := range []string{"", "a", "a\x00b"} {
					if !slices.Equal(got[name], ids[name]) {
						t.Errorf("%d of a lane, %d in all: lane %q: read %v, want %v", perLane, limit, name, got[name], ids[name])
					}
				}
				if len(got) != 3 {
					t.Errorf("read the lanes %v", got)
				}
			}
		}
	})
}
