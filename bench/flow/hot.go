package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// errEnd ends a crowd.
var errEnd = errors.New("the end")

func isEnd(err error) bool { return errors.Is(err, errEnd) }

// hot has many workflows wait for one key, and measures workflows of other keys of the same policy, and starts of that key,
// when few and when many wait.
func hot(ctx context.Context, o *options) error {
	s, gone, err := temporary(o)
	if err != nil {
		return err
	}
	defer gone()
	const policy = "hot"
	if err := s.limit(policy, 1); err != nil {
		return err
	}
	// One of the hot key is let in and never ends: its task is of a queue that nobody polls.
	var mu sync.Mutex
	waiting := make(map[string]chan struct{})
	w := &worker{server: s, done: func(id string) {
		mu.Lock()
		defer mu.Unlock()
		if done := waiting[id]; done != nil {
			close(done)
			delete(waiting, id)
		}
	}}
	round := 0
	measure := func(what string) error {
		round++
		w.start(16)
		defer w.stop()
		var took []time.Duration
		err := crowd(8, 4000, func(c, i int) error {
			id, done := fmt.Sprintf("other-%d-%d", round, i), make(chan struct{})
			mu.Lock()
			waiting[id] = done
			mu.Unlock()
			begin := time.Now()
			if err := start(ctx, s.client(c), id, policy, fmt.Sprintf("key-%d", i)); err != nil {
				return err
			}
			select {
			case <-done:
			case <-ctx.Done():
				return ctx.Err()
			}
			mu.Lock()
			took = append(took, time.Since(begin))
			mu.Unlock()
			return nil
		})
		if err != nil {
			return err
		}
		slices.Sort(took)
		say(what, "p50 %v, p99 %v from the start to the end of workflows of other keys", took[len(took)/2].Round(10*time.Microsecond), took[len(took)*99/100].Round(10*time.Microsecond))
		return nil
	}
	hold := func(from, n int) error {
		begin := time.Now()
		err := crowd(o.clients, n, func(c, i int) error {
			return startOn(ctx, s.client(c), fmt.Sprintf("hot-%d", from+i), policy, "hot", "nobody")
		})
		if err == nil {
			say(fmt.Sprintf("%d more of the hot key", n), "%.0f starts/s, %d MB", float64(n)/time.Since(begin).Seconds(), s.resident())
		}
		return err
	}
	if err := measure("nothing waits"); err != nil {
		return err
	}
	if err := hold(0, 1000); err != nil {
		return err
	}
	if err := measure("1000 wait for one key"); err != nil {
		return err
	}
	const parts = 5
	for part := range parts {
		if err := hold(1000+part*o.workflows/parts, o.workflows/parts); err != nil {
			return err
		}
	}
	if err := measure(fmt.Sprintf("%d wait for one key", o.workflows)); err != nil {
		return err
	}
	_, n, err := s.gate(policy, "hot")
	if err != nil {
		return err
	}
	say("the gate says that so many wait", "%d", n)
	return measure("the same once more")
}

// fair has many workflows of several fairness keys wait at one gate, and says in which shares they are let in.
func fair(ctx context.Context, o *options) error {
	s, gone, err := temporary(o)
	if err != nil {
		return err
	}
	defer gone()
	set := func(n string) error {
		return s.perdure("flow", "set", "--address", s.address, "--name", "fair", "--workflow-type", "fair", "--max-running", n)
	}
	if err := set("0"); err != nil {
		return err
	}
	const tenants, each = 20, 500
	// The tenants come one after the other: the order of arrival would serve the first one first.
	err = crowd(o.clients, tenants*each, func(c, i int) error {
		tenant := i / each
		return start(ctx, s.client(c), fmt.Sprintf("fair-%d-%d", tenant, i%each), "fair", fmt.Sprintf("tenant-%d", tenant))
	})
	if err != nil {
		return err
	}
	served, total := make(map[string]int), 0
	var mu sync.Mutex
	half := make(chan struct{})
	w := &worker{server: s, done: func(id string) {
		var tenant, n int
		_, _ = fmt.Sscanf(id, "fair-%d-%d", &tenant, &n)
		mu.Lock()
		defer mu.Unlock()
		if total < tenants*each/2 {
			served[fmt.Sprint(tenant)]++
			if total++; total == tenants*each/2 {
				close(half)
			}
		}
	}}
	w.start(32)
	defer w.stop()
	if err := set("50"); err != nil {
		return err
	}
	select {
	case <-half:
	case <-ctx.Done():
		return ctx.Err()
	}
	mu.Lock()
	defer mu.Unlock()
	counts := slices.Sorted(maps.Values(served))
	mean := float64(total) / tenants
	say(fmt.Sprintf("%d tenants with %d each, half of all let in", tenants, each), "%d to %d of each, %.1f %% to %+.1f %% from the mean",
		counts[0], counts[len(counts)-1], 100*(float64(counts[0])/mean-1), 100*(float64(counts[len(counts)-1])/mean-1))
	if len(counts) != tenants {
		return fmt.Errorf("only %d tenants were served", len(counts))
	}
	return nil
}
