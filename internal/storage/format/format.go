// Package format numbers the formats of what is in a store, and brings older
// stores up to the present one.
//
// A store has one format version, for everything in it: the layout of its own
// records, the key space of its shards, the records of entities. A store keeps
// the version where nothing else is needed to read it, and before it touches
// anything asks Check:
//
//   - A store of a newer version is refused: this release cannot know what is in
//     it, and would destroy what it does not know.
//   - A store of an older version is brought up to the present one, by one Upgrade
//     after the other, by whoever opens it for writing.
//   - A store from before Oldest is refused. There are none outside of
//     development.
//
// A change of format is made like this: an Upgrade is added to the end of the
// list, which makes the version one greater, and a test runs it on a store that
// the release before has written, or on records made by hand like that one's. Fields
// added to a protobuf record are no change of format: older releases keep what
// they do not know.
//
// An upgrade that was interrupted is run again from its beginning, on a store
// of which a part is changed already; so it must recognise what it has done. From
// its beginning on the store counts as one of the new version, and releases from before
// it are kept out.
package format

import (
	"context"
	"fmt"

	"github.com/perdure/perdure/internal/storage"
)

// Oldest is the first version that there may be data of. Version 1 was that of
// development before the first release.
const Oldest = 2

// upgrades lead from Oldest to the present version: the first one from Oldest to
// Oldest+1, and so on.
var upgrades []Upgrade

// Present is the registry of this release.
func Present() Registry { return Registry{Oldest: Oldest, Upgrades: upgrades} }

// Registry is the formats that a release can read. It is a value so that tests
// can make their own.
type Registry struct {
	// Oldest is the first version that can be upgraded.
	Oldest uint32
	// Upgrades has at index i the one from Oldest+i to Oldest+i+1.
	Upgrades []Upgrade
}

// Upgrade brings the data of a store from one version to the next.
type Upgrade struct {
	// Change says in a few words what has changed, for the log.
	Change string
	// Apply changes one shard. It must be able to run on a shard where an earlier
	// run was interrupted.
	Apply func(ctx context.Context, shard Shard) error
}

// Shard is a shard that is being upgraded. Nobody else uses the store.
type Shard interface {
	// Scan is storage.Store.Scan. What is written meanwhile may be seen or not.
	Scan(ctx context.Context, r storage.Range, visit func(key, value []byte) bool) error
	// Write applies a batch at once. The batch can be reused afterwards. Before the
	// version is raised everything is synced.
	Write(batch *storage.Batch) error
}

// Version is the version that the release writes.
func (r Registry) Version() uint32 { return r.Oldest + uint32(len(r.Upgrades)) }

// Check reports whether a store of the version can be opened, and whether it
// has to be upgraded first. The error says what to do.
func (r Registry) Check(version uint32) (upgrade bool, err error) {
	switch {
	case version > r.Version():
		return false, fmt.Errorf("its data have format %d, and this release reads formats up to %d: use the release that wrote them, or a newer one",
			version, r.Version())
	case version < r.Oldest:
		return false, fmt.Errorf("its data have format %d, and this release reads formats from %d on: they were written by a development version, "+
			"and cannot be converted; begin with a new directory", version, r.Oldest)
	}
	return version < r.Version(), nil
}

// Path is the upgrades from the version to the present one, in order.
func (r Registry) Path(version uint32) []Upgrade { return r.Upgrades[version-r.Oldest:] }
