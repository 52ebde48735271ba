package workflow

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// configuration is the file of the flag -config.
type configuration struct {
	Decls map[string]bool `yaml:"decls"`
	Skip  []string        `yaml:"skip"`
}

// configure reads a configuration and adds it to the settings.
func (a *analyzer) configure(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	var config configuration
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&config); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the configuration %s: %w", path, err)
	}
	maps.Copy(a.options.Declarations, config.Decls)
	for _, skip := range config.Skip {
		pattern, err := regexp.Compile(skip)
		if err != nil {
			return fmt.Errorf("pattern of files to skip in %s: %w", path, err)
		}
		a.options.SkipFiles = append(a.options.SkipFiles, pattern)
	}
	return nil
}
