package reclaim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/storage"
)

// fake is a runtime, the entities in it, and what is known of their namespaces.
type fake struct {
	mu         sync.Mutex
	entities   map[entity.Key]*thing
	namespaces map[string]*namespace.Namespace
	changed    chan struct{}
	emptied    []string // ids
	applied    []time.Duration
	walks      int // reads from the beginning of a kind
}

// thing is an entity.
type thing struct {
	entity.Entity
	steps    int // it takes to be removed
	fails    []error
	retained int
}

func (x *thing) act() error {
	if len(x.fails) == 0 {
		return nil
	}
	err := x.fails[0]
	x.fails = x.fails[1:]
	return err
}

func (x *thing) Purge(*entity.Step) (bool, error) {
	if err := x.act(); err != nil {
		return false, err
	}
	x.steps--
	return x.steps > 0, nil
}

func (x *thing) Retain(*entity.Step) error {
	if err := x.act(); err != nil {
		return err
	}
	x.retained++
	return nil
}

func newFake(ids ...string) *fake {
	f := &fake{entities: make(map[entity.Key]*thing), namespaces: make(map[string]*namespace.Namespace), changed: make(chan struct{}, 1)}
	for _, id := range ids {
		f.entities[thingKey(id)] = &thing{steps: 1}
	}
	return f
}

func thingKey(id string) entity.Key {
	return entity.Key{Kind: entity.KindWorkflow, Namespace: "ns", ID: id}
}

func (f *fake) Shards() []storage.ShardID { return []storage.ShardID{0} }

func (f *fake) ReadKeys(_ context.Context, _ storage.ShardID, kind entity.Kind, ns string, after entity.Key, limit int) ([]entity.Key, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if after == (entity.Key{}) {
		f.walks++
	}
	var keys []entity.Key
	for key := range f.entities {
		if key.Kind == kind && key.Namespace == ns && key.ID > after.ID {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b entity.Key) int { return slices.Compare([]byte(a.ID), []byte(b.ID)) })
	return keys[:min(limit, len(keys))], len(keys) > limit, nil
}

func (f *fake) Step(_ context.Context, key entity.Key, fn func(*entity.Step, entity.Entity) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.entities[key]
	if x == nil {
		return errors.New("there is no such thing")
	}
	err := fn(nil, x)
	if x.steps <= 0 {
		delete(f.entities, key)
	}
	return err
}

func (f *fake) Unfinished() []*namespace.Namespace {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Collect(maps.Values(f.namespaces))
}

func (f *fake) UnfinishedChanged() <-chan struct{} { return f.changed }

func (f *fake) Emptied(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.emptied = append(f.emptied, id)
	delete(f.namespaces, id)
	return nil
}

func (f *fake) RetentionApplied(_ context.Context, id string, retention time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.applied = append(f.applied, retention)
	delete(f.namespaces, id)
	return nil
}

// tell has something to be done for the namespace.
func (f *fake) tell(ns *namespace.Namespace) {
	f.mu.Lock()
	f.namespaces[ns.ID] = ns
	f.mu.Unlock()
	f.changed <- struct{}{}
}

// start starts a Reclaimer that ends with the test.
func (f *fake) start(t *testing.T) {
	r := Start(Options{
		Runtime: f, Namespaces: f, Logger: slog.New(slog.DiscardHandler), Rate: func() int { return 100 },
		Kinds: []entity.Kind{entity.KindWorkflow, entity.KindTaskQueue}, Retained: []entity.Kind{entity.KindWorkflow},
	})
	t.Cleanup(r.Close)
}

// pass lets time pass, and what is due in it be done.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

var (
	deleting = &namespace.Namespace{ID: "ns", Name: "orders-deleted", Deleting: true}
	shorter  = &namespace.Namespace{ID: "ns", Name: "orders", Retention: time.Hour, RetentionShortened: true}
)

func TestADeletedNamespaceIsEmptied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		for i := range 2*pageSize + 1 {
			f.entities[thingKey(fmt.Sprintf("%05d", i))] = &thing{steps: 1 + i%3}
		}
		other := entity.Key{Kind: entity.KindWorkflow, Namespace: "other", ID: "w"}
		f.entities[other] = &thing{}
		f.entities[entity.Key{Kind: entity.KindTaskQueue, Namespace: "ns", ID: "q"}] = &thing{steps: 1}
		f.start(t)
		synctest.Wait()
		f.tell(deleting)
		pass(time.Hour)
		if len(f.entities) != 1 || f.entities[other] == nil {
			t.Errorf("%d entities are left", len(f.entities))
		}
		if !slices.Equal(f.emptied, []string{"ns"}) {
			t.Errorf("empty are %v", f.emptied)
		}
	})
}

func TestADeletionIsGoneOnWithFromTheStartOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("a", "b")
		f.namespaces["ns"] = deleting
		f.start(t)
		pass(time.Hour)
		if len(f.entities) > 0 || len(f.emptied) != 1 {
			t.Errorf("left are %v, empty %v", f.entities, f.emptied)
		}
	})
}

func TestWhatResistsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("a", "b", "c")
		f.entities[thingKey("a")].fails = []error{entity.ErrPurgeLater, entity.ErrPurgeLater}
		f.entities[thingKey("b")].fails = []error{errors.New("unavailable")}
		f.namespaces["ns"] = deleting
		f.start(t)
		pass(500 * time.Millisecond)
		f.mu.Lock()
		if len(f.emptied) > 0 || len(f.entities) != 2 {
			t.Errorf("left are %v, empty %v", f.entities, f.emptied)
		}
		f.mu.Unlock()
		pass(time.Hour)
		if len(f.entities) > 0 || len(f.emptied) != 1 {
			t.Errorf("left are %v, empty %v", f.entities, f.emptied)
		}
	})
}

func TestAShorterRetentionIsAppliedToAllThatIsRetained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("a", "b")
		f.entities[thingKey("a")].fails = []error{errors.New("unavailable")}
		f.start(t)
		f.tell(shorter)
		pass(time.Hour)
		for key, x := range f.entities {
			if x.retained == 0 {
				t.Errorf("%v has not been told", key)
			}
		}
		if !slices.Equal(f.applied, []time.Duration{time.Hour}) || len(f.entities) != 2 {
			t.Errorf("applied are %v, and there are %v", f.applied, f.entities)
		}
	})
}

func TestNothingIsLookedAtWhenThereIsNothingToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("a")
		f.start(t)
		pass(24 * time.Hour)
		f.changed <- struct{}{}
		pass(24 * time.Hour)
		if f.walks > 0 {
			t.Errorf("%d walks", f.walks)
		}
	})
}

func TestAWalkEndsWithTheReclaimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		for i := range 1000 {
			f.entities[thingKey(fmt.Sprintf("%05d", i))] = &thing{steps: 1}
		}
		f.namespaces["ns"] = deleting
		f.start(t)
		pass(100 * time.Millisecond)
		// The cleanup closes it: a walk that went on would be a deadlock.
		if n := len(f.entities); n == 0 || n == 1000 {
			t.Errorf("%d entities are left", n)
		}
	})
}
