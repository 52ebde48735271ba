package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/perdure/perdure/internal/storage"
)

const (
	// tryTimeout is how long one try of a transaction may take. It grows while tries run into it.
	tryTimeout    = 30 * time.Second
	maxTryTimeout = 15 * time.Minute
	// stallTimeout is how long the database waits for the rest of a transaction before it drops it. A node
	// that is paused or cut off in the middle of one keeps others from acquiring the shards that are in
	// it for as long. It grows while a link is too slow for what is sent.
	stallTimeout = 4 * time.Second
	// tidyEvery is after how many transactions the numbers of old ones are removed.
	tidyEvery = 256
)

// The statements of a transaction. They are prepared on each connection of a writer.
const (
	nameBegin  = "perdure_begin"
	nameLazy   = "perdure_lazy"
	nameClaim  = "perdure_claim"
	nameRange  = "perdure_range"
	nameTail   = "perdure_tail"
	nameDelete = "perdure_delete"
	nameSet    = "perdure_set"
	nameTidy   = "perdure_tidy"
	nameCommit = "perdure_commit"
	// Those of splits.
	nameCopy    = "perdure_copy"
	nameTakeOut = "perdure_take_out"
	nameChild   = "perdure_child"
	nameParent  = "perdure_parent"
)

var statements = []struct{ name, sql string }{
	{nameBegin, `BEGIN`},
	// The claim locks the rows of the shards, so that nobody can acquire them before the end of the
	// transaction, and writes its number. It divides by zero if not all of them are held under these
	// epochs, or the transaction before is not there.
	{nameClaim, `INSERT INTO perdure_commits (holder, writer, seq)
		SELECT $1::text, $2::int4, $3::int8 / CASE
			WHEN h.n = $6::int8 AND EXISTS (SELECT 1 FROM perdure_commits WHERE holder = $1::text AND writer = $2::int4 AND seq = $3::int8 - 1)
			THEN 1 ELSE 0 END
		FROM (SELECT count(*) AS n FROM (
			SELECT s.shard FROM unnest($4::int4[], $5::int8[]) AS u(shard, epoch) JOIN perdure_shards AS s ON s.shard = u.shard
			WHERE s.epoch = u.epoch AND s.holder = $1::text
			FOR SHARE OF s) AS held) AS h`},
	{nameRange, `DELETE FROM perdure_pairs WHERE shard = $1::int4 AND key >= $2::bytea AND key < $3::bytea`},
	{nameTail, `DELETE FROM perdure_pairs WHERE shard = $1::int4 AND key >= $2::bytea`},
	{nameDelete, `DELETE FROM perdure_pairs AS p USING unnest($1::int4[], $2::bytea[]) AS u(shard, key) WHERE p.shard = u.shard AND p.key = u.key`},
	{nameSet, `INSERT INTO perdure_pairs (shard, key, value) SELECT * FROM unnest($1::int4[], $2::bytea[], $3::bytea[])
		ON CONFLICT (shard, key) DO UPDATE SET value = excluded.value`},
	{nameTidy, `DELETE FROM perdure_commits WHERE holder = $1::text AND writer = $2::int4 AND seq < $3::int8 - 1`},
	{nameCommit, `COMMIT`},
	{nameCopy, `INSERT INTO perdure_pairs (shard, key, value) SELECT $2::int4, p.key, p.value
		FROM unnest($3::bytea[]) AS u(key) JOIN perdure_pairs AS p ON p.shard = $1::int4 AND p.key = u.key
		ON CONFLICT (shard, key) DO UPDATE SET value = excluded.value`},
	{nameTakeOut, `DELETE FROM perdure_pairs AS p USING perdure_pairs AS c WHERE c.shard = $2::int4 AND p.shard = $1::int4 AND p.key = c.key`},
	{nameChild, `INSERT INTO perdure_shards (shard, epoch, holder) VALUES ($1::int4, 1, $2::text) ON CONFLICT (shard) DO NOTHING`},
	// Whoever has read the row of the parent before, to acquire it, has to read it again (lease.go).
	{nameParent, `UPDATE perdure_shards SET epoch = epoch + 1 WHERE shard = $1::int4`},
}

const (
	codeDivisionByZero = "22012"
	codeStalled        = "25P03" // idle_in_transaction_session_timeout
)

// connect makes the connection of the writer, if there is none.
func (w *writer) connect(ctx context.Context) error {
	if w.conn != nil && !w.conn.IsClosed() {
		return nil
	}
	conn, err := w.db.connect(ctx)
	if err != nil {
		return err
	}
	w.conn = conn
	limitSilence(conn.PgConn().Conn(), w.stall+maxSilence-stallTimeout)
	stall := fmt.Sprintf("SET idle_in_transaction_session_timeout = %d", w.stall.Milliseconds())
	if _, err := conn.PgConn().Exec(ctx, stall).ReadAll(); err != nil && codeOf(err) == "" {
		w.disconnect()
		return err
	}
	for _, statement := range statements {
		if _, err := conn.PgConn().Prepare(ctx, statement.name, statement.sql, nil); err != nil {
			w.disconnect()
			return err
		}
	}
	if w.db.asynchronous {
		if _, err := conn.PgConn().Prepare(ctx, nameLazy, `SET LOCAL synchronous_commit TO off`, nil); err != nil {
			w.disconnect()
			return err
		}
		// What is acknowledged has to be on disk, whatever the database usually does.
		if _, err := conn.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`); err != nil {
			w.disconnect()
			return err
		}
	}
	return nil
}

// write makes the batches durable, or finds out why that is not possible, and leaves the error with each.
func (w *writer) write(subs []submission) {
	for w.admit(subs); w.gather(subs); w.admit(subs) {
		err := w.transact(&w.group, w.seq+1)
		switch {
		case err == nil:
			w.seq++
			return
		case errors.Is(err, errClaim):
			// Some shards are lost, and the rest is tried again.
		case errors.Is(err, errGivenUp):
			w.failAll(subs, err)
			return
		default:
			w.isolate(subs, err)
			return
		}
	}
}

// admit refuses the batches of leases that have been lost since they were submitted.
func (w *writer) admit(subs []submission) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range subs {
		if sub := &subs[i]; sub.err == nil {
			shard := &w.store.shards[sub.lease.Shard]
			sub.err, sub.split = shard.refusal(sub.lease), shard.splitUnder(sub.lease)
		}
	}
}

// gather makes the group of what was not refused. It reports false if there is nothing to write.
func (w *writer) gather(subs []submission) bool {
	w.group.reset()
	for i := range subs {
		if sub := &subs[i]; sub.err == nil {
			w.group.add(sub)
		}
	}
	w.group.merge()
	return len(w.group.leases) > 0
}

// errClaim: the leases of some shards were no good, and have been marked as lost.
var errClaim = errors.New("the lease of a shard was lost")

// transact writes the group in the transaction of the number. It goes on trying as long as that
// can make a difference. Its error is errClaim, errGivenUp, or of what the group consists of.
func (w *writer) transact(g *group, seq int64) error {
	timeout := tryTimeout
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		began := time.Now()
		err := w.try(g, seq, timeout)
		if err == nil {
			w.trouble.over()
			return nil
		}
		code := codeOf(err)
		if code == codeDivisionByZero || code == codeUniqueViolation {
			there, err := w.inspect(g, seq)
			switch {
			case err == nil && there:
				w.trouble.over()
				return nil
			case errors.Is(err, errClaim):
				return err
			}
		} else if code != "" && !passes(err) {
			return err
		}
		if code == "" && (pgconn.Timeout(err) || errors.Is(err, context.DeadlineExceeded)) {
			timeout = min(2*timeout, maxTryTimeout)
		}
		if code == codeStalled || code == "" && time.Since(began) > w.stall {
			w.stall = min(2*w.stall, maxTryTimeout)
		}
		w.trouble.complain(err)
		if w.closeBy.Err() != nil || pause(w.closeBy, wait) != nil {
			return fmt.Errorf("%w: %w", errGivenUp, err)
		}
	}
}

// try sends the whole transaction at once, and waits for the answer.
func (w *writer) try(g *group, seq int64, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(w.closeBy, timeout)
	defer cancel()
	if err := w.connect(ctx); err != nil {
		return err
	}
	var b pgconn.Batch
	w.encode(&b, g, seq)
	conn := w.conn.PgConn()
	_, err := conn.ExecBatch(ctx, &b).ReadAll()
	if err == nil {
		return nil
	}
	if codeOf(err) == "" || codeOf(err) == "25006" || conn.IsClosed() {
		w.disconnect() // and find the one that can be written to
		return err
	}
	if conn.TxStatus() != 'I' {
		if _, err := conn.Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
			w.disconnect()
		}
	}
	return err
}

// encode makes the messages of the transaction.
func (w *writer) encode(b *pgconn.Batch, g *group, seq int64) {
	exec := func(name string, params ...[]byte) {
		b.ExecPrepared(name, params, binaryFormat, binaryFormat)
	}
	holder, number, sequence := []byte(w.store.holder), int4(uint32(w.number)), int8(uint64(seq))
	exec(nameBegin)
	if !g.sync && w.db.asynchronous {
		exec(nameLazy)
	}
	shards, epochs := newArray(w.buffers[0].buf, oidInt4), newArray(w.buffers[1].buf, oidInt8)
	for _, lease := range g.leases {
		shards.int4(uint32(lease.Shard))
		epochs.int8(lease.Epoch)
	}
	exec(nameClaim, holder, number, sequence, shards.done(), epochs.done(), int8(uint64(len(g.leases))))
	for _, r := range g.ranges {
		if len(r.end) == 0 {
			exec(nameTail, int4(uint32(r.shard)), some(r.start))
		} else {
			exec(nameRange, int4(uint32(r.shard)), some(r.start), r.end)
		}
	}
	at, keys := newArray(w.buffers[2].buf, oidInt4), newArray(w.buffers[3].buf, oidBytea)
	for i := range g.changes {
		if c := &g.changes[i]; c.kind == storage.OpDelete {
			at.int4(uint32(c.shard))
			keys.bytes(c.key)
		}
	}
	if at.count > 0 {
		exec(nameDelete, at.done(), keys.done())
	}
	w.buffers[0], w.buffers[1], w.buffers[2], w.buffers[3] = shards, epochs, at, keys
	if at.count < len(g.changes) {
		w.encodeSets(exec, g)
	}
	for _, e := range g.errands {
		e.encode(exec, holder)
	}
	if seq%tidyEvery == 0 {
		exec(nameTidy, holder, number, sequence)
	}
	exec(nameCommit)
}

func (w *writer) encodeSets(exec func(string, ...[]byte), g *group) {
	var spare [3][]byte
	copy(spare[:], w.sets[:])
	at, keys, values := newArray(spare[0], oidInt4), newArray(spare[1], oidBytea), newArray(spare[2], oidBytea)
	for i := range g.changes {
		if c := &g.changes[i]; c.kind == storage.OpSet {
			at.int4(uint32(c.shard))
			keys.bytes(c.key)
			values.bytes(c.value)
		}
	}
	exec(nameSet, at.done(), keys.done(), values.done())
	w.sets = [3][]byte{at.buf, keys.buf, values.buf}
	for i := range w.sets {
		if cap(w.sets[i]) > maxGather {
			w.sets[i] = nil
		}
	}
}

var binaryFormat = []int16{1}

// some is a parameter that is not null.
func some(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// inspect finds out why the claim of the transaction has failed. It reports true if the
// transaction is there already, because an earlier try that was not answered had taken effect.
// Else it marks the shards that are lost, and returns errClaim if there are any.
func (w *writer) inspect(g *group, seq int64) (there bool, err error) {
	ctx, cancel := context.WithTimeout(w.closeBy, tryTimeout)
	defer cancel()
	if err := w.connect(ctx); err != nil {
		return false, err
	}
	var before bool
	if err := w.conn.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM perdure_commits WHERE holder = $1 AND writer = $2 AND seq = $3),
		EXISTS (SELECT 1 FROM perdure_commits WHERE holder = $1 AND writer = $2 AND seq = $4)`,
		w.store.holder, w.number, seq, seq-1).Scan(&there, &before); err != nil || there {
		return there, err
	}
	if !before {
		return false, w.forgotten(ctx, seq)
	}
	epochs, err := w.epochs(ctx, g.leases)
	if err != nil {
		return false, err
	}
	lost := false
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, lease := range g.leases {
		if epochs[lease.Shard] != lease.Epoch {
			w.store.shards[lease.Shard].lose(lease.Epoch, storage.ErrFenced)
			lost = true
		}
	}
	if lost {
		return false, errClaim
	}
	return false, nil
}

// epochs are those under which this store holds shards, as the database has them.
func (w *writer) epochs(ctx context.Context, leases []storage.Lease) (map[storage.ShardID]uint64, error) {
	ids := make([]int32, len(leases))
	for i, lease := range leases {
		ids[i] = int32(lease.Shard)
	}
	rows, err := w.conn.Query(ctx, `SELECT shard, epoch FROM perdure_shards WHERE shard = ANY($1) AND holder = $2`, ids, w.store.holder)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	epochs := map[storage.ShardID]uint64{}
	for rows.Next() {
		var shard int32
		var epoch int64
		if err := rows.Scan(&shard, &epoch); err != nil {
			return nil, err
		}
		epochs[storage.ShardID(shard)] = uint64(epoch)
	}
	return epochs, rows.Err()
}

// errForgotten is why shards are given up after the database has forgotten what it had acknowledged.
var errForgotten = errors.New("the database has lost writes that it had acknowledged: it is most likely a standby that was behind when it was promoted")

// forgotten gives up all shards of the writer: what is in memory of them may be ahead of what the
// database has. They can be acquired again, and then are what it has.
func (w *writer) forgotten(ctx context.Context, seq int64) error {
	if _, err := w.conn.Exec(ctx, `INSERT INTO perdure_commits (holder, writer, seq) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, w.store.holder, w.number, seq-1); err != nil {
		return err
	}
	w.store.log.Error("The database has lost writes that it had acknowledged: it is most likely a standby that was behind when it was promoted. "+
		"The shards go on with what it has", "database", w.db.name)
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.store.shards {
		if shard := &w.store.shards[i]; shard.writer == w {
			shard.lose(shard.epoch, errForgotten)
		}
	}
	return errClaim
}

// isolate is for a group that the database cannot take because of what is in it. Each shard gets a
// transaction of its own, and those for which it fails are given up.
func (w *writer) isolate(subs []submission, cause error) {
	w.store.log.Error("The database has refused a transaction; its shards are tried one by one", "database", w.db.name, "error", cause)
	leases := slices.Clone(w.group.leases)
	for _, lease := range leases {
		// An earlier try that was not answered must not take effect any more: its number is used up.
		err := w.skip()
		if err == nil {
			w.group.reset()
			for i := range subs {
				if subs[i].lease == lease && subs[i].err == nil {
					w.group.add(&subs[i])
				}
			}
			w.group.merge()
			w.group.sync = true
			err = w.transact(&w.group, w.seq+1)
		}
		switch {
		case err == nil:
			w.seq++
		case errors.Is(err, errClaim):
		default:
			w.lose(lease, fmt.Errorf("postgres store: shard %d cannot be written: %w", lease.Shard, err))
		}
		if err != nil {
			w.admit(subs)
		}
	}
}

// skip uses up a number.
func (w *writer) skip() error {
	err := w.transact(&group{sync: true}, w.seq+1)
	if err == nil {
		w.seq++
	}
	return err
}

func (w *writer) lose(lease storage.Lease, cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.store.shards[lease.Shard].lose(lease.Epoch, cause)
}

// failAll gives up the shards of all that could not be written.
func (w *writer) failAll(subs []submission, cause error) {
	for i := range subs {
		if subs[i].err == nil {
			w.lose(subs[i].lease, cause)
		}
	}
	w.admit(subs)
}
