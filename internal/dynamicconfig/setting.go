package dynamicconfig

import (
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
)

// Scope is what the value of a setting may depend on.
type Scope int

const (
	// ScopeGlobal: there is one value.
	ScopeGlobal Scope = iota
	// ScopeNamespace: there may be a value for a namespace.
	ScopeNamespace
	// ScopeTaskQueue: there may be a value for a namespace, for the name of a task
	// queue, for a task queue of a namespace, and for one type of its tasks.
	ScopeTaskQueue
)

// String names what a value may depend on as files do.
func (s Scope) String() string {
	switch s {
	case ScopeNamespace:
		return "namespace"
	case ScopeTaskQueue:
		return "namespace, taskQueueName, taskType"
	}
	return "nothing"
}

// Constraints say for what a value holds. The zero value of a field is any.
type Constraints struct {
	Namespace string
	TaskQueue string
	TaskType  enumspb.TaskQueueType
}

// Info is what there is to know of a setting besides its value.
type Info struct {
	Key   string
	Type  string // "bool", "int", "duration", …
	Scope Scope
	// Default is the default as a file has it.
	Default string
	// Doc is one sentence about what the setting does.
	Doc string
}

// declared is any setting, whatever its type.
type declared interface {
	info() *Info
	// convert makes a list of values for the setting, as it was read from YAML, into
	// what Config keeps.
	convert(list []constrainedValue[any]) (any, error)
}

// settings has all settings, each at its index; byKey finds one by its
// key in lower case.
var (
	settings []declared
	byKey    = make(map[string]int)
)

// All describes every setting, in the order of their keys.
func All() []Info {
	infos := make([]Info, 0, len(settings))
	for _, s := range settings {
		infos = append(infos, *s.info())
	}
	slices.SortFunc(infos, func(a, b Info) int {
		return strings.Compare(strings.ToLower(a.Key), strings.ToLower(b.Key))
	})
	return infos
}

// setting is a setting with values of type T.
type setting[T any] struct {
	about Info
	index int
	def   T
	parse parser[T]
}

func (s *setting[T]) info() *Info { return &s.about }

// declare makes a setting. It is for the table only: keys are unique, whatever their
// case.
func declare[T any](key string, scope Scope, def T, parse parser[T], doc string) setting[T] {
	if _, twice := byKey[strings.ToLower(key)]; twice {
		panic("dynamicconfig: " + key + " is declared twice")
	}
	return setting[T]{
		about: Info{Key: key, Type: parse.name, Scope: scope, Default: parse.format(def), Doc: doc},
		index: len(settings),
		def:   def,
		parse: parse,
	}
}

func (s *setting[T]) register(d declared) {
	settings = append(settings, d)
	byKey[strings.ToLower(s.about.Key)] = s.index
}

// constrainedValue is a value and for what it holds.
type constrainedValue[T any] struct {
	constraints Constraints
	value       T
}

// list is the values of a setting that are not its default. They are few: they are
// looked through one by one.
type list[T any] []constrainedValue[T]

func (l list[T]) find(c Constraints) (value T, ok bool) {
	for i := range l {
		if l[i].constraints == c {
			return l[i].value, true
		}
	}
	return value, false
}

func (s *setting[T]) convert(values []constrainedValue[any]) (any, error) {
	converted := make(list[T], 0, len(values))
	for _, v := range values {
		value, err := s.parse.parse(v.value)
		if err != nil {
			return nil, err
		}
		converted = append(converted, constrainedValue[T]{v.constraints, value})
	}
	return converted, nil
}

// values are those of the setting that are not its default; nil for none.
func (s *setting[T]) values(c *Config) list[T] {
	current := c.current()
	if current == nil || current.bySetting[s.index] == nil {
		return nil
	}
	return current.bySetting[s.index].(list[T])
}

// Default is the value that holds unless the configuration says otherwise.
func (s *setting[T]) Default() T { return s.def }

// Key is the name of the setting.
func (s *setting[T]) Key() string { return s.about.Key }

// Global is a setting with one value.
type Global[T any] struct{ setting[T] }

// Get is the value. A nil config has the defaults.
func (s *Global[T]) Get(c *Config) T {
	if values := s.values(c); values != nil {
		if v, ok := values.find(Constraints{}); ok {
			return v
		}
	}
	return s.def
}

// Namespace is a setting that may have a value of its own for a namespace.
type Namespace[T any] struct{ setting[T] }

// Get is the value for the namespace with the name. A nil config has the defaults.
func (s *Namespace[T]) Get(c *Config, namespace string) T {
	if values := s.values(c); values != nil {
		if v, ok := values.find(Constraints{Namespace: namespace}); ok {
			return v
		}
		if v, ok := values.find(Constraints{}); ok {
			return v
		}
	}
	return s.def
}

// TaskQueue is a setting that may have a value of its own for a task queue.
type TaskQueue[T any] struct{ setting[T] }

// Get is the value for tasks of the type in the task queue of the namespace with the
// name. A nil config has the defaults.
func (s *TaskQueue[T]) Get(c *Config, namespace, taskQueue string, taskType enumspb.TaskQueueType) T {
	values := s.values(c)
	if values == nil {
		return s.def
	}
	for _, at := range [...]Constraints{
		{Namespace: namespace, TaskQueue: taskQueue, TaskType: taskType},
		{Namespace: namespace, TaskQueue: taskQueue},
		{TaskQueue: taskQueue},
		{Namespace: namespace},
		{},
	} {
		if v, ok := values.find(at); ok {
			return v
		}
	}
	return s.def
}

func global[T any](key string, def T, parse parser[T], doc string) *Global[T] {
	s := &Global[T]{declare(key, ScopeGlobal, def, parse, doc)}
	s.register(s)
	return s
}

func byNamespace[T any](key string, def T, parse parser[T], doc string) *Namespace[T] {
	s := &Namespace[T]{declare(key, ScopeNamespace, def, parse, doc)}
	s.register(s)
	return s
}

func byTaskQueue[T any](key string, def T, parse parser[T], doc string) *TaskQueue[T] {
	s := &TaskQueue[T]{declare(key, ScopeTaskQueue, def, parse, doc)}
	s.register(s)
	return s
}
