package sqlite

import (
	"strings"
	"unicode"
)

// words are what a text is found by: its runs of letters and digits, in lower case and
// without repetition.
func words(text string) []string {
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
