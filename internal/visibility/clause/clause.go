// Package clause makes SQL of the conditions of visibility queries, for the indexes that are databases. What differs
// between them is a Dialect; which columns there are, and from where rows are read, is theirs.
package clause

import (
	"math"
	"strings"
	"time"
	"unicode"
)

// Fragment is a piece of SQL and its parameters, which are question marks in the text. Nothing of a client's is ever in
// the text.
type Fragment struct {
	Text string
	Args []any
}

// SQL is a fragment.
func SQL(text string, args ...any) Fragment { return Fragment{text, args} }

// With is the fragment with text before and behind it.
func (f Fragment) With(before, behind string) Fragment {
	return Fragment{before + f.Text + behind, f.Args}
}

// Then is the fragment with text and parameters behind it.
func (f Fragment) Then(text string, args ...any) Fragment {
	return Fragment{f.Text + text, append(f.Args[:len(f.Args):len(f.Args)], args...)}
}

// Joined puts a separator between fragments.
func Joined(parts []Fragment, separator string) Fragment {
	texts := make([]string, len(parts))
	var args []any
	for i, part := range parts {
		texts[i] = part.Text
		args = append(args, part.Args...)
	}
	return Fragment{strings.Join(texts, separator), args}
}

// combined puts fragments between brackets, with the word between them, as a tree that is as flat as can be: SQLite
// refuses expressions that are a thousand levels deep. empty is what none are.
func combined(word string, parts []Fragment, empty string) Fragment {
	switch len(parts) {
	case 0:
		return SQL(empty)
	case 1:
		return parts[0]
	}
	half := len(parts) / 2
	return Joined([]Fragment{combined(word, parts[:half], empty), combined(word, parts[half:], empty)}, " "+word+" ").With("(", ")")
}

// EndOfTime is when open runs close: they are in front of all that have closed.
const EndOfTime = math.MaxInt64

// Nanos is a time in nanoseconds since 1970, the nearest one that there is.
func Nanos(t time.Time) int64 {
	switch seconds := t.Unix(); {
	case seconds > math.MaxInt64/int64(time.Second)-1:
		return EndOfTime - 1
	case seconds < math.MinInt64/int64(time.Second)+1:
		return math.MinInt64
	}
	return t.UnixNano()
}

// Words are what a text is found by: its runs of letters and digits, in lower case and
// without repetition.
func Words(text string) []string {
	fields := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) && !unicode.Is(unicode.Co, r)
	})
	seen := make(map[string]bool, len(fields))
	distinct := fields[:0]
	for _, word := range fields {
		if !seen[word] {
			seen[word] = true
			distinct = append(distinct, word)
		}
	}
	return distinct
}

// prefixEnd is the smallest string above all that begin with the prefix; "" if there
// is none.
func prefixEnd(prefix string) string {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			return prefix[:i] + string([]byte{prefix[i] + 1})
		}
	}
	return ""
}
