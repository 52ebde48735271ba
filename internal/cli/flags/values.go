// Package flags holds the flags that several commands have in common, and the kinds of
// values that flags have besides those of pflag: choices, durations in days, times,
// names with JSON values. What is wrong with a value is said with what would be right.
package flags

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// UsageError is an error in the command line itself.
type UsageError struct{ error }

// Unwrap gives what is wrong.
func (e *UsageError) Unwrap() error { return e.error }

// Usage makes an error an error in the command line.
func Usage(err error) error { return &UsageError{err} }

// Usagef is an error in the command line.
func Usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// Enum is a flag that is one of several words. Upper and lower case are the same, and so
// are AllowDuplicate, allow-duplicate and ALLOW_DUPLICATE.
type Enum struct {
	choices []string
	value   string
	changed bool
}

// NewEnum is a choice out of some, with its default, which may be empty.
func NewEnum(value string, choices ...string) *Enum { return &Enum{choices: choices, value: value} }

// Choices lists what can be chosen.
func (e *Enum) Choices() string { return listed(e.choices) }

// Value is what was chosen, in the spelling of the choices.
func (e *Enum) Value() string { return e.value }

// Changed reports whether it was chosen, not the default.
func (e *Enum) Changed() bool { return e.changed }

// String implements pflag.Value.
func (e *Enum) String() string { return e.value }

// Type implements pflag.Value.
func (e *Enum) Type() string { return "choice" }

// Set implements pflag.Value.
func (e *Enum) Set(s string) error {
	value, err := choose(s, e.choices)
	if err != nil {
		return err
	}
	e.value, e.changed = value, true
	return nil
}

// Words implements the completion of shells.
func (e *Enum) Words() []string { return e.choices }

// Enums is a flag that may be repeated, each time with one of several words.
type Enums struct {
	choices []string
	values  []string
}

// NewEnums is a list of choices, empty at first.
func NewEnums(choices ...string) *Enums { return &Enums{choices: choices} }

// Choices lists what can be chosen.
func (e *Enums) Choices() string { return listed(e.choices) }

// Values are those that were chosen, in the spelling of the choices.
func (e *Enums) Values() []string { return e.values }

// String implements pflag.Value.
func (e *Enums) String() string { return strings.Join(e.values, ",") }

// Type implements pflag.Value.
func (e *Enums) Type() string { return "choices" }

// Set implements pflag.Value.
func (e *Enums) Set(s string) error {
	for _, word := range strings.Split(s, ",") {
		value, err := choose(word, e.choices)
		if err != nil {
			return err
		}
		e.values = append(e.values, value)
	}
	return nil
}

// Words implements the completion of shells.
func (e *Enums) Words() []string { return e.choices }

func choose(s string, choices []string) (string, error) {
	i := slices.IndexFunc(choices, func(choice string) bool { return plain(choice) == plain(s) })
	if i < 0 {
		return "", fmt.Errorf("must be %s", listed(choices))
	}
	return choices[i], nil
}

func plain(s string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(s))
}

// listed is "a, b or c".
func listed(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// Duration is a duration that may have days: 7d, 1d12h, 90m.
type Duration time.Duration

var days = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)d`)

// String implements pflag.Value. Zero, which is not given, is empty.
func (d *Duration) String() string {
	if *d == 0 {
		return ""
	}
	return time.Duration(*d).String()
}

// Type implements pflag.Value.
func (d *Duration) Type() string { return "duration" }

// Set implements pflag.Value.
func (d *Duration) Set(s string) error {
	parsed, err := ParseDuration(s)
	if err != nil {
		return err
	}
	*d = Duration(parsed)
	return nil
}

// ParseDuration reads a duration as Go writes it, which days may stand before.
func ParseDuration(s string) (time.Duration, error) {
	var total time.Duration
	rest := s
	if match := days.FindStringSubmatch(s); match != nil {
		n, err := strconv.ParseFloat(match[1], 64)
		if err != nil || n*24 > math.MaxInt64/float64(time.Hour) {
			return 0, fmt.Errorf("%q is too long for a duration", s)
		}
		total, rest = time.Duration(n*float64(24*time.Hour)), s[len(match[0]):]
		if rest == "" {
			return total, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration like 90s, 1h30m or 7d", s)
	}
	return total + d, nil
}

// Time is a point in time: as in RFC 3339, with or without its zone (UTC without), or
// a date.
type Time time.Time

// String implements pflag.Value.
func (t *Time) String() string {
	if time.Time(*t).IsZero() {
		return ""
	}
	return time.Time(*t).Format(time.RFC3339)
}

// Type implements pflag.Value.
func (t *Time) Type() string { return "timestamp" }

// Set implements pflag.Value.
func (t *Time) Set(s string) error {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly} {
		if parsed, err := time.Parse(layout, s); err == nil {
			*t = Time(parsed)
			return nil
		}
	}
	return fmt.Errorf("%q is not a time like 2026-01-31T12:00:00Z", s)
}

// KeyValues reads KEY=VALUE.
func KeyValues(flag string, items []string) (map[string]string, error) {
	if len(items) == 0 {
		return nil, nil
	}
	values := make(map[string]string, len(items))
	for _, item := range items {
		key, value, ok := strings.Cut(item, "=")
		if !ok || key == "" {
			return nil, Usagef("--%s must be KEY=VALUE, not %q", flag, item)
		}
		values[key] = value
	}
	return values, nil
}

// JSONValues reads KEY=JSON.
func JSONValues(flag string, items []string) (map[string]any, error) {
	texts, err := KeyValues(flag, items)
	if err != nil || texts == nil {
		return nil, err
	}
	values := make(map[string]any, len(texts))
	for key, text := range texts {
		var value any
		decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
		if err := decoder.Decode(&value); err != nil || decoder.More() {
			return nil, Usagef("--%s %s=%s: the value is not JSON; a text is in double quotes: --%s '%s=%q'", flag, key, text, flag, key, text)
		}
		values[key] = value
	}
	return values, nil
}
