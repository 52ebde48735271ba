package pebble

import (
	"encoding/binary"
	"errors"
	"time"

	cockroach "github.com/cockroachdb/pebble/v2"

	"github.com/perdure/perdure/internal/storage"
)

// A store that is closed in order says so, in a key that Open takes away again. Other
// releases pass it over.

// Recovery is what Open has found of the life of the store before.
type Recovery struct {
	// Fresh: there was no store; it has been created.
	Fresh bool
	// Stopped is when the store was closed in order. It is zero if it was not: the
	// process was killed, the machine has crashed, or a release before this one was the
	// last to have it open.
	Stopped time.Time
	// LogBytes is how much of the logs had to be read again: what was written last, and not
	// yet sorted into tables.
	LogBytes int64
}

// Recovered is what Open has found.
func (s *Store) Recovered() Recovery { return s.recovery }

// readStopped reads when the store was closed in order, and takes that away. It need not
// be synced: any commit that is comes later in the log.
func (s *Store) readStopped() error {
	value, err := get(s.db, stoppedKey())
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(value) == 8 {
		s.recovery.Stopped = time.Unix(0, int64(binary.BigEndian.Uint64(value)))
	}
	return s.db.Delete(stoppedKey(), cockroach.NoSync)
}

// writeStopped notes that the store is being closed in order.
func (s *Store) writeStopped() error {
	return s.db.Set(stoppedKey(), binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixNano())), cockroach.Sync)
}
