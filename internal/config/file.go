package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/perdure/perdure/internal/similar"
)

// maxFile is the largest file that is read, in bytes.
const maxFile = 1 << 20

// readFile sets what the file says.
func (s *Schema) readFile(path string) []error {
	f, err := os.Open(path)
	if err != nil {
		return []error{fmt.Errorf("configuration: %w", err)}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return []error{fmt.Errorf("configuration: %w", err)}
	case len(data) > maxFile:
		return []error{fmt.Errorf("configuration: %s has more than %d bytes", path, maxFile)}
	}
	return s.parseFile(path, data)
}

// parseFile sets what the text of a file says. The path is for errors.
func (s *Schema) parseFile(path string, data []byte) []error {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil // nothing, or comments alone
		}
		return []error{fmt.Errorf("%s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))}
	}
	reader := &fileReader{schema: s, path: path}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		reader.fail(&second, "there must be one document in the file")
	}
	reader.section("", document.Content[0])
	return reader.errs
}

// fileReader walks through a file.
type fileReader struct {
	schema *Schema
	path   string
	errs   []error
}

func (r *fileReader) at(node *yaml.Node) Origin {
	return Origin{FromFile, fmt.Sprintf("%s:%d", r.path, node.Line)}
}

func (r *fileReader) fail(node *yaml.Node, format string, args ...any) {
	origin := r.at(node)
	r.errs = append(r.errs, &Error{Origin: origin, text: origin.Place + ": " + fmt.Sprintf(format, args...)})
}

// section reads a mapping whose keys begin with prefix, which ends with a dot unless it
// is empty.
func (r *fileReader) section(prefix string, node *yaml.Node) {
	if null(node) {
		return // all of it is commented out
	}
	if node.Kind != yaml.MappingNode {
		what := "the file"
		if prefix != "" {
			what = strings.TrimSuffix(prefix, ".")
		}
		r.fail(node, "%s must be keys with values", what)
		return
	}
	lines := make(map[string]int)
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		key := prefix + name.Value
		if line, twice := lines[key]; twice {
			r.fail(name, "%s is there twice, first in line %d", key, line)
			continue
		}
		lines[key] = name.Line
		switch setting := r.schema.byKey[key]; {
		case setting != nil:
			r.setting(setting, name, value)
		case r.schema.sectionNamed(key):
			r.section(key+".", value)
		default:
			r.unknown(prefix, name)
		}
	}
}

func (r *fileReader) setting(setting *Setting, name, node *yaml.Node) {
	if null(node) {
		return
	}
	values, ok := valuesOf(setting, node)
	if !ok {
		want := "one value"
		if setting.List {
			want = "a list of values"
		}
		r.fail(name, "%s must be %s", setting.Key, want)
		return
	}
	if err := setting.assign(r.at(name), values); err != nil {
		r.errs = append(r.errs, err)
	}
}

// valuesOf are the values of a node: a scalar, a list of them, or, where a setting is a
// list of NAME=VALUE, a mapping. Aliases are not followed.
func valuesOf(setting *Setting, node *yaml.Node) (values []string, ok bool) {
	switch {
	case node.Kind == yaml.ScalarNode:
		return []string{node.Value}, true
	case !setting.List:
		return nil, false
	case node.Kind == yaml.SequenceNode:
		for _, item := range node.Content {
			if item.Kind != yaml.ScalarNode {
				return nil, false
			}
			values = append(values, item.Value)
		}
		return values, true
	case node.Kind == yaml.MappingNode && strings.Contains(setting.Type, "="):
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i+1].Kind != yaml.ScalarNode {
				return nil, false
			}
			values = append(values, node.Content[i].Value+"="+node.Content[i+1].Value)
		}
		return values, true
	}
	return nil, false
}

func null(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

// unknown is a key that is neither a setting nor a section.
func (r *fileReader) unknown(prefix string, name *yaml.Node) {
	key := prefix + name.Value
	near := similar.To(key, r.schema.keys())
	if near == "" {
		// A key that stands in the wrong section.
		for _, s := range r.schema.settings {
			if last := s.Key[strings.LastIndexByte(s.Key, '.')+1:]; strings.EqualFold(last, name.Value) || strings.EqualFold(s.FlagName, name.Value) {
				near = s.Key
				break
			}
		}
	}
	if near != "" {
		r.fail(name, "there is no setting %s; did you mean %s?", key, near)
		return
	}
	r.fail(name, "there is no setting %s", key)
}

// keys are those of all settings and sections.
func (s *Schema) keys() []string {
	var keys []string
	for _, setting := range s.settings {
		keys = append(keys, setting.Key)
		for i, r := range setting.Key {
			if section := setting.Key[:i]; r == '.' && !slices.Contains(keys, section) {
				keys = append(keys, section)
			}
		}
	}
	return keys
}

func (s *Schema) sectionNamed(key string) bool {
	return slices.ContainsFunc(s.settings, func(setting *Setting) bool { return strings.HasPrefix(setting.Key, key+".") })
}
