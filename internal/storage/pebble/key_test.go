package pebble

import (
	"bytes"
	"errors"
	"testing"

	"github.com/perdure/perdure/internal/storage"
)

func TestKeysOfShardsDoNotOverlapWithEachOtherNorWithTheHeader(t *testing.T) {
	longest := bytes.Repeat([]byte{0xff}, 100)
	var before []byte
	for _, g := range []generation{0, 1} {
		for shard := range storage.ShardID(MaxShards) {
			first, last, end := g.appendPrefix(nil, shard), g.appendKey(nil, shard, longest), g.appendEnd(nil, shard, nil)
			if bytes.Compare(before, first) > 0 || bytes.Compare(last, end) >= 0 || bytes.Compare(end, headerKey()) > 0 {
				t.Fatalf("generation %d, shard %d: keys from %x to %x, end %x, those before end at %x", g, shard, first, last[:4], end, before)
			}
			if shardOfKey(first) != shard {
				t.Fatalf("generation %d, shard %d: the prefix is taken for that of shard %d", g, shard, shardOfKey(first))
			}
			before = end
		}
	}
}

func TestADamagedHeaderIsAnError(t *testing.T) {
	good := header{version: 3, upgradeFrom: 2, shards: 16, generation: 1}
	if h, err := decodeHeader(good.encode()); err != nil || h != good {
		t.Fatalf("a good header: %+v, %v", h, err)
	}
	for name, b := range map[string][]byte{
		"nothing":                  nil,
		"cut off":                  good.encode()[:15],
		"no shards":                header{version: 3, upgradeFrom: 3}.encode(),
		"too many shards":          header{version: 3, upgradeFrom: 3, shards: MaxShards + 1}.encode(),
		"upgraded from the future": header{version: 3, upgradeFrom: 4, shards: 1}.encode(),
		"an impossible generation": header{version: 3, upgradeFrom: 3, shards: 1, generation: 2}.encode(),
	} {
		if h, err := decodeHeader(b); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
}

func FuzzDecodeHeader(f *testing.F) {
	f.Add(header{version: 2, upgradeFrom: 2, shards: 16}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := decodeHeader(b)
		switch {
		case err == nil:
			if !bytes.Equal(h.encode(), b) || h.shards == 0 || h.shards > MaxShards {
				t.Fatalf("decodeHeader(%x) = %+v", b, h)
			}
		case !errors.Is(err, ErrDamaged):
			t.Fatalf("decodeHeader(%x): %v", b, err)
		}
	})
}

func FuzzDecodeReshard(f *testing.F) {
	f.Add((&reshardRecord{To: 64, Position: []byte{0, 1, 2}, Pairs: 1}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := decodeReshard(b); err != nil && !errors.Is(err, ErrDamaged) || err == nil && (r.To == 0 || r.To > MaxShards) {
			t.Fatalf("decodeReshard(%q) = %+v, %v", b, r, err)
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
