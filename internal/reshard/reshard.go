// Package reshard changes the number of shards of the store of a stopped server.
//
// Entities are spread over the shards by a hash of their keys, and everything an
// entity owns is in its shard: records, timers, tasks, messages it has sent,
// entries of the change log. So a resharding puts every pair into the shard
// of its owner among the new ones, keys, values and numbers as they are:
//
//	survey   read all pairs, find the owner of each, count and sum up by key space.
//	         Nothing is written: a pair that has no owner is known before
//	copy     write all pairs anew (see the file reshard.go of package pebble)
//	verify   survey the copy: it must have the same counts and sums, and every pair
//	         must be in the shard of its owner
//	switch   one atomic write makes the copy the store
//	reclaim  the old pairs are removed from the disk
//
// Killed anywhere before the switch, it is gone on with by being started again, or
// taken back by being started with the old number; after it, it is done. Memory
// is bounded by one batch, whatever the size of the store.
//
// Each new shard begins with the latest clock of all old ones, so its time
// and its numbers go on above all that were given; epochs do not go down either.
// Who follows the change log of a shard must begin anew after a resharding:
// entries have moved between shards. The index of visibility is removed for that: the
// next server builds it anew.
package reshard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/pebble"
	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/sqlite"
)

// Options are the settings of a resharding. Dir and Shards are required.
type Options struct {
	// Dir is the data directory.
	Dir string
	// Shards is the new number of shards, from 1 to pebble.MaxShards. The present
	// number takes back a resharding that was begun.
	Shards int
	// Progress is called now and then while pairs are read or written. Optional.
	Progress func(Progress)
	// Logger gets warnings and errors; slog.Default if nil.
	Logger *slog.Logger

	// store are further settings of the store, for tests.
	store pebble.Options
}

// Phase is a part of a resharding.
type Phase string

// The phases in which there is progress, in order.
const (
	Survey Phase = "survey"
	Copy   Phase = "copy"
	Verify Phase = "verify"
)

// Progress is how far a phase is.
type Progress struct {
	Phase Phase
	// Done and Total are bytes in keys and values; Total is 0 as long as it is not
	// known.
	Done, Total int64
}

// Report is what a resharding has done.
type Report struct {
	// Outcome says what has become of the store.
	Outcome Outcome
	// From and To are numbers of shards.
	From, To int
	// Resumed: an earlier resharding had been interrupted; Kept is how many pairs
	// it had copied.
	Resumed bool
	Kept    int64
	// Before and After are what is in the store. They are equal, but for the
	// spread over shards. After is nil if nothing was copied.
	Before, After *Census
	// DiskBefore, DiskAfter are bytes on disk.
	DiskBefore, DiskAfter uint64
	Took                  time.Duration
}

// Outcome is what has become of a store.
type Outcome string

const (
	// Resharded: it has the new number of shards.
	Resharded Outcome = "resharded"
	// TakenBack: a resharding that was begun is undone.
	TakenBack Outcome = "taken back"
	// Unchanged: it had that number of shards already.
	Unchanged Outcome = "unchanged"
)

// Run changes the number of shards. After an error the store is what it was, or
// has been begun to be resharded; then the error says so. A context that ends is
// such an error.
func Run(ctx context.Context, options Options) (report *Report, err error) {
	if options.Shards < 1 || options.Shards > pebble.MaxShards {
		return nil, fmt.Errorf("a store can have from 1 to %d shards, not %d", pebble.MaxShards, options.Shards)
	}
	if options.Progress == nil {
		options.Progress = func(Progress) {}
	}
	start := time.Now()
	opts := options.store
	opts.Logger = options.Logger
	store, err := pebble.OpenStopped(options.Dir, opts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	j := &job{options: options, report: &Report{From: store.Shards(), To: options.Shards}}
	if err := j.run(ctx, store); err != nil {
		return nil, err
	}
	j.report.Took = time.Since(start)
	return j.report, nil
}

type job struct {
	options Options
	report  *Report
	clocks  runtime.Clocks
}

func (j *job) run(ctx context.Context, store *pebble.Stopped) (err error) {
	r := j.report
	underway := store.Resharding()
	if r.From == r.To && underway == 0 {
		r.Outcome = Unchanged
		return nil
	}
	used, free, err := store.Disk()
	if err != nil {
		return err
	}
	r.DiskBefore = used
	if r.From != r.To {
		if r.Before, err = j.survey(ctx, Survey, r.From, 0, store.Scan); err != nil {
			return fmt.Errorf("%w: nothing was changed", err)
		}
		if err := checkSpace(used, free, underway != 0); err != nil {
			return err
		}
	}
	target, err := store.Reshard(r.To)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if r.From == r.To {
		r.Outcome = TakenBack
		return j.end(ctx, target, target.Abandon())
	}
	r.Kept, _ = target.Copied()
	r.Resumed = underway == r.To
	if err := j.copy(ctx, target); err != nil {
		return j.broken(err)
	}
	if r.After, err = j.survey(ctx, Verify, r.To, r.Before.Bytes(), target.Scan); err != nil {
		return j.broken(err)
	}
	if err := r.Before.compare(r.After); err != nil {
		return errors.Join(fmt.Errorf("the copy is not what was copied (%w): nothing was changed; "+
			"check the disk and the memory of this machine, then try again", err), target.Abandon())
	}
	var common []pebble.Pair
	if key, value, ok := j.clocks.Latest(); ok {
		common = append(common, pebble.Pair{Key: key, Value: value})
	}
	// The index of visibility counts by the shards there were. A server builds it anew.
	if err := sqlite.Remove(filepath.Join(j.options.Dir, visibility.Dir)); err != nil {
		return j.broken(err)
	}
	r.Outcome = Resharded
	return j.end(ctx, target, target.Finish(common))
}

// end gives back the space of what is not needed any more. The resharding is done
// by then, so what goes wrong is no error of it, and the context has no say in it but
// to cut it short.
func (j *job) end(ctx context.Context, target *pebble.Reshard, err error) error {
	if err != nil {
		return err
	}
	if err := target.Reclaim(ctx); err != nil {
		cmp.Or(j.options.Logger, slog.Default()).Warn("Space could not be given back; the next server does it in the background.", "error", err)
	}
	j.report.DiskAfter = target.Disk()
	return nil
}

// broken says how it goes on after an error of a resharding that was begun.
func (j *job) broken(err error) error {
	return fmt.Errorf("%w: the store is in the middle of a resharding, of which nothing is lost: run the command again to go on, "+
		"or with --shards %d to take it back", err, j.report.From)
}

func (j *job) copy(ctx context.Context, target *pebble.Reshard) error {
	total := j.report.Before.Bytes()
	place := func(key, value []byte) (storage.ShardID, bool, error) {
		owner, owned, err := runtime.Owner(key, value)
		if err != nil || !owned {
			return 0, false, err
		}
		return runtime.ShardOf(owner, storage.Fixed(j.options.Shards)), true, nil
	}
	progress := func() {
		_, done := target.Copied()
		j.options.Progress(Progress{Phase: Copy, Done: done, Total: total})
	}
	progress()
	return target.Copy(ctx, place, progress)
}

// spare is what a store may grow by for reasons of its own while it is copied.
const spare = 64 << 20

// checkSpace fails if the copy might not fit on the disk. A copy takes as much as
// the store, and for a while, before its tables are merged, up to twice that. Of one
// that was begun it is not known how much is there already; it is taken for
// half of the store.
func checkSpace(used, free uint64, begun bool) error {
	need := 2*used + spare
	if begun {
		need = used + spare
	}
	if free == 0 || free >= need {
		return nil
	}
	return fmt.Errorf("there is not enough space on the disk: the store has %s, its copy may need %s for a while, and %s are free: "+
		"free %s, or move the directory to a larger disk; nothing was changed", size(used), size(need), size(free), size(need-free))
}

func size(bytes uint64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
