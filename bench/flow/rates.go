package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// temporary starts a server on a directory that is gone when the function returned is called.
func temporary(o *options) (*server, func(), error) {
	dir, err := os.MkdirTemp("", "perdure-flow")
	if err != nil {
		return nil, nil, err
	}
	s, err := startServer(o.binary, filepath.Join(dir, "data"), false)
	if err != nil {
		os.RemoveAll(dir)
		return nil, nil, err
	}
	return s, func() { s.stop(); os.RemoveAll(dir) }, nil
}

// kind is a way to start workflows that has its turns.
type kind struct {
	name string
	// policy is the type of the workflows; one with the name has a policy, if limit is not negative.
	policy string
	limit  int
	keys   int

	rates, cpus []float64
	p50s        []time.Duration
}

// turn starts workflows for a while.
func (k *kind) turn(ctx context.Context, s *server, clients int, length time.Duration) error {
	until, before := time.Now().Add(length), s.cpu()
	var n atomic.Int64
	var mu sync.Mutex
	var took []time.Duration
	err := crowd(clients, 1<<30, func(c, i int) error {
		if time.Now().After(until) {
			return errEnd
		}
		begin := time.Now()
		err := start(ctx, s.client(c), uuid.NewString(), k.policy, fmt.Sprintf("key-%d", i%k.keys))
		if err != nil {
			return err
		}
		n.Add(1)
		mu.Lock()
		took = append(took, time.Since(begin))
		mu.Unlock()
		return nil
	})
	if err != nil && !isEnd(err) {
		return err
	}
	for settled := false; !settled; { // what follows the starts is theirs, too
		was := s.cpu()
		time.Sleep(150 * time.Millisecond)
		settled = s.cpu()-was <= 20*time.Millisecond
	}
	slices.Sort(took)
	k.rates = append(k.rates, float64(n.Load())/length.Seconds())
	k.cpus = append(k.cpus, float64((s.cpu()-before).Microseconds())/float64(n.Load()))
	k.p50s = append(k.p50s, took[len(took)/2])
	return nil
}

func median[T float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// rates compares starts without a policy with those under one, by turns.
func rates(ctx context.Context, o *options) error {
	s, gone, err := temporary(o)
	if err != nil {
		return err
	}
	defer gone()
	kinds := []*kind{
		{name: "no policy", policy: "free", limit: -1, keys: 1000},
		{name: "under a policy, let in at once", policy: "open", limit: 1_000_000, keys: 1000},
		{name: "under a policy, all wait", policy: "closed", limit: 0, keys: 1000},
		{name: "under a policy, all wait for one key", policy: "one", limit: 0, keys: 1},
	}
	for _, k := range kinds {
		if k.limit >= 0 {
			if err := s.limit(k.policy, k.limit); err != nil {
				return err
			}
		}
		if err := k.turn(ctx, s, o.clients, o.turn); err != nil { // to be warm
			return err
		}
		k.rates, k.cpus, k.p50s = nil, nil, nil
	}
	for round := range o.rounds {
		for i := range kinds {
			if err := kinds[(i+round)%len(kinds)].turn(ctx, s, o.clients, o.turn); err != nil {
				return err
			}
		}
	}
	for _, k := range kinds {
		say(k.name, "%6.0f starts/s (%.3f)  p50 %v  %.0f us of CPU for each (%.3f)", median(k.rates), median(k.rates)/median(kinds[0].rates),
			median(k.p50s).Round(10*time.Microsecond), median(k.cpus), median(k.cpus)/median(kinds[0].cpus))
	}
	return nil
}
