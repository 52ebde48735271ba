package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/postgres/postgrestest"
)

// load is writers that commit one batch after the other, each with a key of its own that is never
// written again, and counts up.
type load struct {
	t       *testing.T
	store   *Store
	leases  []storage.Lease
	done    [][]uint64 // by writer, what was reported as done
	written atomic.Int64
	stop    chan struct{}
	wg      sync.WaitGroup
}

func startLoad(t *testing.T, s *Store) *load {
	l := &load{t: t, store: s, stop: make(chan struct{})}
	for i := range s.Shards() {
		lease, err := s.Acquire(t.Context(), storage.ShardID(i))
		if err != nil {
			t.Fatal(err)
		}
		l.leases = append(l.leases, lease)
	}
	const writers = 8
	l.done = make([][]uint64, writers)
	for w := range writers {
		l.wg.Go(func() { l.write(w) })
	}
	return l
}

func (l *load) write(w int) {
	lease := l.leases[w%len(l.leases)]
	for i := uint64(0); ; i++ {
		select {
		case <-l.stop:
			return
		default:
		}
		batch := &storage.Batch{}
		batch.Set(fmt.Appendf(nil, "%d/%08d", w, i), []byte("v"))
		batch.Set(fmt.Appendf(nil, "last/%d", w), fmt.Append(nil, i))
		result := make(chan error, 1)
		l.store.Commit(lease, batch, storage.Synced, func(err error) { result <- err })
		if err := <-result; err != nil {
			l.t.Errorf("writer %d, batch %d: %v", w, i, err)
			return
		}
		l.done[w] = append(l.done[w], i)
		l.written.Add(1)
	}
}

// progress returns when so many further batches have been written.
func (l *load) progress(n int64) {
	l.t.Helper()
	want := l.written.Load() + n
	for began := time.Now(); l.written.Load() < want && !l.t.Failed(); time.Sleep(time.Millisecond) {
		if time.Since(began) > time.Minute {
			l.t.Fatalf("%d of %d batches were written in a minute", l.written.Load(), want)
		}
	}
}

// end stops the writers and checks that exactly what was reported as done is there.
func (l *load) end() {
	l.t.Helper()
	close(l.stop)
	l.wg.Wait()
	for w, done := range l.done {
		n := 0
		prefix := storage.Prefix(fmt.Appendf(nil, "%d/", w))
		err := l.store.Scan(l.t.Context(), l.leases[w%len(l.leases)].Shard, prefix, func(key, _ []byte) bool {
			if want := fmt.Sprintf("%d/%08d", w, n); string(key) != want {
				l.t.Errorf("key %q where %q is due", key, want)
				return false
			}
			n++
			return true
		})
		if err != nil || n != len(done) {
			l.t.Errorf("writer %d has %d batches of %d that were reported as done, %v", w, n, len(done), err)
		}
	}
}

func TestADatabaseThatIsRestartedUnderLoadLosesNothingAndNoShard(t *testing.T) {
	c := postgrestest.Start(t, "autovacuum=off")
	l := startLoad(t, open(t, c.URL()))
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} {
		l.progress(100)
		c.Stop(t, signal)
		c.Restart(t)
	}
	l.progress(100)
	l.end()
}

func TestConnectionsThatAreKilledUnderLoadLoseNothingAndNoShard(t *testing.T) {
	url := postgrestest.URL(t)
	name := "killed_" + t.Name()[:20]
	l := startLoad(t, open(t, postgrestest.With(t, url, "application_name", name)))
	for range 20 {
		l.progress(20)
		postgrestest.Exec(t, url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '"+name+"'")
	}
	l.progress(20)
	l.end()
}

// told is a handler of logs that tells when the store has something to complain about.
type told struct {
	slog.Handler
	complaint chan string
}

func (h told) Enabled(context.Context, slog.Level) bool { return true }

func (h told) Handle(_ context.Context, r slog.Record) error {
	if r.Level == slog.LevelWarn && strings.Contains(r.Message, "does not take writes") {
		select {
		case h.complaint <- r.Message:
		default:
		}
	}
	return nil
}

func TestADatabaseThatIsReadOnlyForAWhileIsWaitedFor(t *testing.T) {
	c := postgrestest.Start(t, "fsync=off", "autovacuum=off")
	handler := told{slog.DiscardHandler, make(chan string, 1)}
	s, err := Open(context.Background(), Options{URLs: []string{c.URL()}, Shards: 4, Logger: slog.New(handler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	l := startLoad(t, s)
	l.progress(50)
	postgrestest.Exec(t, c.URL(), "ALTER SYSTEM SET default_transaction_read_only = on")
	postgrestest.Exec(t, c.URL(), "SELECT pg_reload_conf()")
	<-handler.complaint
	postgrestest.Exec(t, c.URL(), "ALTER SYSTEM RESET default_transaction_read_only")
	postgrestest.Exec(t, c.URL(), "SELECT pg_reload_conf()")
	l.progress(50)
	l.end()
}

// The disk is not full: a trigger says so, as the database would.
func TestADatabaseWhoseDiskIsFullIsWaitedForAndSaysWhatIsWrong(t *testing.T) {
	url := postgrestest.URL(t)
	s := open(t, url)
	l := startLoad(t, s)
	l.progress(50)
	postgrestest.Exec(t, url, `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
		CREATE TRIGGER full_disk BEFORE INSERT ON perdure_pairs FOR EACH STATEMENT EXECUTE FUNCTION full_disk()`)
	for deadline := time.Now().Add(time.Minute); s.Trouble() == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the store has no trouble")
		}
	}
	if err := s.Trouble(); !strings.Contains(err.Error(), "does not take writes") || !strings.Contains(err.Error(), "No space left on device") {
		t.Errorf("it says %v", err)
	}
	postgrestest.Exec(t, url, "DROP TRIGGER full_disk ON perdure_pairs")
	l.progress(50)
	l.end()
	if err := s.Trouble(); err != nil {
		t.Errorf("afterwards it says %v", err)
	}
}

func TestStatementsThatTimeOutOrDeadlockAreTriedAgain(t *testing.T) {
	url := postgrestest.URL(t)
	s := open(t, url)
	l := startLoad(t, s)
	for range 10 {
		l.progress(20)
		postgrestest.Exec(t, url, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'perdure %' AND query LIKE '%perdure_pairs%' AND state <> 'idle'")
	}
	l.end()
}

func TestAnUnansweredTransactionIsNotCarriedOutTwice(t *testing.T) {
	url := postgrestest.URL(t)
	s := open(t, url)
	lease, err := s.Acquire(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	w := s.shards[0].writer
	g := &group{}
	batch := &storage.Batch{}
	batch.Set([]byte("k"), []byte("1"))
	g.add(&submission{lease: lease, batch: batch})
	g.merge()
	if err := w.try(g, 1, time.Minute); err != nil {
		t.Fatal(err)
	}
	// The answer was lost, and somebody has changed the key since, so a second time would be seen.
	postgrestest.Exec(t, url, "UPDATE perdure_pairs SET value = 'x'")
	if err := w.transact(g, 1); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(t.Context(), 0, []byte("k")); err != nil || string(got) != "x" {
		t.Errorf("it is %q, %v", got, err)
	}
}

func TestADatabaseThatHasForgottenWhatItHadAcknowledgedCostsTheShardsOnce(t *testing.T) {
	url := postgrestest.URL(t)
	s := open(t, url)
	lease, err := s.Acquire(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	commit := func(key string) error {
		batch := &storage.Batch{}
		batch.Set([]byte(key), []byte("v"))
		result := make(chan error, 1)
		s.Commit(lease, batch, storage.Synced, func(err error) { result <- err })
		return <-result
	}
	for _, key := range []string{"a", "b"} {
		if err := commit(key); err != nil {
			t.Fatal(err)
		}
	}
	// The standby that was promoted has not seen the last one.
	postgrestest.Exec(t, url, "DELETE FROM perdure_commits WHERE seq = 2; DELETE FROM perdure_pairs WHERE key = 'b'")
	for range 2 {
		if err := commit("c"); !errors.Is(err, errForgotten) {
			t.Fatalf("error is %v", err)
		}
	}
	if lease, err = s.Acquire(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if err := commit("d"); err != nil {
		t.Error(err)
	}
}

func TestABatchThatTheDatabaseRefusesCostsItsShardOnly(t *testing.T) {
	url := postgrestest.URL(t)
	s := open(t, url)
	postgrestest.Exec(t, url, "ALTER TABLE perdure_pairs ADD CHECK (value <> 'poison')")
	var wg sync.WaitGroup
	results := make([]error, s.Shards())
	var leases []storage.Lease
	for i := range s.Shards() {
		lease, err := s.Acquire(t.Context(), storage.ShardID(i))
		if err != nil {
			t.Fatal(err)
		}
		leases = append(leases, lease)
	}
	// All of a writer are one group: it is held up while they gather.
	for _, w := range s.dbs[0].writers {
		w.mu.Lock()
	}
	for i, lease := range leases {
		batch := &storage.Batch{}
		batch.Set([]byte("k"), []byte(map[bool]string{true: "poison", false: "fine"}[i == 0]))
		wg.Add(1)
		w := s.shards[i].writer
		w.queue = append(w.queue, submission{lease: lease, batch: batch, done: func(err error) { results[i] = err; wg.Done() }})
	}
	for _, w := range s.dbs[0].writers {
		w.wakeLocked()
		w.mu.Unlock()
	}
	wg.Wait()
	for i, err := range results {
		if (err != nil) != (i == 0) {
			t.Errorf("shard %d: %v", i, err)
		}
	}
}

func TestAKeyThatIsTooLongCostsItsShardOnly(t *testing.T) {
	s := open(t, postgrestest.URL(t))
	lease, err := s.Acquire(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	batch := &storage.Batch{}
	batch.Set(make([]byte, MaxKey+1), nil)
	result := make(chan error, 1)
	s.Commit(lease, batch, storage.Synced, func(err error) { result <- err })
	if err := <-result; !errors.Is(err, ErrKeyTooLong) {
		t.Errorf("error is %v", err)
	}
}

// The writer of a node that is paused, or cut off, in the middle of a transaction.
func TestAShardIsNotHeldUpForLongByANodeThatStoppedInTheMiddleOfATransaction(t *testing.T) {
	url := postgrestest.URL(t)
	stopped, other := open(t, url), open(t, url)
	if _, err := stopped.Acquire(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	w := stopped.shards[0].writer // at rest: nothing was submitted
	w.stall = 300 * time.Millisecond
	if err := w.connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.conn.PgConn().Exec(t.Context(), "BEGIN; SELECT 1 FROM perdure_shards WHERE shard = 0 FOR SHARE").ReadAll(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := other.Acquire(ctx, 0); err != nil {
		t.Errorf("the shard cannot be acquired: %v", err)
	}
}
