package server

import (
	"time"

	"github.com/perdure/perdure/internal/storage/pebble"
)

// countedTimers bounds how many due timers are counted for the log.
const countedTimers = 100_000

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
		s.logger.Warn("The last server on this data directory did not stop in order. What it had written is there, and goes on.", facts...)
	} else {
		s.logger.Debug("The data directory is as the last server left it when it stopped.", append(facts, "stopped", found.Stopped)...)
	}
}
