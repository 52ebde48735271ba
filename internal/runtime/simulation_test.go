package runtime_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/runtime"
)

// TestSimulatedCrashesLoseNothing lets many clients work on entities, with a
// matching and workers, while the store is crashed again and again at random
// moments, and looks in the end whether everything that was acknowledged is there:
// increments, timers (all fired), messages (all received, in order), tasks (all
// offered to a worker). Some lives are of a build that does not know all messages, and in half of the seeds shards are split
// all the while.
func TestSimulatedCrashesLoseNothing(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { simulate(t, seed) })
		})
	}
}

// ledger is what has been acknowledged of one entity.
type ledger struct {
	increments, timers int64
	sent, joined       map[string]int64
	tasks              map[int64]bool // not completed
}

type simulation struct {
	*world
	tasks *matching.Matching

	mu      sync.Mutex
	ledgers map[string]*ledger
	offered map[int64]int
}

func simulate(t *testing.T, seed uint64) {
	const entities, clients, lives = 12, 8, 5
	rng := rand.New(rand.NewPCG(seed, 1))
	s := &simulation{ledgers: map[string]*ledger{}}
	for i := range entities {
		s.ledgers[simulatedID(i)] = &ledger{sent: map[string]int64{}, joined: map[string]int64{}, tasks: map[int64]bool{}}
	}
	splits := seed%2 == 1
	memory, lanes := []int{4, 1000}[rng.IntN(2)], []int{2, 1000}[rng.IntN(2)]
	start := func(knows int64) {
		s.offered = map[int64]int{}
		s.tasks = matching.New(matching.Options{MemoryLimit: memory, LaneLimit: lanes, Logger: slog.New(slog.DiscardHandler)})
		if s.world == nil {
			s.world = newWorld(t, func(o *runtime.Options) {
				o.Tasks = s.tasks
				o.CacheBytes = 4000 // a few entities
			})
			s.store.latency = time.Millisecond
		} else {
			s.machine.knows.Store(knows)
			s.options.Tasks = s.tasks
			s.open()
		}
		s.tasks.Attach(s.Runtime)
	}
	for range lives {
		start(int64(1 + rng.IntN(4)))
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for range clients {
			seed := rng.Uint64()
			running.Go(func() { s.client(ctx, rand.New(rand.NewPCG(seed, 2)), entities) })
		}
		running.Go(func() { s.worker(ctx) })
		if splits {
			seed := rng.Uint64()
			running.Go(func() { s.splitter(ctx, rand.New(rand.NewPCG(seed, 3)), 20) })
		}
		time.Sleep(time.Duration(rng.IntN(int(200 * time.Millisecond))))
		old := s.store
		s.store = old.crash(rng)
		stop()
		running.Wait()
		s.tasks.Close()
		_ = s.Close(t.Context()) // it may find only now that the store has failed
		old.Close()
	}
	// A last life in which all that is left can happen.
	start(0)
	ctx, stop := context.WithCancel(t.Context())
	go s.worker(ctx)
	time.Sleep(2 * time.Hour)
	synctest.Wait()
	stop()
	synctest.Wait()
	s.check(t)
	s.tasks.Close()
	s.close()
}

func simulatedID(n int) string {
	if n%2 == 0 {
		return fmt.Sprint(n)
	}
	return fmt.Sprint(n, " in a lane")
}

// client does random things to random entities and notes what is acknowledged.
func (s *simulation) client(ctx context.Context, rng *rand.Rand, entities int) {
	for ctx.Err() == nil {
		if rng.IntN(4) == 0 {
			time.Sleep(time.Duration(rng.IntN(int(5 * time.Millisecond))))
		}
		id, other := simulatedID(rng.IntN(entities)), simulatedID(rng.IntN(entities))
		increment, timer, send := rng.IntN(2) == 0, rng.IntN(3) == 0, rng.IntN(2) == 0
		add, complete, lazy := rng.IntN(2) == 0, rng.IntN(4) == 0, rng.IntN(8) == 0
		joins := []string{simulatedID(rng.IntN(entities)), simulatedID(rng.IntN(entities))}[:max(0, rng.IntN(6)-3)]
		after := []time.Duration{time.Millisecond, time.Second, 7 * time.Minute, time.Hour}[rng.IntN(4)]
		name := fmt.Sprint(rng.Uint64())
		var added, completed, sent int64
		joined := map[string]int64{}
		s.mu.Lock()
		for task := range s.ledgers[id].tasks {
			completed = task
			break
		}
		if complete && completed != 0 {
			delete(s.ledgers[id].tasks, completed) // whether it is acknowledged or not
		} else {
			completed = 0
		}
		s.mu.Unlock()
		err := s.Step(ctx, toyKey(id), func(step *entity.Step, e entity.Entity) error {
			a := e.(*toy)
			if increment {
				a.increment(step)
			}
			if timer {
				a.setTimer(step, name, step.Now.Add(after))
			}
			if send {
				a.send(step, toyKey(other))
				sent = a.sent[string(toyKey(other).Encode(nil))]
			}
			if add {
				added = a.addTask(step, testQueue)
			}
			if completed != 0 && a.tasks[completed] {
				a.completeTask(step, testQueue, completed)
			}
			for _, with := range joins {
				// Those that have others take part are never of a kind that those have take part, or two wait for each other.
				if with > id && a.join(step, toyKey(with)) != nil {
					joined[with] = a.joined[string(toyKey(with).Encode(nil))]
				}
			}
			if lazy {
				step.Lazy()
			}
			return nil
		})
		if err != nil || lazy && len(joined) == 0 {
			continue // a lazy step may be lost
		}
		s.mu.Lock()
		l := s.ledgers[id]
		if increment {
			l.increments++
		}
		if timer {
			l.timers++
		}
		for with, n := range joined {
			l.joined[with] = max(l.joined[with], n)
		}
		if send {
			l.sent[other] = max(l.sent[other], sent)
		}
		if add {
			l.tasks[added] = true
		}
		s.mu.Unlock()
	}
}

// worker polls and notes what it is offered; it completes nothing.
func (s *simulation) worker(ctx context.Context) {
	for ctx.Err() == nil {
		work, err := s.tasks.Poll(ctx, matching.PollRequest{Queue: testQueue, Identity: "worker"})
		if err != nil {
			return
		}
		if work != nil {
			s.mu.Lock()
			s.offered[work.Task.ID]++
			s.mu.Unlock()
		}
	}
}

func (s *simulation) check(t *testing.T) {
	for id, l := range s.ledgers {
		s.view(id, func(e *toy) {
			if e.count < l.increments {
				t.Errorf("%s: %d increments were acknowledged, %d are there", id, l.increments, e.count)
			}
			if e.fired < l.timers || len(e.timers) > 0 {
				t.Errorf("%s: %d timers were acknowledged, %d have fired, %d have not", id, l.timers, e.fired, len(e.timers))
			}
			for other, n := range l.sent {
				if got := e.sent[string(toyKey(other).Encode(nil))]; got < n {
					t.Errorf("%s: %d messages to %s were acknowledged, %d are there", id, n, other, got)
				}
			}
			for other, n := range l.joined {
				if got := e.joined[string(toyKey(other).Encode(nil))]; got < n {
					t.Errorf("%s: %d steps with %s were acknowledged, %d are there", id, n, other, got)
				}
			}
			for task := range l.tasks {
				if !e.tasks[task] {
					t.Errorf("%s: task %d was acknowledged and is not there", id, task)
				}
			}
			for task := range e.tasks {
				if s.offered[task] == 0 {
					t.Errorf("%s: task %d was not offered", id, task)
				}
			}
		})
	}
	for to := range s.ledgers {
		for from := range s.ledgers {
			var sent int64
			s.view(from, func(e *toy) { sent = e.sent[string(toyKey(to).Encode(nil))] })
			var one, other int64
			s.view(from, func(e *toy) { one = e.joined[string(toyKey(to).Encode(nil))] })
			s.view(to, func(e *toy) { other = e.joined[string(toyKey(from).Encode(nil))] })
			if one != other {
				t.Errorf("%s and %s took part in %d steps, says the one, and %d, the other", from, to, one, other)
			}
			if got := s.received(to, from); got != sent {
				t.Errorf("%s sent %d messages to %s, which has %d", from, sent, to, got)
			}
		}
	}
	found, err := s.ReadLanes(t.Context(), testQueue, entity.LaneRange{}, 1_000_000, 1_000_000)
	s.must(err)
	if len(found.Pages) == 0 {
		t.Error("no task is stored")
	}
	for _, page := range found.Pages {
		if !slices.IsSortedFunc(page.Tasks, func(a, b *entity.Task) int { return cmp.Compare(a.ID, b.ID) }) {
			t.Error("tasks are read out of order")
		}
	}
	if late := s.store.aboveBound(); late != "" {
		t.Error(late)
	}
	if wrong := s.store.misplaced(); wrong != "" {
		t.Error(wrong)
	}
	if n, m := s.store.count('o'), s.store.count('t'); n+m > 0 {
		t.Errorf("%d messages and %d timers are left in the store", n, m)
	}
}
