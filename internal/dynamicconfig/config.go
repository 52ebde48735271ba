package dynamicconfig

import (
	"sync/atomic"
)

// Config is the settings of a server. It may be read from many goroutines. Nil, and
// the zero value, have the defaults.
type Config struct{ values atomic.Pointer[values] }

// values is one state of the settings, which is never changed.
type values struct {
	// bySetting has for each setting, by its index, the list of its values; nil if there
	// are none but the default.
	bySetting []any
	// namespaces are those that have values of their own.
	namespaces []string
}

func (c *Config) current() *values {
	if c == nil {
		return nil
	}
	return c.values.Load()
}

// Derived is what is made of several settings of a namespace, kept until the
// configuration changes: for a value that is needed so often that its settings are
// not to be looked up one by one.
type Derived[T any] struct {
	config *Config
	derive func(c *Config, namespace string) *T
	kept   atomic.Pointer[derived[T]]
}

type derived[T any] struct {
	from *values
	// any is for namespaces without values of their own, byNamespace for the others.
	any         *T
	byNamespace map[string]*T
}

// Derive returns the value that is made by a function of the configuration and the
// name of a namespace. The name is empty for all namespaces without settings of their
// own.
func Derive[T any](config *Config, derive func(c *Config, namespace string) *T) *Derived[T] {
	return &Derived[T]{config: config, derive: derive}
}

// Get is the value for the namespace whose name is found with name, which is called
// only if any namespace has settings of its own.
func (d *Derived[T]) Get(name func() string) *T {
	current := d.config.current()
	kept := d.kept.Load()
	if kept == nil || kept.from != current {
		kept = d.make(current)
	}
	if len(kept.byNamespace) > 0 {
		if own := kept.byNamespace[name()]; own != nil {
			return own
		}
	}
	return kept.any
}

// make makes the values anew. It may be done twice at once, with the same result.
func (d *Derived[T]) make(current *values) *derived[T] {
	// All of it is of one state of the settings, however long it takes.
	frozen := new(Config)
	frozen.values.Store(current)
	made := &derived[T]{from: current, any: d.derive(frozen, "")}
	if current != nil && len(current.namespaces) > 0 {
		made.byNamespace = make(map[string]*T, len(current.namespaces))
		for _, name := range current.namespaces {
			made.byNamespace[name] = d.derive(frozen, name)
		}
	}
	d.kept.Store(made)
	return made
}
