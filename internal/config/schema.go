package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Schema is the declared settings of one Config.
type Schema struct {
	settings []*Setting
	byKey    map[string]*Setting
}

func newSchema() *Schema { return &Schema{byKey: make(map[string]*Setting)} }

// Setting is one declared setting, whatever its type.
type Setting struct {
	// Key is its place in the file: the names of sections and its own, with dots between.
	Key string
	// FlagName is the name of its flag, Short its letter if it has one.
	FlagName, Short string
	// Type is that of its values, for people: "string", "int", "duration", ….
	Type string
	// Default is the default as text; "" for none.
	Default string
	// Doc says what it is, as a phrase that begins in lower case and has no full stop.
	Doc string
	// List reports whether there may be many values.
	List bool
	// Secret values are not printed.
	Secret bool

	target any // the field of the Config, to find the setting by
	// set sets the field. An error is what the value has to be: "must be …".
	set  func(values []string) error
	get  func() []string
	flag *flagValue // nil if flags have not been added

	origin Origin
}

// Flag gives the setting another name of its flag, and perhaps a letter.
func (s *Setting) Flag(name, short string) *Setting {
	s.FlagName, s.Short = name, short
	return s
}

// Hide keeps the value from being printed.
func (s *Setting) Hide() *Setting {
	s.Secret = true
	return s
}

// Also takes another word for a value.
func (s *Setting) Also(word, value string) *Setting {
	set := s.set
	s.set = func(values []string) error {
		values = slices.Clone(values)
		for i := range values {
			if strings.EqualFold(values[i], word) {
				values[i] = value
			}
		}
		return set(values)
	}
	return s
}

// Each adds a check of single values. Its error is what a value has to be: "must be …".
func (s *Setting) Each(check func(value string) error) *Setting {
	set := s.set
	s.set = func(values []string) error {
		for _, value := range values {
			if err := check(value); err != nil {
				return err
			}
		}
		return set(values)
	}
	return s
}

// Variable is the name of the setting in the environment.
func (s *Setting) Variable() string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(s.FlagName, "-", "_"))
}

// Values are what the setting is, as text; none if it is not set.
func (s *Setting) Values() []string { return s.get() }

// Origin is where the value is from.
func (s *Setting) Origin() Origin { return s.origin }

// declare declares a setting: its field, its type, its key in the file, its default and
// what it means.
func declare[T any](s *Schema, target *T, kind kind[T], key string, def T, doc string) *Setting {
	if s.byKey[key] != nil {
		panic("config: " + key + " is declared twice")
	}
	*target = def
	setting := &Setting{
		Key:      key,
		FlagName: flagName(key),
		Type:     kind.name,
		Default:  strings.Join(kind.format(def), ", "),
		Doc:      doc,
		List:     kind.list,
		target:   target,
		get:      func() []string { return kind.format(*target) },
		set: func(values []string) error {
			if !kind.list && len(values) != 1 {
				return errors.New("must be one value")
			}
			parsed, err := kind.parse(values)
			if err == nil {
				*target = parsed
			}
			return err
		},
	}
	s.settings = append(s.settings, setting)
	s.byKey[key] = setting
	return setting
}

// Text declares a setting that is any text.
func (s *Schema) Text(target *string, key, def, doc string) *Setting {
	return declare(s, target, text, key, def, doc)
}

// Texts declares a setting that is a list of texts.
func (s *Schema) Texts(target *[]string, key, doc string) *Setting {
	return declare(s, target, texts, key, nil, doc)
}

// Bool declares a setting that is true or false.
func (s *Schema) Bool(target *bool, key string, def bool, doc string) *Setting {
	return declare(s, target, boolean, key, def, doc)
}

// Int declares a setting that is a whole number between least and most.
func (s *Schema) Int(target *int, least, most int, key string, def int, doc string) *Setting {
	return declare(s, target, number(least, most), key, def, doc)
}

// Duration declares a setting that is a duration of at least least.
func (s *Schema) Duration(target *time.Duration, least time.Duration, key string, def time.Duration, doc string) *Setting {
	return declare(s, target, duration(least), key, def, doc)
}

// Bytes declares a setting that is a number of bytes, such as 512MiB; 0 is the default
// of whoever uses it.
func (s *Schema) Bytes(target *int64, key string, def int64, doc string) *Setting {
	return declare(s, target, size, key, def, doc)
}

// Choice declares a setting that is one of some words, in upper or lower case.
func (s *Schema) Choice(target *string, choices []string, key, def, doc string) *Setting {
	return declare(s, target, choice(choices), key, def, doc+": "+listed(choices, "or"))
}

// of is the setting of a field of the Config.
func (s *Schema) of(target any) *Setting {
	i := slices.IndexFunc(s.settings, func(setting *Setting) bool { return setting.target == target })
	return s.settings[i]
}

// wrong is an error about the setting of a field: "must not be empty".
func (s *Schema) wrong(target any, format string, args ...any) error {
	setting := s.of(target)
	return &Error{Origin: setting.origin, text: setting.named() + " " + fmt.Sprintf(format, args...)}
}

// missing is an error about a field that has to be set: what it is.
func (s *Schema) missing(target any, what string) error {
	setting := s.of(target)
	return &Error{Origin: Origin{Source: FromFlag}, text: fmt.Sprintf("--%s is required: %s. Or set %s in the file, or %s", setting.FlagName, what, setting.Key, setting.Variable())}
}

// named is the setting as whoever set it knows it.
func (s *Setting) named() string {
	switch s.origin.Source {
	case FromFlag:
		return "--" + s.FlagName
	case FromEnvironment:
		return s.Variable()
	case FromFile:
		return s.origin.Place + ": " + s.Key
	}
	return s.Key
}

// flagName makes data-dir of dataDir and tls-cert-file of tls.certFile.
func flagName(key string) string {
	var b strings.Builder
	upper := false
	for i, r := range key {
		switch {
		case r == '.':
			r = '-'
		case unicode.IsUpper(r) && i > 0 && !upper:
			b.WriteByte('-')
		}
		upper = unicode.IsUpper(r)
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// listed is "a, b or c".
func listed(words []string, or string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " " + or + " " + words[last]
}
