package connect

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/perdure/perdure/internal/cli/flags"
)

// Environment are the flags that choose an environment: values of flags, under a name, in a
// YAML file. They are what the Temporal CLI had before profiles, and has still.
type Environment struct{ name, file string }

// EnvironmentFlags are the names of the flags of Environment.
var EnvironmentFlags = []string{"env", "env-file"}

// defaultEnvironment is the one that is used if it is there and no other is chosen.
const defaultEnvironment = "default"

// AddTo adds the flags.
func (e *Environment) AddTo(set *pflag.FlagSet) {
	set.StringVar(&e.name, "env", "", `environment, whose values are those of flags that are not given (or TEMPORAL_ENV); "default" if not given`)
	set.StringVar(&e.file, "env-file", "", "file of environments; .config/temporalio/temporal.yaml in your home directory if not given")
}

// Name is the environment that is chosen.
func (e *Environment) Name() string {
	return cmp.Or(e.name, os.Getenv("TEMPORAL_ENV"), defaultEnvironment)
}

// Environments are the values of flags, by environment and flag.
type Environments map[string]map[string]string

// path is where the file is, or "" if nobody can say.
func (e *Environment) path() string {
	if e.file != "" {
		return e.file
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".config", "temporalio", "temporal.yaml")
}

// Load reads the file. One that is not there has no environments.
func (e *Environment) Load() (Environments, error) {
	path := e.path()
	content, err := os.ReadFile(path)
	if path == "" || errors.Is(err, fs.ErrNotExist) {
		return Environments{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the environments: %w", err)
	}
	var file struct {
		Env Environments `yaml:"env"`
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		return nil, fmt.Errorf("reading the environments: %s: %w", path, err)
	}
	if file.Env == nil {
		file.Env = Environments{}
	}
	return file.Env, nil
}

// Save replaces the file, which only its owner may read: there are keys in it.
func (e *Environment) Save(environments Environments) error {
	path := e.path()
	if path == "" {
		return errors.New("there is no home directory; say where the file is with --env-file")
	}
	content, err := yaml.Marshal(map[string]Environments{"env": environments})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("writing the environments: %w", err)
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return fmt.Errorf("writing the environments: %w", err)
	}
	return os.Rename(temporary, path)
}

// Apply gives flags that were not given the values of the environment, unless the variable
// that they are read from is set. An environment that is asked for must be there.
func (e *Environment) Apply(set *pflag.FlagSet) error {
	environments, err := e.Load()
	if err != nil {
		return err
	}
	values, ok := environments[e.Name()]
	if !ok && e.Name() != defaultEnvironment {
		return fmt.Errorf("environment %q not found in %s; 'perdure env list' shows which there are", e.Name(), e.path())
	}
	var wrong error
	set.VisitAll(func(flag *pflag.Flag) {
		value, given := values[flag.Name]
		if !given || flag.Changed || wrong != nil || variableIsSet(flag) {
			return
		}
		if err := set.Set(flag.Name, value); err != nil {
			wrong = flags.Usagef("environment %q, %s: %w", e.Name(), flag.Name, err)
		}
	})
	return wrong
}

// variableAnnotation is where a flag keeps the name of its variable.
const variableAnnotation = "perdure_variable"

// fromVariable notes that the value of a flag may be in a variable of the environment.
func fromVariable(set *pflag.FlagSet, name, variable string) {
	_ = set.SetAnnotation(name, variableAnnotation, []string{variable}) // the flag is there
}

func variableIsSet(flag *pflag.Flag) bool {
	for _, variable := range flag.Annotations[variableAnnotation] {
		if os.Getenv(variable) != "" {
			return true
		}
	}
	return false
}
