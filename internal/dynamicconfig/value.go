package dynamicconfig

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/internal/api/check"
)

// parser makes values of type T of what stands in YAML.
type parser[T any] struct {
	// name is that of the type, for people.
	name   string
	parse  func(any) (T, error)
	format func(T) string
}

// boolean reads true and false.
var boolean = parser[bool]{
	name: "bool",
	parse: func(v any) (bool, error) {
		switch v := v.(type) {
		case bool:
			return v, nil
		case string:
			if b, err := strconv.ParseBool(v); err == nil {
				return b, nil
			}
		}
		return false, fmt.Errorf("%v is not true or false", v)
	},
	format: strconv.FormatBool,
}

// number reads a whole number that is at least least.
func number(least int) parser[int] { return numberBetween(least, math.MaxInt) }

// numberBetween reads a whole number between least and most.
func numberBetween(least, most int) parser[int] {
	return parser[int]{
		name: "int",
		parse: func(v any) (int, error) {
			n, err := toFloat(v)
			switch {
			case err != nil || n != math.Trunc(n) || math.Abs(n) > 1<<53:
				return 0, fmt.Errorf("%v is not a whole number", v)
			case n < float64(least):
				return 0, fmt.Errorf("%v is less than %d", v, least)
			case n > float64(most):
				return 0, fmt.Errorf("%v is more than %d", v, most)
			}
			return int(n), nil
		},
		format: strconv.Itoa,
	}
}

// fraction reads a number between least and most.
func fraction(least, most float64) parser[float64] {
	return parser[float64]{
		name: "float",
		parse: func(v any) (float64, error) {
			n, err := toFloat(v)
			switch {
			case err != nil:
				return 0, err
			case !(n >= least && n <= most):
				return 0, fmt.Errorf("%v is not between %v and %v", v, least, most)
			}
			return n, nil
		},
		format: func(n float64) string { return strconv.FormatFloat(n, 'g', -1, 64) },
	}
}

func toFloat(v any) (float64, error) {
	switch v := v.(type) {
	case int:
		return float64(v), nil
	case int64:
		return float64(v), nil
	case uint64:
		return float64(v), nil
	case float64:
		return v, nil
	}
	return 0, fmt.Errorf("%v is not a number", v)
}

// duration reads what Go writes (1h30m), with d for days, and plain numbers as
// seconds.
func duration(least time.Duration) parser[time.Duration] {
	return parser[time.Duration]{
		name: "duration",
		parse: func(v any) (time.Duration, error) {
			d, err := toDuration(v)
			switch {
			case err != nil:
				return 0, fmt.Errorf("%v is not a duration such as 90s, 1h30m or 7d", v)
			case d < least:
				return 0, fmt.Errorf("%v is less than %v", v, formatDuration(least))
			}
			return d, nil
		},
		format: formatDuration,
	}
}

var errTooLong = errors.New("it is too long")

func toDuration(v any) (time.Duration, error) {
	text, ok := v.(string)
	if !ok {
		seconds, err := toFloat(v)
		return inUnits(seconds, time.Second, err)
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		return inUnits(n, 24*time.Hour, err)
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		return inUnits(seconds, time.Second, nil)
	}
	return time.ParseDuration(text)
}

func inUnits(n float64, unit time.Duration, err error) (time.Duration, error) {
	d := n * float64(unit)
	if err == nil && !(math.Abs(d) < math.MaxInt64) {
		err = errTooLong
	}
	return time.Duration(d), err
}

// formatDuration is the duration without units that are zero.
func formatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// fields reads the fields of a value that is a map. Names are the same in upper and
// lower case, and every field may be left out.
type fields map[string]any

func toFields(v any) (fields, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%v is not a map of fields", v)
	}
	f := make(fields, len(m))
	for name, value := range m {
		f[strings.ToLower(name)] = value
	}
	return f, nil
}

// take reads a field into the target, if it is there.
func take[T any](f fields, name string, p parser[T], target *T) error {
	v, ok := f[strings.ToLower(name)]
	if !ok {
		return nil
	}
	delete(f, strings.ToLower(name))
	value, err := p.parse(v)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	*target = value
	return nil
}

// rest refuses fields that nobody has taken.
func (f fields) rest() error {
	for name := range f {
		return fmt.Errorf("there is no field %s", name)
	}
	return nil
}

var retryDefaults = parser[check.RetryDefaults]{
	name: "map",
	parse: func(v any) (check.RetryDefaults, error) {
		d := check.UnboundedRetries
		f, err := toFields(v)
		if err != nil {
			return d, err
		}
		return d, errors.Join(
			take(f, "InitialIntervalInSeconds", duration(1), &d.InitialInterval),
			take(f, "MaximumIntervalCoefficient", fraction(1, math.MaxInt32), &d.MaximumIntervalCoefficient),
			take(f, "BackoffCoefficient", fraction(1, math.MaxInt32), &d.BackoffCoefficient),
			take(f, "MaximumAttempts", number(0), &d.MaximumAttempts),
			f.rest(),
		)
	},
	format: func(d check.RetryDefaults) string {
		return fmt.Sprintf("{InitialIntervalInSeconds: %v, MaximumIntervalCoefficient: %v, BackoffCoefficient: %v, MaximumAttempts: %d}",
			d.InitialInterval.Seconds(), d.MaximumIntervalCoefficient, d.BackoffCoefficient, d.MaximumAttempts)
	},
}

var text = parser[string]{
	name: "string",
	parse: func(v any) (string, error) {
		s, ok := v.(string)
		if !ok {
			return "", fmt.Errorf("%v is not text", v)
		}
		return s, nil
	},
	format: func(s string) string { return s },
}

// names reads a list of strings.
var names = parser[[]string]{
	name: "list",
	parse: func(v any) (list []string, err error) {
		items, ok := v.([]any)
		if !ok {
			return nil, fmt.Errorf("%v is not a list of names", v)
		}
		for _, item := range items {
			name, ok := item.(string)
			if !ok {
				return nil, fmt.Errorf("%v is not a name", item)
			}
			list = append(list, name)
		}
		return list, nil
	},
	format: func(list []string) string { return "[" + strings.Join(list, ", ") + "]" },
}

// ParseDuration reads a duration as it stands in files: as Go writes it (1h30m), with d
// for days, or as a number of seconds.
func ParseDuration(text string) (time.Duration, error) { return toDuration(text) }

// FormatDuration is the duration as files have it.
func FormatDuration(d time.Duration) string { return formatDuration(d) }
