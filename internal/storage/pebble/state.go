package pebble

import (
	"errors"
	"fmt"

	cockroach "github.com/cockroachdb/pebble/v2"

	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/format"
)

// state is what a database says about itself as a store.
type state struct {
	// fresh: there is nothing in it, not even a header.
	fresh  bool
	header header
	// upgrade: the data have to be upgraded from header.upgradeFrom.
	upgrade bool
	// reshard is the resharding under way, nil if there is none.
	reshard *reshardRecord
	epochs  []uint64 // by shard; 0 if it was never acquired
}

// readState reads the state of a database, and refuses what is no store, or one
// that this release cannot read. It does not write.
func readState(db *cockroach.DB, formats format.Registry) (*state, error) {
	value, err := get(db, headerKey())
	if errors.Is(err, storage.ErrNotFound) {
		return &state{fresh: true}, checkFresh(db)
	}
	if err != nil {
		return nil, fmt.Errorf("read the header: %w", err)
	}
	s := new(state)
	version, err := headerVersion(value)
	if err != nil {
		return nil, err
	}
	if _, err := formats.Check(version); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if s.header, err = decodeHeader(value); err != nil {
		return nil, err
	}
	if s.upgrade, err = formats.Check(s.header.upgradeFrom); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	s.epochs = make([]uint64, s.header.shards)
	for id := range s.epochs {
		value, err := get(db, epochKey(storage.ShardID(id)))
		if errors.Is(err, storage.ErrNotFound) {
			continue // never acquired
		}
		if err != nil {
			return nil, fmt.Errorf("read the epoch of shard %d: %w", id, err)
		}
		if s.epochs[id], err = decodeEpoch(value); err != nil {
			return nil, fmt.Errorf("shard %d: %w", id, err)
		}
	}
	value, err = get(db, reshardKey())
	if errors.Is(err, storage.ErrNotFound) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read how far a resharding is: %w", err)
	}
	s.reshard, err = decodeReshard(value)
	return s, err
}

// checkFresh fails if there is anything in a database without a header.
func checkFresh(db *cockroach.DB) error {
	iter, err := db.NewIter(nil)
	if err != nil {
		return err
	}
	foreign := iter.First()
	if err := errors.Join(iter.Error(), iter.Close()); err != nil {
		return misread(err)
	}
	if foreign {
		return fmt.Errorf("%w: it holds a Pebble database of something else: choose another directory", ErrFormat)
	}
	return nil
}

// get is db.Get with a value of the caller's own, and the error of package
// storage for a key that is not there.
func get(db *cockroach.DB, key []byte) ([]byte, error) {
	value, closer, err := db.Get(key)
	if errors.Is(err, cockroach.ErrNotFound) {
		return nil, storage.ErrNotFound
	}
	if err != nil {
		return nil, misread(err)
	}
	owned := append([]byte{}, value...)
	return owned, closer.Close()
}
