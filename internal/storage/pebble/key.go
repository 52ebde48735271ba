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
//	0000 .. 7fff <key>     the pairs of a shard
//	ffff "header"          the header: format version and number of shards
//	ffff "epoch" <shard>   the epoch of the last lease of the shard, 8 bytes
const (
	prefixLen    = 2
	headerPrefix = 0xffff
)

// MaxShards is the greatest number of shards a store can be created with.
const MaxShards = 1 << 15

// formatVersion is the version of the layout above that this code writes. A
// store with a greater one was written by a newer release and is refused.
const formatVersion = 1

func appendPrefix(dst []byte, shard storage.ShardID) []byte {
	return binary.BigEndian.AppendUint16(dst, uint16(shard))
}

func appendKey(dst []byte, shard storage.ShardID, key []byte) []byte {
	return append(appendPrefix(dst, shard), key...)
}

// appendEnd appends the key that ends a range of the shard: end itself or, when
// end is empty, the prefix of the shard after it.
func appendEnd(dst []byte, shard storage.ShardID, end []byte) []byte {
	if len(end) == 0 {
		return appendPrefix(dst, shard+1)
	}
	return appendKey(dst, shard, end)
}

func headerKey() []byte {
	return append(binary.BigEndian.AppendUint16(nil, headerPrefix), "header"...)
}

func epochKey(shard storage.ShardID) []byte {
	key := append(binary.BigEndian.AppendUint16(nil, headerPrefix), "epoch"...)
	return binary.BigEndian.AppendUint16(key, uint16(shard))
}

// header describes the store as a whole. It is written when the store is
// created and never changed.
type header struct {
	version uint32
	shards  uint32
}

const headerLen = 8

// errHeader is reported for a header that no release can have written.
var errHeader = errors.New("the header of the store is damaged: restore the data directory from a backup")

func (h header) encode() []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, headerLen), h.version)
	return binary.BigEndian.AppendUint32(b, h.shards)
}

// decodeHeader reads the version before anything else, because what follows it
// is up to the version.
func decodeHeader(b []byte) (header, error) {
	if len(b) < 4 {
		return header{}, errHeader
	}
	h := header{version: binary.BigEndian.Uint32(b)}
	if h.version > formatVersion {
		return h, fmt.Errorf("%w: the store has format %d, this release reads up to %d: run the release that wrote it, or a newer one",
			ErrFormat, h.version, formatVersion)
	}
	if h.version == 0 || len(b) != headerLen {
		return header{}, errHeader
	}
	h.shards = binary.BigEndian.Uint32(b[4:])
	if h.shards == 0 || h.shards > MaxShards {
		return header{}, errHeader
	}
	return h, nil
}

func encodeEpoch(epoch uint64) []byte {
	return binary.BigEndian.AppendUint64(nil, epoch)
}

func decodeEpoch(b []byte) (uint64, error) {
	if len(b) != 8 {
		return 0, fmt.Errorf("an epoch of %d bytes: %w", len(b), errHeader)
	}
	return binary.BigEndian.Uint64(b), nil
}
