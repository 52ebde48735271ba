package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/pebble"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// picky is a kind of entity whose records must not be "bad", and, when it looks
// closer, not "odd".
type picky struct{}

func (picky) Load(_ context.Context, r entity.Reader, _ entity.Key) (entity.Entity, error) {
	value, err := r.Get([]byte("state"))
	if string(value) == "bad" {
		err = errors.New("the state does not decode")
	}
	return nil, err
}

func (picky) Verify(_ context.Context, r entity.Reader, _ entity.Key) (problems []error) {
	for _, reverse := range []bool{false, true} {
		err := r.Scan([]byte("item "), nil, reverse, func(record, value []byte) bool {
			if string(value) == "odd" && !reverse {
				problems = append(problems, fmt.Errorf("record %q is odd", record))
			}
			return true
		})
		if err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}

const shards = 3

func key(id string) entity.Key {
	return entity.Key{Kind: entity.KindWorkflow, Namespace: "ns", ID: id}
}

// run verifies a store with the pairs, given as shard, key and value.
func run(t *testing.T, pairs ...any) (*Report, []string) {
	t.Helper()
	return runKind(t, picky{}, pairs...)
}

// runKind is run with a kind of workflows.
func runKind(t *testing.T, machine entity.Machine, pairs ...any) (*Report, []string) {
	t.Helper()
	opts := pebble.Options{FS: vfs.NewMem(), Shards: shards, Logger: quiet}
	store, err := pebble.Open("data", opts)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 3 {
		lease, err := store.Acquire(t.Context(), pairs[i].(storage.ShardID))
		if err != nil {
			t.Fatal(err)
		}
		var batch storage.Batch
		batch.Set(pairs[i+1].([]byte), []byte(pairs[i+2].(string)))
		result := make(chan error, 1)
		store.Commit(lease, &batch, storage.Synced, func(err error) { result <- err })
		if err := <-result; err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	var problems []string
	report, err := Run(t.Context(), Options{Dir: "data", Logger: quiet, store: opts,
		Machines: map[entity.Kind]entity.Machine{entity.KindWorkflow: machine},
		Problem:  func(p Problem) { problems = append(problems, p.Error()) }})
	if err != nil {
		t.Fatal(err)
	}
	if int(report.Problems) != len(problems) {
		t.Errorf("%d problems are reported, %d were told", report.Problems, len(problems))
	}
	return report, problems
}

func record(id, name string) []byte { return append(runtime.RecordPrefix(key(id)), name...) }

func home(id string) storage.ShardID { return runtime.ShardOf(key(id), storage.Fixed(shards)) }

func TestAStoreInOrderHasNoProblems(t *testing.T) {
	other := entity.Key{Kind: 'z', ID: "of another release"}
	report, problems := run(t,
		home("a"), record("a", "state"), "good",
		home("a"), record("a", "item 1"), "good",
		home("b"), record("b", "state"), "good",
		runtime.ShardOf(other, storage.Fixed(shards)), append(runtime.RecordPrefix(other), 'x'), "?",
		storage.ShardID(1), []byte("mc"), "\x00\x00\x00\x00\x00\x00\x00\x01")
	if len(problems) > 0 || report.Entities != 3 || report.Unknown != 1 || report.Pairs != 5 || report.Shards != shards {
		t.Errorf("%+v, %v", report, problems)
	}
}

func TestEveryProblemIsReportedWithItsEntity(t *testing.T) {
	timer := append(entity.AppendInt([]byte{'t'}, 5), key("a").Encode(nil)...)
	_, problems := run(t,
		home("a"), record("a", "state"), "bad",
		home("b"), record("b", "item 7"), "odd",
		home("c"), record("c", "state"), "good",
		(home("a")+1)%shards, timer, "",
		storage.ShardID(0), []byte("o123"), "",
		storage.ShardID(2), []byte("zzz"), "")
	want := []string{
		"entity w/ns/a: the state does not decode",
		"entity w/ns/a: its timer belongs to shard",
		`entity w/ns/b: record "item 7" is odd`,
		"shard 0: runtime: message with key 6f313233",
		"shard 2: runtime: pair with key 7a7a7a: unknown to this release",
	}
	if len(problems) != len(want) {
		t.Errorf("%d problems: %v", len(problems), problems)
	}
	for _, w := range want {
		if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, w) }) {
			t.Errorf("no problem %q in %v", w, problems)
		}
	}
}

func TestTheRecordsOfAnEntityAreThoseWithItsPrefix(t *testing.T) {
	if !bytes.HasPrefix(record("a", "x"), runtime.RecordPrefix(key("a"))) || bytes.HasPrefix(record("ab", "x"), runtime.RecordPrefix(key("a"))) {
		t.Error("a prefix does not tell entities apart")
	}
}
