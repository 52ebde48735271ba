package config

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// hidden is what is printed of a secret value.
const hidden = "(hidden)"

// Shown are the values as they may be printed.
func (s *Setting) Shown() []string {
	values := s.get()
	if s.Secret && len(values) > 0 {
		return []string{hidden}
	}
	return values
}

// sentence is what the setting is, as a sentence.
func (s *Setting) sentence() string {
	first, size := utf8.DecodeRuneInString(s.Doc)
	return string(unicode.ToUpper(first)) + s.Doc[size:] + "."
}

// Example is a file with all settings, each with its default, commented out.
func (c *Config) Example() string {
	var b strings.Builder
	b.WriteString(`# Settings of a Perdure server: perdure server start --config perdure.yaml
#
# Every setting is here, with its default, commented out. Flags and variables of the
# environment go before this file.
`)
	section := ""
	for _, s := range c.schema.settings {
		name, indent := s.Key, ""
		b.WriteByte('\n')
		if before, last, inside := strings.Cut(s.Key, "."); inside {
			if before != section {
				fmt.Fprintf(&b, "%s:\n", before)
				section = before
			}
			name, indent = last, "  "
		}
		for _, line := range wrap(s.sentence(), 90-len(indent)) {
			fmt.Fprintf(&b, "%s# %s\n", indent, line)
		}
		fmt.Fprintf(&b, "%s# --%s, %s\n", indent, s.FlagName, s.Variable())
		fmt.Fprintf(&b, "%s#%s: %s\n", indent, name, s.yaml())
	}
	return b.String()
}

// yaml is the default as it stands in a file.
func (s *Setting) yaml() string {
	switch {
	case s.List:
		return "[" + s.Default + "]"
	case s.Default == "":
		return `""`
	}
	return s.Default
}

// Reference describes all settings, as text.
func (c *Config) Reference() string {
	var b strings.Builder
	for _, s := range c.schema.settings {
		fmt.Fprintf(&b, "%s\n    %s\n    %s", s.Key, s.sentence(), s.Type)
		if s.Default != "" {
			fmt.Fprintf(&b, ", default %s", s.Default)
		}
		fmt.Fprintf(&b, "; --%s, %s\n\n", s.FlagName, s.Variable())
	}
	return b.String()
}

// wrap breaks text into lines of at most width characters.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
