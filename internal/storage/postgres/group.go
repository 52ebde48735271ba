package postgres

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"sort"

	"github.com/perdure/perdure/internal/storage"
)

// A group is what one transaction writes: the batches of many steps of many shards, merged so that
// each key is in it once. Ranges are deleted first, then keys, then the rest is set: what
// comes to the same as the batches one after the other.
type group struct {
	changes []change
	ranges  []keyRange
	leases  []storage.Lease // one for each shard
	errands []*errand       // of splits, to be done after all changes
	sync    bool            // at least one batch is Synced
}

type change struct {
	shard      storage.ShardID
	order      int32 // among the changes and ranges of the group
	kind       storage.OpKind
	gone       bool // a range that came later has it, or another change of the key
	key, value []byte
}

type keyRange struct {
	shard      storage.ShardID
	order      int32
	start, end []byte // an empty end means to the last key
}

func (g *group) reset() {
	clear(g.changes)
	clear(g.ranges)
	clear(g.errands)
	g.changes, g.ranges, g.leases, g.errands, g.sync = g.changes[:0], g.ranges[:0], g.leases[:0], g.errands[:0], false
}

// add takes up a batch.
func (g *group) add(sub *submission) {
	if !slices.ContainsFunc(g.leases, func(l storage.Lease) bool { return l.Shard == sub.lease.Shard }) {
		g.leases = append(g.leases, sub.lease)
	}
	g.sync = g.sync || !sub.lazy
	for _, op := range sub.batch.Ops() {
		g.change(sub.lease.Shard, op)
		if sub.split.follows(op) {
			g.change(sub.split.child, op)
		}
	}
	if sub.errand != nil {
		g.errands = append(g.errands, sub.errand)
	}
}

func (g *group) change(shard storage.ShardID, op storage.Op) {
	order := int32(len(g.changes) + len(g.ranges))
	if op.Kind != storage.OpDeleteRange {
		g.changes = append(g.changes, change{shard: shard, order: order, kind: op.Kind, key: op.Key, value: op.Value})
	} else if len(op.Value) == 0 || bytes.Compare(op.Key, op.Value) < 0 {
		g.ranges = append(g.ranges, keyRange{shard, order, op.Key, op.Value})
	}
}

// merge sorts the changes and drops those that later ones have made pointless. Leases are sorted
// as well: who locks the rows of several shards does it in one order.
func (g *group) merge() {
	slices.SortFunc(g.leases, func(a, b storage.Lease) int { return cmp.Compare(a.Shard, b.Shard) })
	slices.SortFunc(g.changes, func(a, b change) int {
		return cmp.Or(cmp.Compare(a.shard, b.shard), bytes.Compare(a.key, b.key), cmp.Compare(a.order, b.order))
	})
	for _, r := range g.ranges {
		from := sort.Search(len(g.changes), func(i int) bool {
			c := &g.changes[i]
			return c.shard > r.shard || c.shard == r.shard && bytes.Compare(c.key, r.start) >= 0
		})
		for i := from; i < len(g.changes); i++ {
			c := &g.changes[i]
			if c.shard != r.shard || len(r.end) > 0 && bytes.Compare(c.key, r.end) >= 0 {
				break
			}
			c.gone = c.gone || c.order < r.order
		}
	}
	kept := g.changes[:0]
	for i := range g.changes {
		c := &g.changes[i]
		if i+1 < len(g.changes) && g.changes[i+1].shard == c.shard && bytes.Equal(g.changes[i+1].key, c.key) || c.gone {
			continue
		}
		kept = append(kept, *c)
	}
	clear(g.changes[len(kept):])
	g.changes = kept
}

// Arrays in the binary format of PostgreSQL, made by hand: they are most of what is sent.
const (
	oidBytea = 17
	oidInt8  = 20
	oidInt4  = 23
	oidText  = 25
)

// array is an array that is being encoded.
type array struct {
	buf   []byte
	count int
}

func newArray(buf []byte, oid uint32) array {
	buf = binary.BigEndian.AppendUint32(buf[:0], 1) // dimensions
	buf = binary.BigEndian.AppendUint32(buf, 0)     // no nulls
	buf = binary.BigEndian.AppendUint32(buf, oid)
	buf = binary.BigEndian.AppendUint32(buf, 0)            // the length, for later
	return array{binary.BigEndian.AppendUint32(buf, 1), 0} // the first index
}

func (a *array) bytes(value []byte) {
	a.buf = binary.BigEndian.AppendUint32(a.buf, uint32(len(value)))
	a.buf = append(a.buf, value...)
	a.count++
}

func (a *array) int4(n uint32) {
	a.buf = binary.BigEndian.AppendUint32(a.buf, 4)
	a.buf = binary.BigEndian.AppendUint32(a.buf, n)
	a.count++
}

func (a *array) int8(n uint64) {
	a.buf = binary.BigEndian.AppendUint32(a.buf, 8)
	a.buf = binary.BigEndian.AppendUint64(a.buf, n)
	a.count++
}

// done is the array, complete.
func (a *array) done() []byte {
	binary.BigEndian.PutUint32(a.buf[12:], uint32(a.count))
	return a.buf
}

func int4(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
func int8(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
