package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/perdure/perdure/internal/similar"
)

// variablePrefix begins the names of all variables of the environment.
const variablePrefix = "PERDURE_"

// FileFlag and FileVariable name the file.
const (
	FileFlag     = "config"
	FileVariable = variablePrefix + "CONFIG"
)

// Source is where a value is from.
type Source int

// The sources, each before those that go before it.
const (
	FromDefault Source = iota
	FromFile
	FromEnvironment
	FromFlag
)

// Origin is where a value is from.
type Origin struct {
	Source Source
	// Place is the file with the line, the variable or the flag; empty for a default.
	Place string
}

// String is the place, for people.
func (o Origin) String() string {
	if o.Source == FromDefault {
		return "default"
	}
	return o.Place
}

// Error is a setting that is not right.
type Error struct {
	Origin Origin
	text   string
}

func (e *Error) Error() string { return e.text }

// Load fills in what the file, the environment and the flags say. The file is that of
// the flag --config, or else that of PERDURE_CONFIG. The environment is as os.Environ
// has it. The error has everything that is wrong, as *Error joined. The warnings are
// about variables that have no effect.
func (c *Config) Load(file string, environment []string) (warnings []string, err error) {
	variables, warnings := c.schema.variables(environment)
	var errs []error
	if file == "" {
		file = variables[FileVariable]
	}
	if file != "" {
		c.file = file
		errs = append(errs, c.schema.readFile(file)...)
	}
	for _, s := range c.schema.settings {
		if value, ok := variables[s.Variable()]; ok {
			errs = append(errs, s.assign(Origin{FromEnvironment, s.Variable()}, s.split(value)))
		}
		if s.flag != nil && s.flag.values != nil {
			errs = append(errs, s.assign(Origin{FromFlag, "--" + s.FlagName}, s.flag.values))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return warnings, err
	}
	for _, section := range c.sections() {
		errs = append(errs, section.check(c.schema, c.kind)...)
	}
	return warnings, errors.Join(errs...)
}

// File is the file that was read; empty for none.
func (c *Config) File() string { return c.file }

// assign sets the values if they are right.
func (s *Setting) assign(origin Origin, values []string) error {
	before := s.origin
	s.origin = origin
	if err := s.set(values); err != nil {
		text := s.named() + " " + err.Error()
		s.origin = before
		return &Error{Origin: origin, text: text}
	}
	return nil
}

// split makes the list of a variable: values with commas between.
func (s *Setting) split(value string) []string {
	if !s.List {
		return []string{value}
	}
	if value == "" {
		return []string{}
	}
	values := strings.Split(value, ",")
	for i := range values {
		values[i] = strings.TrimSpace(values[i])
	}
	return values
}

// variables are those of the environment that are settings. Kubernetes gives every
// process variables about services: one with the name perdure makes it set PERDURE_PORT
// to an URL, and others. These are passed over.
func (s *Schema) variables(environment []string) (variables map[string]string, warnings []string) {
	known := []string{FileVariable}
	for _, setting := range s.settings {
		known = append(known, setting.Variable())
	}
	variables = make(map[string]string)
	for _, entry := range environment {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, variablePrefix) || ofKubernetes(name, value) {
			continue
		}
		if slices.Contains(known, name) {
			variables[name] = value
			continue
		}
		warning := fmt.Sprintf("The variable %s is not that of any setting and has no effect", name)
		if near := similar.To(name, known); near != "" {
			warning += "; did you mean " + near + "?"
		}
		warnings = append(warnings, warning)
	}
	slices.Sort(warnings)
	return variables, warnings
}

func ofKubernetes(name, value string) bool {
	return strings.HasPrefix(value, "tcp://") || strings.HasPrefix(value, "udp://") ||
		strings.Contains(name, "_SERVICE_HOST") || strings.Contains(name, "_SERVICE_PORT") || strings.Contains(name, "_PORT_")
}
