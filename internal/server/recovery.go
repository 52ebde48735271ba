package server

import (
	"context"
	"math"
	"time"

	"github.com/perdure/perdure/internal/storage/pebble"
	"github.com/perdure/perdure/internal/visibility/query"
)

// countedTimers bounds how many due timers are counted for the log.
const countedTimers = 100_000

// countingOpen is how long the start of a server waits for the number of open workflows,
// which the index does not know at once if it has much to catch up with.
const countingOpen = time.Second

// indexPause is how long it waits before it asks an index again that is being built.
const indexPause = 10 * time.Millisecond

// tellRecovery writes one line about what the server has found in a store that is not
// new: a warning if the last server on it did not stop in order, for debugging else. It
// reads next to nothing. began is when the start began.
func (s *Server) tellRecovery(began time.Time) {
	store, ok := s.store.(*pebble.Store)
	if !ok || store.Recovered().Fresh {
		return
	}
	found := store.Recovered()
	facts := []any{"shards", store.Shards(), "replayed_bytes", found.LogBytes, "due_timers", s.runtime.DueAtOpen(), "took", time.Since(began).Round(time.Millisecond)}
	if found.Stopped.IsZero() {
		if open, ok := s.openWorkflows(); ok {
			facts = append(facts, "open_workflows", open)
		}
		s.logger.Warn("The last server on this data directory did not stop in order. What it had written is there, and goes on.", facts...)
	} else {
		s.logger.Debug("The data directory is as the last server left it when it stopped.", append(facts, "stopped", found.Stopped)...)
	}
}

// openWorkflows counts the workflows that have not closed, in all namespaces; ok is false if
// the index cannot tell soon.
func (s *Server) openWorkflows() (open int64, ok bool) {
	ctx, cancel := context.WithTimeout(context.Background(), countingOpen)
	defer cancel()
	running, err := query.Parse(`ExecutionStatus IN ("Running", "Paused")`, query.Attributes{})
	if err != nil {
		return 0, false
	}
	for _, ns := range s.namespaces.List("", math.MaxInt, true) {
		groups, err := s.visibility.Count(ctx, ns.ID, running)
		for err != nil && ctx.Err() == nil { // the index is being built
			time.Sleep(indexPause)
			groups, err = s.visibility.Count(ctx, ns.ID, running)
		}
		if err != nil {
			return 0, false
		}
		for _, group := range groups {
			open += group.Count
		}
	}
	return open, true
}
