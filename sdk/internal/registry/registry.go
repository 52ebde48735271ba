// Package registry keeps the workflows and activities that a worker has been
// told about: under which names, with which options, and how to call them.
//
// A Registry is filled before the worker starts and read by every task after
// that. Names are part of the wire format: a function's name is the last part
// of its Go name, without package and receiver, and an explicit name given at
// registration becomes an alias, so that passing the function itself to
// ExecuteActivity finds it too. Aliases belong to functions, not to names: of
// two functions that are called the same in different packages each reaches
// its own registration.
package registry

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/nexus-rpc/sdk-go/nexus"

	"github.com/perdure/perdure/sdk/internal/policy"
)

// ReservedPrefix begins the names that users may not register.
const ReservedPrefix = "__temporal_"

// Options of a Registry.
type Options struct {
	// WorkflowContext is the interface type that workflow functions take
	// first: workflow.Context. flow.NewRegistry fills it in.
	WorkflowContext reflect.Type
	// CallWorkflow returns how to call a workflow function without reflection, nil if it does
	// not know. Nil for none.
	CallWorkflow func(fn any) Call
	// DisableAliasing switches off finding a function registered under an
	// explicit name by the function itself.
	DisableAliasing bool
}

// WorkflowOptions is workflow.RegisterOptions.
type WorkflowOptions struct {
	// Name of the workflow type. Defaults to the function's name.
	Name string
	// DisableAlreadyRegisteredCheck lets a later registration replace an
	// earlier one of the same name instead of panicking.
	DisableAlreadyRegisteredCheck bool
	// VersioningBehavior of the type when the worker uses worker deployment
	// versioning.
	VersioningBehavior policy.VersioningBehavior

	// call is how to call the function without reflection, nil if that is not known. It is a
	// pointer, so that options can be compared.
	call *Call
}

// WithCall returns options that say how to call the workflow function without reflection.
func WithCall(o WorkflowOptions, call Call) WorkflowOptions {
	o.call = &call
	return o
}

// ActivityOptions is activity.RegisterOptions.
type ActivityOptions struct {
	// Name of the activity type. Defaults to the function's name. For a
	// struct of activities it is a prefix of each method's name.
	Name string
	// DisableAlreadyRegisteredCheck lets a later registration replace an
	// earlier one of the same name instead of panicking.
	DisableAlreadyRegisteredCheck bool
	// SkipInvalidStructFunctions passes over the methods of a struct that are
	// not activities instead of panicking.
	SkipInvalidStructFunctions bool
}

// DynamicWorkflowBehavior chooses the versioning behavior of a workflow type
// that the dynamic workflow runs.
type DynamicWorkflowBehavior func(workflowType string) (policy.VersioningBehavior, error)

// Registry holds registrations. Its methods may be called concurrently.
type Registry struct {
	workflowContext reflect.Type
	callWorkflow    func(fn any) Call

	mu              sync.RWMutex
	workflows       map[string]*Function
	activities      map[string]*Function
	dynamicWorkflow *Function
	dynamicBehavior DynamicWorkflowBehavior
	dynamicActivity *Function
	nexusServices   map[string]*nexus.Service
	nexusSealed     bool
	// aliases are nil when aliasing is off.
	workflowAliases *aliases
	activityAliases *aliases
}

// New returns an empty registry.
func New(options Options) *Registry {
	r := &Registry{
		workflowContext: options.WorkflowContext,
		callWorkflow:    options.CallWorkflow,
		workflows:       make(map[string]*Function),
		activities:      make(map[string]*Function),
	}
	if !options.DisableAliasing {
		r.workflowAliases = newAliases()
		r.activityAliases = newAliases()
	}
	return r
}

// RegisterWorkflow adds a workflow function. It fails if fn does not have the
// form of one, or its name is reserved or taken.
func (r *Registry) RegisterWorkflow(fn any, options WorkflowOptions) error {
	if err := r.checkWorkflow(fn); err != nil {
		return err
	}
	name, err := registeredName(fn, options.Name)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.workflows[name]; taken && !options.DisableAlreadyRegisteredCheck {
		return fmt.Errorf("workflow name %q is already registered", name)
	}
	f := newFunction(name, fn, r.workflowContext)
	switch {
	case options.call != nil:
		f.call = *options.call
	case r.callWorkflow != nil:
		f.call = r.callWorkflow(fn)
	}
	f.versioningBehavior = options.VersioningBehavior
	r.workflows[name] = f
	if options.Name != "" {
		r.workflowAliases.add(fn, name)
	}
	return nil
}

// RegisterDynamicWorkflow adds the workflow that runs every type that is not
// registered by name. fn takes (workflow.Context, converter.EncodedValues).
// behavior may be nil.
func (r *Registry) RegisterDynamicWorkflow(fn any, behavior DynamicWorkflowBehavior) error {
	if err := r.checkWorkflow(fn); err != nil {
		return err
	}
	if err := checkDynamic(reflect.TypeOf(fn)); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dynamicWorkflow != nil {
		return errors.New("a dynamic workflow is already registered")
	}
	r.dynamicWorkflow = newFunction("", fn, r.workflowContext)
	r.dynamicWorkflow.Dynamic = true
	r.dynamicBehavior = behavior
	return nil
}

// RegisterActivity adds an activity function, or every exported method of a
// pointer to a struct.
func (r *Registry) RegisterActivity(fn any, options ActivityOptions) error {
	typ := reflect.TypeOf(fn)
	if typ != nil && typ.Kind() == reflect.Pointer && typ.Elem().Kind() == reflect.Struct {
		return r.registerActivityStruct(fn, options)
	}
	if err := r.checkActivity(typ); err != nil {
		return err
	}
	name, err := registeredName(fn, options.Name)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.addActivity(newFunction(name, fn, contextType), options); err != nil {
		return err
	}
	if options.Name != "" {
		r.activityAliases.add(fn, name)
	}
	return nil
}

func (r *Registry) registerActivityStruct(receiver any, options ActivityOptions) error {
	if strings.HasPrefix(options.Name, ReservedPrefix) {
		return errReserved(options.Name)
	}
	value := reflect.ValueOf(receiver)
	var found []*Function
	for i := range value.NumMethod() {
		method := value.Type().Method(i)
		if err := r.checkActivity(method.Type); err != nil {
			if options.SkipInvalidStructFunctions {
				continue
			}
			return fmt.Errorf("method %s of %s is not an activity: %w", method.Name, value.Type().Elem().Name(), err)
		}
		found = append(found, newFunction(options.Name+method.Name, value.Method(i).Interface(), contextType))
	}
	if len(found) == 0 {
		return fmt.Errorf("no activities (exported methods) found on %v", value.Type())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range found {
		if err := r.addActivity(f, options); err != nil {
			return err
		}
	}
	return nil
}

func (r *Registry) addActivity(f *Function, options ActivityOptions) error {
	if _, taken := r.activities[f.Name]; taken && !options.DisableAlreadyRegisteredCheck {
		return fmt.Errorf("activity type %q is already registered", f.Name)
	}
	r.activities[f.Name] = f
	return nil
}

// RegisterDynamicActivity adds the activity that runs every type that is not
// registered by name. fn takes (context.Context, converter.EncodedValues).
func (r *Registry) RegisterDynamicActivity(fn any) error {
	typ := reflect.TypeOf(fn)
	if err := r.checkActivity(typ); err != nil {
		return err
	}
	if err := checkDynamic(typ); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dynamicActivity != nil {
		return errors.New("a dynamic activity is already registered")
	}
	r.dynamicActivity = newFunction("", fn, contextType)
	r.dynamicActivity.Dynamic = true
	return nil
}

// Workflow finds the function that runs a workflow type: by name, by alias, or
// the dynamic workflow.
func (r *Registry) Workflow(name string) (*Function, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if f, ok := r.workflows[name]; ok {
		return f, true
	}
	// A caller without this registry, such as a client, knows the function's
	// own name only.
	if alias, ok := r.workflowAliases.ofShortName(name); ok {
		if f, ok := r.workflows[alias]; ok {
			return f, true
		}
	}
	return r.dynamicWorkflow, r.dynamicWorkflow != nil
}

// VersioningBehavior of a workflow type, unspecified if none was registered.
func (r *Registry) VersioningBehavior(name string) (policy.VersioningBehavior, error) {
	f, ok := r.Workflow(name)
	if !ok {
		return policy.VersioningBehaviorUnspecified, nil
	}
	if !f.Dynamic {
		return f.versioningBehavior, nil
	}
	r.mu.RLock()
	behavior := r.dynamicBehavior
	r.mu.RUnlock()
	if behavior == nil {
		return policy.VersioningBehaviorUnspecified, nil
	}
	return behavior(name)
}

// Activity finds the function that runs an activity type, by name, or the
// dynamic activity.
func (r *Registry) Activity(name string) (*Function, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if f, ok := r.activities[name]; ok {
		return f, true
	}
	return r.dynamicActivity, r.dynamicActivity != nil
}

// WorkflowTypes returns the registered names, sorted.
func (r *Registry) WorkflowTypes() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return sortedKeys(r.workflows)
}

// ActivityTypes returns the registered names, sorted.
func (r *Registry) ActivityTypes() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return sortedKeys(r.activities)
}

// WorkflowName is the workflow type that a caller means by a function or a
// name. A nil registry knows no aliases.
func (r *Registry) WorkflowName(fn any) (string, error) {
	name, isFunction, err := nameOf(fn)
	if err != nil || !isFunction || r == nil {
		return name, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if alias, ok := r.workflowAliases.of(fn); ok {
		return alias, nil
	}
	return name, nil
}

// ActivityName is the activity type that a caller means by a function or a
// name. A nil registry knows no aliases.
func (r *Registry) ActivityName(fn any) (string, error) {
	name, isFunction, err := nameOf(fn)
	if err != nil || !isFunction || r == nil {
		return name, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if alias, ok := r.activityAliases.of(fn); ok {
		return alias, nil
	}
	return name, nil
}

func sortedKeys(m map[string]*Function) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Clone returns a registry with the same registrations, which does not share those that
// are made later.
func (r *Registry) Clone() *Registry {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return &Registry{
		workflowContext: r.workflowContext,
		workflows:       maps.Clone(r.workflows),
		activities:      maps.Clone(r.activities),
		dynamicWorkflow: r.dynamicWorkflow,
		dynamicBehavior: r.dynamicBehavior,
		dynamicActivity: r.dynamicActivity,
		nexusServices:   maps.Clone(r.nexusServices),
		nexusSealed:     r.nexusSealed,
		workflowAliases: r.workflowAliases.clone(),
		activityAliases: r.activityAliases.clone(),
	}
}
