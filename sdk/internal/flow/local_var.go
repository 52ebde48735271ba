package flow

// LocalVar is a variable of one workflow run, for what workflow code and interceptors
// share. Copies are the same variable. The zero value is not one: use NewLocalVar.
type LocalVar[T any] struct {
	run  *run
	cell *localCell[T]
}

type localCell[T any] struct{ value T }

// NewLocalVar returns a variable of the run that ctx belongs to.
func NewLocalVar[T any](ctx Context) LocalVar[T] {
	return LocalVar[T]{run: runOf(ctx), cell: &localCell[T]{}}
}

// Get returns the value, the zero value of T if it was not set. It panics if ctx
// belongs to another run.
func (v LocalVar[T]) Get(ctx Context) T {
	v.check(ctx)
	return v.cell.value
}

// Set sets the value. It panics if ctx belongs to another run, and where the code must
// not change anything.
func (v LocalVar[T]) Set(ctx Context, value T) {
	if v.check(ctx); v.run.readOnly {
		panic(illegalAccess)
	}
	v.cell.value = value
}

func (v LocalVar[T]) check(ctx Context) {
	if v.cell == nil {
		panic("workflow.LocalVar is not initialized; use workflow.NewLocalVar(ctx)")
	}
	if runOf(ctx) != v.run {
		panic("workflow.LocalVar: context belongs to a different workflow run")
	}
}
