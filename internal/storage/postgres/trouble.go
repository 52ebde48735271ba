package postgres

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

const (
	// complainEvery is how often it is logged that a database does not take writes.
	complainEvery = 10 * time.Second
	// troubleAfter is for how long it has not before Trouble says so.
	troubleAfter = 2 * time.Second
)

// trouble logs that a database does not take writes: at once, now and then, and when it is over.
type trouble struct {
	log      *slog.Logger
	database string
	since    time.Time // zero if there is none
	last     time.Time // when it was logged
	// cause is why, once it has lasted for troubleAfter.
	cause atomic.Pointer[error]
}

func (t *trouble) complain(err error) {
	now := time.Now()
	if t.since.IsZero() {
		t.since = now
	}
	if now.Sub(t.since) > troubleAfter {
		t.cause.Store(&err)
	}
	if now.Sub(t.last) < complainEvery {
		return
	}
	t.last = now
	t.log.Warn("The database does not take writes; they wait, and are tried again", "database", t.database, "since", now.Sub(t.since).Round(time.Millisecond), "error", err)
}

func (t *trouble) over() {
	if t.since.IsZero() {
		return
	}
	t.log.Info("The database takes writes again", "database", t.database, "after", time.Since(t.since).Round(time.Millisecond))
	t.since, t.last = time.Time{}, time.Time{}
	t.cause.Store(nil)
}

// Trouble is why a database has not taken writes for some seconds, as of the last try; nil if all do, or nobody writes. It
// passes: the writes wait, and are tried again.
func (s *Store) Trouble() error {
	for _, d := range s.dbs {
		for _, w := range d.writers {
			if cause := w.trouble.cause.Load(); cause != nil {
				return fmt.Errorf("the database %s does not take writes: %w", d.name, *cause)
			}
		}
	}
	return nil
}
