package dynamicconfig

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.yaml.in/yaml/v3"

	"github.com/perdure/perdure/internal/similar"
)

// Override is a key with its values, in place of those that a file has.
type Override struct {
	Key string
	// Value is YAML, and so may be JSON. It holds everywhere.
	Value string
}

// parse makes a state of the settings of the text of a file, of presets, which give way
// to it, and of overrides, to which it gives way. The error has everything that is
// wrong; the warnings are about what has no effect.
func parse(text []byte, presets, overrides []Override) (v *values, warnings []string, err error) {
	var file map[string][]struct {
		Value       any            `yaml:"value"`
		Constraints map[string]any `yaml:"constraints"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, nil, err
	}
	p := &parsing{lists: make(map[int][]constrainedValue[any])}
	for _, key := range slices.Sorted(maps.Keys(file)) {
		index, ok := p.lookup(key)
		if !ok {
			continue
		}
		if _, twice := p.lists[index]; twice {
			p.fail(key, errors.New("it is there twice, in upper and lower case"))
		}
		p.lists[index] = nil
		for _, item := range file[key] {
			if c, ok := p.constraints(key, settings[index].info().Scope, item.Constraints); ok {
				p.lists[index] = append(p.lists[index], constrainedValue[any]{c, item.Value})
			}
		}
	}
	for _, o := range overrides {
		if index, value, ok := p.override(o); ok {
			p.lists[index] = []constrainedValue[any]{{value: value}}
		}
	}
	for _, o := range presets {
		holdsEverywhere := func(v constrainedValue[any]) bool { return v.constraints == Constraints{} }
		if index, value, ok := p.override(o); ok && !slices.ContainsFunc(p.lists[index], holdsEverywhere) {
			p.lists[index] = append(p.lists[index], constrainedValue[any]{value: value})
		}
	}
	v = p.values()
	return v, p.warnings, errors.Join(p.errs...)
}

// parsing is what has been read so far.
type parsing struct {
	lists    map[int][]constrainedValue[any] // by the index of the setting
	warnings []string
	errs     []error
}

func (p *parsing) fail(key string, err error) {
	p.errs = append(p.errs, fmt.Errorf("%s: %w", key, err))
}

func (p *parsing) warn(format string, args ...any) {
	p.warnings = append(p.warnings, fmt.Sprintf(format, args...))
}

// lookup finds the setting with the key. An unknown one has no effect.
func (p *parsing) lookup(key string) (index int, ok bool) {
	index, ok = byKey[strings.ToLower(key)]
	switch similar := similarKey(key); {
	case ok:
	case similar != "":
		p.warn("%s: this server has no such setting; did you mean %s?", key, similar)
	default:
		p.warn("%s: this server has no such setting; it has no effect", key)
	}
	return index, ok
}

// override reads a key with one value.
func (p *parsing) override(o Override) (index int, value any, ok bool) {
	if err := yaml.Unmarshal([]byte(o.Value), &value); err != nil {
		p.fail(o.Key, err)
		return 0, nil, false
	}
	index, ok = p.lookup(o.Key)
	return index, value, ok
}

// constraints reads for what a value holds. ok is false for a value that holds for
// nothing.
func (p *parsing) constraints(key string, scope Scope, from map[string]any) (c Constraints, ok bool) {
	ok = true
	for name, value := range from {
		var err error
		needs := ScopeTaskQueue
		switch strings.ToLower(name) {
		case "namespace":
			needs = ScopeNamespace
			c.Namespace, err = textOf(value)
		case "taskqueuename":
			c.TaskQueue, err = textOf(value)
		case "tasktype":
			c.TaskType, err = taskType(value)
		default:
			p.warn("%s: this server has no constraint %s; the value %v has no effect", key, name, value)
			ok = false
			continue
		}
		if err != nil {
			p.fail(key, fmt.Errorf("constraint %s: %w", name, err))
			ok = false
		} else if scope < needs {
			p.warn("%s: its value depends on %v only, so the one for %s %v has no effect", key, scope, name, value)
			ok = false
		}
	}
	return c, ok
}

func textOf(value any) (string, error) {
	s, ok := value.(string)
	if !ok || s == "" {
		return "", fmt.Errorf("%v is not a name", value)
	}
	return s, nil
}

func taskType(value any) (enumspb.TaskQueueType, error) {
	switch v := value.(type) {
	case string:
		if t, err := enumspb.TaskQueueTypeFromString(v); err == nil && t != enumspb.TASK_QUEUE_TYPE_UNSPECIFIED {
			return t, nil
		}
	case int:
		if t := enumspb.TaskQueueType(v); t > enumspb.TASK_QUEUE_TYPE_UNSPECIFIED && enumspb.TaskQueueType_name[int32(t)] != "" {
			return t, nil
		}
	}
	return 0, fmt.Errorf("%v is not Workflow, Activity or Nexus", value)
}

// values converts what has been read.
func (p *parsing) values() *values {
	v := &values{bySetting: make([]any, len(settings))}
	for index, list := range p.lists {
		if len(list) == 0 {
			continue
		}
		converted, err := settings[index].convert(list)
		if err != nil {
			p.fail(settings[index].info().Key, err)
			continue
		}
		v.bySetting[index] = converted
		for _, item := range list {
			if name := item.constraints.Namespace; name != "" && !slices.Contains(v.namespaces, name) {
				v.namespaces = append(v.namespaces, name)
			}
		}
	}
	return v
}

// similarKey is the setting that somebody most likely means by a key that there is
// not; empty if none is like it.
func similarKey(key string) string {
	known := make([]string, 0, len(settings))
	for _, s := range settings {
		known = append(known, s.info().Key)
	}
	return similar.To(key, known)
}
