package pebble

import (
	"bytes"
	"errors"
	"testing"

	"github.com/perdure/perdure/internal/storage"
)

func TestKeysOfShardsDoNotOverlapWithEachOtherNorWithTheHeader(t *testing.T) {
	longest := bytes.Repeat([]byte{0xff}, 100)
	for shard := range storage.ShardID(MaxShards) {
		last := appendKey(nil, shard, longest)
		end := appendEnd(nil, shard, nil)
		if bytes.Compare(last, end) >= 0 || bytes.Compare(end, headerKey()) > 0 {
			t.Fatalf("shard %d: last key %x, end %x", shard, last[:4], end)
		}
	}
}

func TestADamagedHeaderIsAnError(t *testing.T) {
	for _, b := range [][]byte{nil, {0}, {0, 0, 0, 1}, {0, 0, 0, 0, 0, 0, 0, 1}, {0, 0, 0, 1, 0, 0, 0, 0}, {0, 0, 0, 1, 0xff, 0, 0, 0}} {
		if h, err := decodeHeader(b); !errors.Is(err, errHeader) {
			t.Errorf("decodeHeader(%x) = %v, %v", b, h, err)
		}
	}
}

func FuzzDecodeHeader(f *testing.F) {
	f.Add(header{version: formatVersion, shards: 16}.encode())
	f.Add(header{version: formatVersion + 1, shards: 1}.encode())
	f.Add([]byte{0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := decodeHeader(b)
		switch {
		case err == nil:
			if !bytes.Equal(h.encode(), b) || h.shards == 0 || h.shards > MaxShards {
				t.Fatalf("decodeHeader(%x) = %+v", b, h)
			}
		case !errors.Is(err, errHeader) && !errors.Is(err, ErrFormat):
			t.Fatalf("decodeHeader(%x): %v", b, err)
		}
	})
}

func FuzzDecodeEpoch(f *testing.F) {
	f.Add(encodeEpoch(7))
	f.Fuzz(func(t *testing.T, b []byte) {
		if epoch, err := decodeEpoch(b); err == nil && !bytes.Equal(encodeEpoch(epoch), b) {
			t.Fatalf("decodeEpoch(%x) = %d", b, epoch)
		}
	})
}
