package verify

import (
	"bytes"
	"context"
	"errors"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/storage"
)

// tally compares the timers and tasks of a shard with those that the records of its entities name.
// Each that is named is looked up. If all are there, and there are as many as are named, there
// are no others; so only if there are more are they looked at one by one.
type tally struct {
	job   *job
	shard storage.ShardID
	// seen are the timers and tasks of entities that account for them, named those that are named
	// and were found.
	seen, named int64
	// unsure: what an entity names could not be read.
	unsure bool
}

var (
	errNoTimer    = errors.New("a timer of it is missing: what is to happen by itself does not")
	errNoTask     = errors.New("a task of it is missing: no worker is going to get it")
	errStrayTimer = errors.New("a timer is set that none of its records knows of")
	errStrayTask  = errors.New("a task is there that none of its records knows of")
)

// see notes a pair of the shard.
func (t *tally) see(key []byte, owner entity.Key) {
	if (runtime.IsTimer(key) || runtime.IsTask(key)) && t.accountable(owner) != nil {
		t.seen++
	}
}

func (t *tally) accountable(owner entity.Key) entity.Accountable {
	accountable, _ := t.job.options.Machines[owner.Kind].(entity.Accountable)
	return accountable
}

// expect looks up what the records of an entity name.
func (t *tally) expect(ctx context.Context, owner entity.Key, timers []entity.Timer, tasks []entity.TaskRef) error {
	for key, missing := range namedKeys(owner, timers, tasks) {
		_, err := t.job.store.Get(ctx, t.shard, []byte(key))
		switch {
		case err == nil:
			t.named++
		case errors.Is(err, storage.ErrNotFound):
			t.job.problem(t.shard, owner, missing)
		default:
			return err
		}
	}
	return nil
}

// namedKeys are the keys of timers and tasks, with what is wrong if they are not there.
func namedKeys(owner entity.Key, timers []entity.Timer, tasks []entity.TaskRef) map[string]error {
	keys := make(map[string]error, len(timers)+len(tasks))
	for _, timer := range timers {
		keys[string(runtime.TimerKey(owner, timer))] = errNoTimer
	}
	for _, task := range tasks {
		keys[string(runtime.TaskKey(task))] = errNoTask
	}
	return keys
}

// end looks for timers and tasks that nothing names, if there are any.
func (t *tally) end(ctx context.Context) error {
	if t.seen == t.named || t.unsure {
		return nil
	}
	var failed error
	err := t.job.store.Scan(ctx, t.shard, storage.Range{}, func(key, value []byte) bool {
		stray := errStrayTask
		switch {
		case runtime.IsTimer(key):
			stray = errStrayTimer
		case !runtime.IsTask(key):
			return true
		}
		owner, _, err := runtime.Owner(key, value)
		if err != nil || t.accountable(owner) == nil || runtime.ShardOf(owner, t.job.store.Layout()) != t.shard {
			return true // told already, or not accounted for
		}
		r := &reader{ctx: ctx, store: t.job.store, shard: t.shard, prefix: runtime.RecordPrefix(owner)}
		timers, tasks, err := t.accountable(owner).Expected(ctx, r, owner)
		if failed = r.err; failed == nil && err == nil && namedKeys(owner, timers, tasks)[string(bytes.Clone(key))] == nil {
			t.job.problem(t.shard, owner, stray)
		}
		return failed == nil
	})
	return errors.Join(err, failed)
}
