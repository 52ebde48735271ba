package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/perdure/perdure/internal/storage"
)

const (
	// maxGather is how many bytes may wait for a writer before Commit blocks.
	maxGather = 8 << 20
	// submissionCost is what a submission counts in addition to its bytes.
	submissionCost = 128
	// MaxBatchBytes is the greatest Size of a batch.
	MaxBatchBytes = 128 << 20
	// MaxKey is the greatest length of a key: an entry of an index has to fit into a third of a
	// page of PostgreSQL.
	MaxKey = 2600
)

// shardState is what admits commits of a shard. Guarded by writer.mu.
type shardState struct {
	writer *writer
	epoch  uint64 // of the last lease that was acquired here
	// lost is the greatest epoch under which nothing can be written any more, because of cause.
	lost  uint64
	cause error
	// split is one of the shard that is under way; nil: none is.
	split *split
}

// A writer carries out the transactions of some of the shards, one at a time, on a connection of its
// own. All batches of a shard go through its writer in order.
//
// Each transaction has a number, one more than the last, and leaves it behind in
// perdure_commits, where it cannot be a second time. So if the connection is lost and nobody
// knows whether the transaction took effect, the same one is simply tried again: it either
// finds its own number there, or is the first to write it. And as each demands that the
// number before is there, a database that has lost what it had acknowledged (a standby that
// was behind when it was promoted) is found out by the next transaction.
type writer struct {
	store  *Store
	db     *database
	number int32

	mu      sync.Mutex
	space   sync.Cond // L is &mu; broadcast when the queue is taken, or nothing more will be
	queue   []submission
	bytes   int
	idle    bool // waits for wake
	closing bool // no new submissions; what is there is finished
	ended   bool // the goroutine is over
	wake    chan struct{}
	stopped chan struct{} // closed when the goroutine is over; nil if it was never started

	// For the goroutine only, but for closeBy, which is set before it is told of closing.
	conn    *pgx.Conn // nil if there is none at the moment
	seq     int64     // of the last transaction that is known to have taken effect
	taken   []submission
	group   group
	buffers [4]array  // memory for the arrays of the next transaction
	sets    [3][]byte // and for what is set
	trouble trouble
	stall   time.Duration   // see stallTimeout
	closeBy context.Context // ends when what does not work is given up
	giveUp  context.CancelFunc
}

// submission is a batch that waits for the writer.
type submission struct {
	lease storage.Lease
	batch *storage.Batch
	lazy  bool
	done  func(error)
	err   error // refused: only waits for its turn
	// errand is what is to be done for a split beside the batch; nil: nothing.
	errand *errand
	// split is that of the shard when the writer has taken the batch; nil: none.
	split *split
}

func newWriter(s *Store, d *database, number int32) *writer {
	w := &writer{store: s, db: d, number: number, wake: make(chan struct{}, 1), stall: stallTimeout}
	w.space.L = &w.mu
	w.closeBy, w.giveUp = context.WithCancel(context.Background())
	w.trouble.log, w.trouble.database = s.log, d.name
	return w
}

// start lets the writer work. It connects when there is something to do.
func (w *writer) start() {
	w.stopped = make(chan struct{})
	go w.run()
}

// shut has the writer end when it has done what was submitted.
func (w *writer) shut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closing = true
	w.space.Broadcast()
	w.wakeLocked()
	time.AfterFunc(closeTimeout, w.giveUp)
}

// wait returns when the writer has ended.
func (w *writer) wait() {
	if w.stopped != nil {
		<-w.stopped
	}
	w.giveUp()
}

// submit puts something into the queue. It blocks while there is too much in it.
func (w *writer) submit(sub submission) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.bytes >= maxGather && !w.closing {
		w.space.Wait()
	}
	if w.ended {
		w.store.after.Push(sub.done, storage.ErrClosed)
		return
	}
	if w.closing && sub.err == nil {
		sub.err = storage.ErrClosed
	}
	if sub.err == nil {
		w.admitLocked(&sub)
	}
	if sub.err == nil {
		w.bytes += sub.batch.Size() + sub.errand.size()
	}
	w.bytes += submissionCost
	w.queue = append(w.queue, sub)
	w.wakeLocked()
}

// admitLocked refuses a batch that cannot be written. After one that was refused the lease is of no use.
func (w *writer) admitLocked(sub *submission) {
	shard := &w.store.shards[sub.lease.Shard]
	if sub.err = shard.refusal(sub.lease); sub.err != nil {
		return
	}
	if sub.batch.Size() > MaxBatchBytes {
		sub.err = fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrBatchTooLarge, sub.batch.Size(), MaxBatchBytes)
	}
	for _, op := range sub.batch.Ops() {
		if len(op.Key) > MaxKey && op.Kind == storage.OpSet {
			sub.err = fmt.Errorf("%w: %d bytes, at most %d are possible", ErrKeyTooLong, len(op.Key), MaxKey)
		}
	}
	if sub.err != nil {
		shard.lose(sub.lease.Epoch, sub.err)
	}
}

// refusal is why nothing can be written under the lease; nil if it can.
func (s *shardState) refusal(lease storage.Lease) error {
	switch {
	case lease.Epoch == 0 || lease.Epoch != s.epoch:
		return storage.ErrFenced
	case lease.Epoch <= s.lost:
		return s.cause
	}
	return nil
}

// lose makes all leases up to the epoch useless.
func (s *shardState) lose(epoch uint64, cause error) {
	if epoch > s.lost {
		s.lost, s.cause = epoch, cause
	}
}

func (w *writer) wakeLocked() {
	if w.idle {
		w.idle = false
		w.wake <- struct{}{} // has room for one: nobody else sends until idle is set again
	}
}

// run is the goroutine of the writer. It ends after shut, when everything is done.
func (w *writer) run() {
	defer close(w.stopped)
	for w.next() {
		began := time.Now()
		w.write(w.taken)
		if w.store.observer != nil {
			w.tell(time.Since(began))
		}
		for i := range w.taken {
			w.taken[i].done(w.taken[i].err)
		}
		clear(w.taken)
	}
	w.disconnect()
}

// tell tells the observer of what was taken, and has been written.
func (w *writer) tell(took time.Duration) {
	write := storage.Write{Took: took}
	for i := range w.taken {
		if sub := &w.taken[i]; sub.err == nil && sub.batch != nil {
			write.Batches++
			write.Bytes += sub.batch.Size()
			write.Synced = write.Synced || !sub.lazy
		}
	}
	if write.Batches > 0 {
		w.store.observer.Committed(write)
	}
}

// next waits for something to do and takes all of it. It reports false at the end.
func (w *writer) next() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) == 0 {
		if w.closing {
			w.ended = true
			return false
		}
		w.idle = true
		w.mu.Unlock()
		<-w.wake
		w.mu.Lock()
	}
	w.taken, w.queue = w.queue, w.taken[:0]
	w.bytes = 0
	w.space.Broadcast()
	return true
}

func (w *writer) disconnect() {
	if w.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = w.conn.Close(ctx)
	w.conn = nil
}

// errGivenUp is wrapped by the error of what was still submitted when the store was closed and the
// database did not answer.
var errGivenUp = errors.New("the store was closed while the database did not answer; whether the write took effect is unknown")
