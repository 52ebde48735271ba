package flow

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/perdure/perdure/sdk/internal/coroutine"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/internal/replay"
)

// HandlerUnfinishedPolicy says what happens when a workflow ends while an update
// handler runs. The handler is abandoned in any case, and who sent the update
// gets an error.
type HandlerUnfinishedPolicy int

const (
	// HandlerUnfinishedPolicyWarnAndAbandon logs a warning. It is the default.
	HandlerUnfinishedPolicyWarnAndAbandon HandlerUnfinishedPolicy = iota
	// HandlerUnfinishedPolicyAbandon does so silently.
	HandlerUnfinishedPolicyAbandon
)

// UpdateHandlerOptions say which updates are rejected, and what happens to a handler when the
// workflow ends.
type UpdateHandlerOptions struct {
	// Validator is called before the handler, with the same arguments, and
	// rejects the update by returning an error: the history then has no trace of
	// it. It is a function with the handler's parameters, with or without the
	// workflow.Context, that returns an error. It must not change anything, nor
	// block; a panic rejects the update, too. It is not called in replay.
	Validator any
	// UnfinishedPolicy says what happens when the workflow ends while the handler
	// runs.
	UnfinishedPolicy HandlerUnfinishedPolicy
	// Description is for people to read in the UI.
	Description string
}

// UpdateInfo is about the update that is being handled.
type UpdateInfo struct {
	// ID of the update, which the client chose, or which was made for it.
	ID string
	// Name of the handler.
	Name string
}

type updateHandler struct {
	function  *registry.Function
	validator *registry.Function // nil if there is none
	options   UpdateHandlerOptions
}

// runUpdates is what a run knows of updates.
type runUpdates struct {
	handlers map[string]*updateHandler
	running  map[string]UpdateInfo // by id
	// waiting are updates that came before there was a handler for them, in
	// order.
	waiting []waitingUpdate
}

type waitingUpdate struct {
	name  string
	start func()
}

type updateInfoKey struct{}

const unfinishedUpdatesWarning = "[TMPRL1102] Workflow finished while update handlers are still running. What they were doing is interrupted, " +
	"and the clients that sent the updates get an error instead of a result. To wait for them, end the workflow with " +
	"workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }). If neither the workflow nor its clients mind, " +
	"set UnfinishedPolicy of UpdateHandlerOptions, and this warning is gone"

// SetUpdateHandlerWithOptions sets what handles updates of a name. handler takes a
// Context and the update's arguments, and returns a value and an error, or
// just an error. It may block, and it may do whatever workflow code may do.
// Updates that came before are handled before SetUpdateHandlerWithOptions returns, as
// far as they get without waiting.
func SetUpdateHandlerWithOptions(ctx Context, updateName string, handler any, options UpdateHandlerOptions) error {
	return mutableCalls(ctx).SetUpdateHandler(ctx, updateName, handler, options)
}

func (o outbound) SetUpdateHandler(ctx Context, updateName string, handler any, options UpdateHandlerOptions) error {
	t := enterMutable(ctx)
	r := o.run
	if strings.HasPrefix(updateName, "__") && !strings.HasPrefix(updateName, streamPrefix) {
		return errors.New("update names starting with '__' are reserved for internal use")
	}
	h, err := newUpdateHandler(updateName, handler, options)
	if err != nil {
		return err
	}
	if r.updates.handlers == nil {
		r.updates.handlers = make(map[string]*updateHandler)
	}
	r.updates.handlers[updateName] = h
	if !r.machine.UseFlag(replay.FlagPriorityUpdateHandling) {
		return nil
	}
	waiting := r.updates.waiting
	r.updates.waiting = nil
	for _, update := range waiting {
		if update.name == updateName {
			update.start()
		} else {
			r.updates.waiting = append(r.updates.waiting, update)
		}
	}
	// Those that were started have their first turn before the code goes on.
	t.coroutine.Yield("letting any updates waiting on a handler run")
	t.coroutine.Progress()
	return nil
}

func newUpdateHandler(name string, handler any, options UpdateHandlerOptions) (*updateHandler, error) {
	typ := reflect.TypeOf(handler)
	if typ == nil || typ.Kind() != reflect.Func {
		return nil, fmt.Errorf("handler must be function but was %v", typ)
	}
	if typ.NumIn() == 0 || !typ.In(0).Implements(workflowContextType) {
		return nil, errors.New("first parameter of handler must be a workflow.Context")
	}
	function, err := registry.NewFunction(name, handler, workflowContextType)
	if err != nil {
		return nil, fmt.Errorf("update handler %q: %w", name, err)
	}
	h := &updateHandler{function: function, options: options}
	if options.Validator == nil {
		return h, nil
	}
	validator := reflect.TypeOf(options.Validator)
	if validator.Kind() != reflect.Func {
		return nil, fmt.Errorf("validator must be function but was %v", validator)
	}
	if validator.NumOut() != 1 {
		return nil, fmt.Errorf("validator must return exactly 1 value (an error), but found %d return values", validator.NumOut())
	}
	if h.validator, err = registry.NewFunction(name, options.Validator, workflowContextType); err != nil {
		return nil, fmt.Errorf("validator of update handler %q: %w", name, err)
	}
	if want, got := parameters(typ), parameters(validator); !slices.Equal(want, got) {
		return nil, fmt.Errorf("validator of update handler %q takes %v, but the handler takes %v: they must take the same", name, got, want)
	}
	return h, nil
}

// parameters are the types of what a function takes, without a context.
func parameters(typ reflect.Type) []reflect.Type {
	var types []reflect.Type
	for i := range typ.NumIn() {
		if i > 0 || !typ.In(0).Implements(workflowContextType) {
			types = append(types, typ.In(i))
		}
	}
	return types
}

// GetCurrentUpdateInfo is about the update whose handler or validator ctx belongs
// to, nil elsewhere.
func GetCurrentUpdateInfo(ctx Context) *UpdateInfo { return calls(ctx).GetCurrentUpdateInfo(ctx) }

func (o outbound) GetCurrentUpdateInfo(ctx Context) *UpdateInfo { return updateInfoOf(ctx) }

func updateInfoOf(ctx Context) *UpdateInfo {
	info, _ := ctx.Value(updateInfoKey{}).(*UpdateInfo)
	return info
}

// AllHandlersFinished says whether no update handler is running. Workflows wait for
// it before they end.
func AllHandlersFinished(ctx Context) bool { return len(runOf(ctx).updates.running) == 0 }

// Update implements replay.Workflow.
func (r *run) Update(update *replay.Update) error {
	ctx, err := r.incoming(r.root, update.Header())
	if err != nil {
		update.Reject(r.failures.ErrorToFailure(err))
		return nil
	}
	name := update.Name()
	ctx = WithValue(ctx, updateInfoKey{}, &UpdateInfo{ID: update.ID(), Name: name})
	if !r.machine.UseFlag(replay.FlagPriorityUpdateHandling) {
		r.spawn(ctx, name, func(ctx Context) {
			if len(r.updates.handlers) == 0 {
				threadOf(ctx).coroutine.Yield("yielding for initial handler registration")
			}
			r.handleUpdate(ctx, update)
		})
		return nil
	}
	// Updates go before the main routine. If that has not had the time to set
	// handlers, they wait for it.
	start := func() { r.spawnFront(ctx, name, func(ctx Context) { r.handleUpdate(ctx, update) }) }
	if len(r.updates.handlers) == 0 {
		r.updates.waiting = append(r.updates.waiting, waitingUpdate{name, start})
	} else {
		start()
	}
	return nil
}

// spawnFront is spawn for a coroutine that goes before those that exist.
func (r *run) spawnFront(ctx Context, name string, f func(ctx Context)) {
	t := &thread{run: r}
	child := WithValue(ctx, threadKey{}, t)
	t.coroutine = r.scheduler.GoFront(name, func(*coroutine.Coroutine) { f(child) })
}

// drainUpdates starts the updates for which the code set no handler though it
// waits for something else now: they are rejected. It says whether there were any.
func (r *run) drainUpdates() bool {
	waiting := r.updates.waiting
	r.updates.waiting = nil
	for _, update := range waiting {
		update.start()
	}
	return len(waiting) > 0
}

// handleUpdate is what the coroutine of an update does.
func (r *run) handleUpdate(ctx Context, update *replay.Update) {
	reject := func(err error) { update.Reject(r.failures.ErrorToFailure(err)) }
	handler, err := r.updateHandler(update.Name())
	if err != nil {
		reject(err)
		return
	}
	args, err := handler.function.DecodeArgs(r.converter, update.Args())
	if err != nil {
		reject(fmt.Errorf("unable to decode the input for update %q: %w", update.Name(), err))
		return
	}
	if r.updates.running == nil {
		r.updates.running = make(map[string]UpdateInfo)
	}
	id := update.ID()
	r.updates.running[id] = UpdateInfo{ID: id, Name: update.Name()}
	defer delete(r.updates.running, id)

	in := &UpdateInput{Name: update.Name(), Args: args}
	// The history says that the update was accepted, whatever a validator of
	// today would say.
	if !r.machine.Replaying() {
		if err := r.validate(ctx, in); err != nil {
			reject(err)
			return
		}
	}
	update.Accept()
	result, err := r.inbound.ExecuteUpdate(ctx, in)
	if err != nil {
		update.Complete(nil, r.failures.ErrorToFailure(err))
		return
	}
	payloads, err := r.converter.ToPayloads(result)
	if err != nil {
		panic(err)
	}
	update.Complete(payloads, nil)
}

func (r *run) validate(ctx Context, in *UpdateInput) error {
	r.readOnly = true
	defer func() { r.readOnly = false }()
	return r.inbound.ValidateUpdate(ctx, in)
}

func (r *run) updateHandler(name string) (*updateHandler, error) {
	handler, ok := r.updates.handlers[name]
	if !ok {
		return nil, fmt.Errorf("unknown update %v. KnownUpdates=%v", name, DeterministicKeys(r.updates.handlers))
	}
	return handler, nil
}

// ValidateUpdate implements WorkflowInboundInterceptor.
func (i inbound) ValidateUpdate(ctx Context, in *UpdateInput) (err error) {
	handler, err := i.run.updateHandler(in.Name)
	if err != nil {
		return err
	}
	if handler.validator == nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			if p == illegalAccess {
				panic(p) // the state of the workflow is not to be trusted any more
			}
			err = failure.NewPanicError(fmt.Sprintf("update validator panic: %v", p), string(debug.Stack()))
		}
	}()
	_, err = handler.validator.Call(withoutHeader(ctx), in.Args)
	return err
}

// ExecuteUpdate implements WorkflowInboundInterceptor.
func (i inbound) ExecuteUpdate(ctx Context, in *UpdateInput) (any, error) {
	handler, err := i.run.updateHandler(in.Name)
	if err != nil {
		return nil, err
	}
	return handler.function.Call(withoutHeader(ctx), in.Args)
}

// warnOfUnfinishedUpdates logs which updates the end of the workflow cuts off.
func (r *run) warnOfUnfinishedUpdates() {
	if r.err != nil {
		_, canceled := errors.AsType[*failure.CanceledError](r.err)
		_, continued := errors.AsType[*failure.ContinueAsNewError](r.err)
		if !canceled && !continued {
			return
		}
	}
	type unfinished struct {
		Name string `json:"name"`
		ID   string `json:"id"`
	}
	var updates []unfinished
	for _, info := range r.updates.running {
		if h := r.updates.handlers[info.Name]; h == nil || h.options.UnfinishedPolicy == HandlerUnfinishedPolicyWarnAndAbandon {
			updates = append(updates, unfinished{Name: info.Name, ID: info.ID})
		}
	}
	if len(updates) == 0 {
		return
	}
	slices.SortFunc(updates, func(a, b unfinished) int { return cmp.Compare(a.ID, b.ID) })
	r.log().Warn(unfinishedUpdatesWarning, "Updates", updates)
}
