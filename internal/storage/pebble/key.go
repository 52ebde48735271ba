package pebble

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/perdure/perdure/internal/storage"
)

// The key space of the database: a prefix of two bytes, big-endian, and what
// belongs to it.
//
//	gsss <key>             the pairs of shard sss in generation g
//	ffff "header"          the header: see header
//	ffff "epoch" <shard>   the epoch of the last lease of the shard, 8 bytes
//	ffff "reshard"         the resharding that is under way: see reshardRecord
//	ffff "stopped"         when the store was closed in order: see recovery.go
//
// A store has one generation of pairs, the one its header names. A resharding
// writes all pairs anew, into the other generation; the write of the header that
// ends it makes that one the generation of the store.
const (
	prefixLen    = 2
	headerPrefix = 0xffff
	shardBits    = 12
)

// MaxShards is the greatest number of shards of a store.
const MaxShards = 1 << shardBits

// generation tells apart the pairs from before and after a resharding. It is 0 or 1.
type generation uint16

func (g generation) other() generation { return 1 - g }

func (g generation) appendPrefix(dst []byte, shard storage.ShardID) []byte {
	// Not |: the prefix that ends the last shard is the first one of the next
	// generation.
	return binary.BigEndian.AppendUint16(dst, uint16(g)<<shardBits+uint16(shard))
}

func (g generation) appendKey(dst []byte, shard storage.ShardID, key []byte) []byte {
	return append(g.appendPrefix(dst, shard), key...)
}

// appendEnd appends the key that ends a range of the shard: end itself or, when
// end is empty, the prefix of the shard after it.
func (g generation) appendEnd(dst []byte, shard storage.ShardID, end []byte) []byte {
	if len(end) == 0 {
		return g.appendPrefix(dst, shard+1)
	}
	return g.appendKey(dst, shard, end)
}

// bounds are the first key of the generation and the one behind its last.
func (g generation) bounds() (start, end []byte) {
	return g.appendPrefix(nil, 0), g.appendPrefix(nil, MaxShards)
}

// shardOfKey is the shard that a key of the database with a prefix is in.
func shardOfKey(key []byte) storage.ShardID {
	return storage.ShardID(binary.BigEndian.Uint16(key) & (MaxShards - 1))
}

func metaKey(name string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, headerPrefix), name...)
}

func headerKey() []byte { return metaKey("header") }

func reshardKey() []byte { return metaKey("reshard") }

func stoppedKey() []byte { return metaKey("stopped") }

func epochKey(shard storage.ShardID) []byte {
	return binary.BigEndian.AppendUint16(metaKey("epoch"), uint16(shard))
}

// header describes the store as a whole. It is written when the store is
// created, upgraded or resharded.
type header struct {
	// version is that of the format; see package format.
	version uint32
	// upgradeFrom is the version of the data while they are being upgraded to
	// version; else it is version.
	upgradeFrom uint32
	shards      uint32
	generation  generation
}

const headerLen = 16

// errHeader is reported for a header that no release can have written.
var errHeader = fmt.Errorf("%w: its header makes no sense: restore the directory from a backup", ErrDamaged)

func (h header) encode() []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, headerLen), h.version)
	b = binary.BigEndian.AppendUint32(b, h.upgradeFrom)
	b = binary.BigEndian.AppendUint32(b, h.shards)
	return binary.BigEndian.AppendUint32(b, uint32(h.generation))
}

// headerVersion reads the version before anything else, because what follows it
// is up to the version.
func headerVersion(b []byte) (uint32, error) {
	if len(b) < 4 {
		return 0, errHeader
	}
	return binary.BigEndian.Uint32(b), nil
}

// decodeHeader decodes a header of a version that has been checked.
func decodeHeader(b []byte) (header, error) {
	if len(b) != headerLen {
		return header{}, errHeader
	}
	g := binary.BigEndian.Uint32(b[12:])
	h := header{
		version:     binary.BigEndian.Uint32(b),
		upgradeFrom: binary.BigEndian.Uint32(b[4:]),
		shards:      binary.BigEndian.Uint32(b[8:]),
		generation:  generation(g),
	}
	if h.upgradeFrom > h.version || h.shards == 0 || h.shards > MaxShards || g > 1 {
		return header{}, errHeader
	}
	return h, nil
}

func encodeEpoch(epoch uint64) []byte {
	return binary.BigEndian.AppendUint64(nil, epoch)
}

var errEpoch = errors.New("an epoch must have 8 bytes")

func decodeEpoch(b []byte) (uint64, error) {
	if len(b) != 8 {
		return 0, fmt.Errorf("%w: %w, not %d: restore the directory from a backup", ErrDamaged, errEpoch, len(b))
	}
	return binary.BigEndian.Uint64(b), nil
}
