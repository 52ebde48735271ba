package failure

import "fmt"

// PanicError is a panic in an activity or in a workflow, as the code that called it
// gets it.
type PanicError struct {
	carried
	value any
	stack string
}

// NewPanicError returns the *PanicError of a panic with value.
func NewPanicError(value any, stack string) error {
	return &PanicError{value: value, stack: stack}
}

// Error returns what was passed to panic, as text.
func (e *PanicError) Error() string { return fmt.Sprintf("%v", e.value) }

func (e *PanicError) message() string { return e.Error() }

// StackTrace returns the stack of the goroutine that panicked.
func (e *PanicError) StackTrace() string { return e.stack }

// WorkflowPanicError is a panic in workflow code that is to fail the workflow. It is
// apart from PanicError, which a workflow may return as an error like any other,
// because it must not be retried.
type WorkflowPanicError struct {
	value any
	stack string
}

// NewWorkflowPanicError returns the *WorkflowPanicError of a panic with value.
func NewWorkflowPanicError(value any, stack string) error {
	return &WorkflowPanicError{value: value, stack: stack}
}

// Error returns the value of the panic.
func (e *WorkflowPanicError) Error() string { return fmt.Sprintf("%v", e.value) }

// StackTrace returns the stack of the coroutine that panicked.
func (e *WorkflowPanicError) StackTrace() string { return e.stack }

// Value returns the value of the panic.
func (e *WorkflowPanicError) Value() any { return e.value }
