package postgres

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"time"

	"github.com/perdure/perdure/internal/visibility/clause"
)

// longest is the most bytes of a value that are kept as they are. An entry of an index has to fit into
// a third of a page.
const longest = 2100

// encode makes bytes of a value of a search attribute, which sort as the values do.
func encode(value any) []byte {
	switch v := value.(type) {
	case string:
		return encodeText(v)
	case bool:
		if v {
			return encodeInt(1)
		}
		return encodeInt(0)
	case time.Time:
		return encodeInt(clause.Nanos(v))
	case int64:
		return encodeInt(v)
	case float64:
		return encodeNumber(v, 0)
	}
	return nil
}

// encodeText keeps a text as it is. Of one that is too long for an index only equality is kept, and the
// order among those that differ early.
func encodeText(text string) []byte {
	if len(text) <= longest {
		return []byte(text)
	}
	sum := sha256.Sum256([]byte(text))
	return append([]byte(text[:longest]), sum[:]...)
}

// Numbers are the nearest float64 and what is missing from it, so whole numbers and others are in
// one order, and none is rounded.
func encodeInt(n int64) []byte {
	f := float64(n)
	if f == 1<<63 {
		return encodeNumber(f, n-math.MaxInt64-1)
	}
	return encodeNumber(f, n-int64(f))
}

func encodeNumber(f float64, more int64) []byte {
	bits := math.Float64bits(f + 0) // minus zero is zero
	if f == 0 {
		bits = 0
	}
	if bits>>63 == 1 {
		bits = ^bits
	} else {
		bits |= 1 << 63
	}
	b := binary.BigEndian.AppendUint64(nil, bits)
	return binary.BigEndian.AppendUint64(b, uint64(more)^1<<63)
}
