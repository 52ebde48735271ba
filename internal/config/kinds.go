package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/searchattribute"
)

// kind is a type of settings.
type kind[T any] struct {
	// name is that of the type, for people.
	name string
	// list: there may be many values. Else parse gets exactly one.
	list bool
	// parse makes a value of text. An error is what the text has to be: "must be …".
	parse func([]string) (T, error)
	// format is the other way round; nothing for what is not set.
	format func(T) []string
}

// single is a kind with one value.
func single[T any](name string, parse func(string) (T, error), format func(T) string) kind[T] {
	return kind[T]{
		name:  name,
		parse: func(values []string) (T, error) { return parse(values[0]) },
		format: func(v T) []string {
			if text := format(v); text != "" {
				return []string{text}
			}
			return nil
		},
	}
}

var text = single("string",
	func(s string) (string, error) { return s, nil },
	func(s string) string { return s })

var texts = kind[[]string]{
	name: "strings", list: true,
	parse:  func(values []string) ([]string, error) { return slices.Clone(values), nil },
	format: func(values []string) []string { return values },
}

var boolean = single("bool",
	func(s string) (bool, error) {
		b, err := strconv.ParseBool(s)
		if err != nil {
			return false, fmt.Errorf("must be true or false, not %q", s)
		}
		return b, nil
	},
	strconv.FormatBool)

func number(least, most int) kind[int] {
	return single("int",
		func(s string) (int, error) {
			n, err := strconv.Atoi(s)
			switch {
			case err == nil && n >= least && n <= most:
				return n, nil
			case most == math.MaxInt:
				return 0, fmt.Errorf("must be a whole number of at least %d, not %s", least, s)
			}
			return 0, fmt.Errorf("must be between %d and %d, not %s", least, most, s)
		},
		strconv.Itoa)
}

func duration(least time.Duration) kind[time.Duration] {
	return single("duration",
		func(s string) (time.Duration, error) {
			d, err := dynamicconfig.ParseDuration(s)
			switch {
			case err != nil:
				return 0, fmt.Errorf("must be a duration such as 90s, 1h30m or 7d, not %q", s)
			case d < least:
				return 0, fmt.Errorf("must be at least %s, not %s", dynamicconfig.FormatDuration(least), s)
			}
			return d, nil
		},
		dynamicconfig.FormatDuration)
}

var size = single("bytes",
	func(s string) (int64, error) {
		n, err := humanize.ParseBytes(s)
		if err != nil || n > math.MaxInt64 {
			return 0, fmt.Errorf("must be a number of bytes such as 512MiB, not %q", s)
		}
		return int64(n), nil
	},
	func(n int64) string {
		if n == 0 {
			return ""
		}
		return strings.ReplaceAll(humanize.IBytes(uint64(n)), " ", "")
	})

func choice(choices []string) kind[string] {
	return single("string",
		func(s string) (string, error) {
			if lower := strings.ToLower(s); slices.Contains(choices, lower) {
				return lower, nil
			}
			return "", fmt.Errorf("must be %s, not %q", listed(choices, "or"), s)
		},
		func(s string) string { return s })
}

// searchAttributes are NAME=TYPE, with the type in upper or lower case.
var searchAttributes = kind[map[string]searchattribute.Type]{
	name: "NAME=TYPE", list: true,
	parse: func(values []string) (map[string]searchattribute.Type, error) {
		types := make(map[string]searchattribute.Type)
		for name, t := range searchattribute.Types() {
			types[strings.ToLower(name)] = t
		}
		parsed := make(map[string]searchattribute.Type, len(values))
		for _, attribute := range values {
			name, kind, ok := strings.Cut(attribute, "=")
			t, known := types[strings.ToLower(kind)]
			switch {
			case !ok || name == "" || !known:
				return nil, fmt.Errorf("must be NAME=TYPE with a type out of %s, not %q", attributeTypes(), attribute)
			case searchattribute.Reserved(name):
				return nil, fmt.Errorf("must not be %s: the name is reserved for the server; choose another one", name)
			}
			if other, twice := parsed[name]; twice && other != t {
				return nil, fmt.Errorf("must name each attribute once; %s is given twice, as %s and as %s", name, other, t)
			}
			parsed[name] = t
		}
		return parsed, nil
	},
	format: func(attributes map[string]searchattribute.Type) []string {
		var values []string
		for _, name := range slices.Sorted(maps.Keys(attributes)) {
			values = append(values, fmt.Sprintf("%s=%s", name, attributes[name]))
		}
		return values
	},
}

// attributeTypes names the types a custom search attribute can have.
func attributeTypes() string {
	return strings.Join(slices.Sorted(maps.Keys(searchattribute.Types())), ", ")
}

// overrides are settings that can change, as KEY=JSON. Keys are checked when the server
// starts.
var overrides = kind[[]dynamicconfig.Override]{
	name: "KEY=JSON", list: true,
	parse: func(values []string) ([]dynamicconfig.Override, error) {
		var parsed []dynamicconfig.Override
		for _, value := range values {
			key, text, ok := strings.Cut(value, "=")
			if !ok || key == "" {
				return nil, fmt.Errorf("must be KEY=JSON, not %q", value)
			}
			if !json.Valid([]byte(text)) {
				return nil, fmt.Errorf("must be KEY=JSON, and %q of %s is not JSON (a string needs quotes)", text, key)
			}
			parsed = append(parsed, dynamicconfig.Override{Key: key, Value: text})
		}
		return parsed, nil
	},
	format: func(overrides []dynamicconfig.Override) []string {
		var values []string
		for _, o := range overrides {
			values = append(values, o.Key+"="+o.Value)
		}
		return values
	},
}

func checkNamespace(name string) error {
	switch {
	case name == "" || len(name) > 1000:
		return fmt.Errorf("must be a name of 1 to 1000 bytes, not %q", name)
	case name == namespace.System:
		return errors.New("must not be " + name + ", which is reserved for the server itself; choose another name")
	}
	return nil
}
