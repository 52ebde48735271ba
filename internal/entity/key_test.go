package entity

import (
	"bytes"
	"cmp"
	"math"
	"strings"
	"testing"
)

var keySamples = []string{"", "\x00", "\x00\x00", "\x00\x01", "\x00\xff", "a", "a\x00", "a\x00b", "a\x01", "ab", "b", "\xff", "\xff\x00"}

func TestEncodedStringsSortAsTheStringsDo(t *testing.T) {
	for _, a := range keySamples {
		for _, b := range keySamples {
			got := bytes.Compare(AppendString(nil, a), AppendString(nil, b))
			if want := strings.Compare(a, b); got != want {
				t.Errorf("%q and %q: %d, encoded %d", a, b, want, got)
			}
		}
	}
}

func TestNoEncodedKeyIsAPrefixOfAnother(t *testing.T) {
	var keys []Key
	for _, ns := range keySamples {
		for _, id := range keySamples {
			keys = append(keys, Key{KindWorkflow, ns, id})
		}
	}
	for _, a := range keys {
		for _, b := range keys {
			if a != b && bytes.HasPrefix(b.Encode(nil), a.Encode(nil)) {
				t.Errorf("%q is a prefix of %q", a, b)
			}
		}
	}
}

func TestEncodedIntsSortAsTheIntsDo(t *testing.T) {
	samples := []int64{0, 1, 255, 256, 1 << 40, math.MaxInt64}
	for _, a := range samples {
		for _, b := range samples {
			if got := bytes.Compare(AppendInt(nil, a), AppendInt(nil, b)); got != cmp.Compare(a, b) {
				t.Errorf("%d and %d: encoded %d", a, b, got)
			}
		}
	}
}

func TestTruncatedKeysAreErrors(t *testing.T) {
	whole := Key{KindWorkflow, "name\x00space", "id"}.Encode(nil)
	for n := range whole {
		if key, _, err := DecodeKey(whole[:n]); err == nil {
			t.Errorf("%q decodes to %v", whole[:n], key)
		}
	}
	if _, _, err := DecodeInt(make([]byte, 7)); err == nil {
		t.Error("seven bytes decode to an int")
	}
}

func FuzzKey(f *testing.F) {
	for _, ns := range keySamples {
		f.Add(byte(KindWorkflow), ns, "id", []byte("rest"))
	}
	f.Fuzz(func(t *testing.T, kind byte, namespace, id string, rest []byte) {
		key := Key{Kind(kind), namespace, id}
		got, left, err := DecodeKey(append(key.Encode(nil), rest...))
		if err != nil || got != key || !bytes.Equal(left, rest) {
			t.Errorf("%q became %q, rest %q, error %v", key, got, left, err)
		}
	})
}

func FuzzDecodeKey(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("w\x00\x02"))
	f.Add(Key{KindWorkflow, "a\x00", "b"}.Encode(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		key, rest, err := DecodeKey(b)
		if err != nil {
			return
		}
		// There is one encoding only.
		if again := append(key.Encode(nil), rest...); !bytes.Equal(again, b) {
			t.Errorf("%q is decoded to %q, which is encoded as %q", b, key, again)
		}
	})
}

func FuzzStringOrder(f *testing.F) {
	f.Add("a", "a\x00")
	f.Add("\x00\xff", "\x00\x01")
	f.Fuzz(func(t *testing.T, a, b string) {
		if got, want := bytes.Compare(AppendString(nil, a), AppendString(nil, b)), strings.Compare(a, b); got != want {
			t.Errorf("%q and %q: %d, encoded %d", a, b, want, got)
		}
	})
}
