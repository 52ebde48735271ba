package converter

import (
	"context"
	"fmt"
	"reflect"
)

// ValueWithTransferTypeConverter is implemented by types that are encoded as another type:
// a type of the program's with private fields, say, as a protobuf message. The methods of
// values are called, so the zero value must do, and a nil pointer is encoded as it is.
type ValueWithTransferTypeConverter interface {
	// TransferTypeConverter returns how to convert values of the type: what
	// [NewTransferTypeConverter] returns. It is called once for each type.
	TransferTypeConverter() (TransferTypeConverter, error)
}

// TransferTypeConverter converts values of a type to another type, to be encoded, and
// back. Make it with [NewTransferTypeConverter] or [NewContextualTransferTypeConverter].
type TransferTypeConverter interface {
	// newTransfer returns a pointer to a new transfer value.
	newTransfer() any
	toTransfer(c callContext, value any) (any, error)
	fromTransfer(c callContext, transferPtr, valuePtr any) error
}

// callContext is the context of a conversion: that of workflow code, if it is not nil, or
// else the other one.
type callContext struct {
	workflow WorkflowContext
	other    context.Context
}

// orBackground is the context of calls outside of workflow code.
func (c callContext) orBackground() context.Context {
	if c.other == nil {
		return context.Background()
	}
	return c.other
}

// NewTransferTypeConverter returns a converter of values of type Model to values of type
// Transfer and back. The functions get pointers to fill in, or to read, that are never nil.
// Neither type may be a pointer.
func NewTransferTypeConverter[Model ValueWithTransferTypeConverter, Transfer any](
	toTransferType func(*Model) (*Transfer, error),
	fromTransferType func(*Transfer, *Model) error,
) (TransferTypeConverter, error) {
	return NewContextualTransferTypeConverter(
		func(_ context.Context, m *Model) (*Transfer, error) { return toTransferType(m) },
		func(_ context.Context, t *Transfer, m *Model) error { return fromTransferType(t, m) },
		func(_ WorkflowContext, m *Model) (*Transfer, error) { return toTransferType(m) },
		func(_ WorkflowContext, t *Transfer, m *Model) error { return fromTransferType(t, m) },
	)
}

// NewContextualTransferTypeConverter is [NewTransferTypeConverter] for conversions that
// depend on the context of the call: the first two functions are for clients and
// activities, the others for workflow code.
func NewContextualTransferTypeConverter[Model ValueWithTransferTypeConverter, Transfer any](
	toTransferType func(context.Context, *Model) (*Transfer, error),
	fromTransferType func(context.Context, *Transfer, *Model) error,
	toTransferTypeWithWorkflowContext func(WorkflowContext, *Model) (*Transfer, error),
	fromTransferTypeWithWorkflowContext func(WorkflowContext, *Transfer, *Model) error,
) (TransferTypeConverter, error) {
	for name, t := range map[string]reflect.Type{"model": reflect.TypeFor[Model](), "transfer": reflect.TypeFor[Transfer]()} {
		if t.Kind() == reflect.Pointer {
			return nil, fmt.Errorf("transfer type converter: %s type must not be a pointer, got %v", name, t)
		}
	}
	return &transferTypeConverter[Model, Transfer]{
		to:           toTransferType,
		from:         fromTransferType,
		toWorkflow:   toTransferTypeWithWorkflowContext,
		fromWorkflow: fromTransferTypeWithWorkflowContext,
	}, nil
}

type transferTypeConverter[Model, Transfer any] struct {
	to           func(context.Context, *Model) (*Transfer, error)
	from         func(context.Context, *Transfer, *Model) error
	toWorkflow   func(WorkflowContext, *Model) (*Transfer, error)
	fromWorkflow func(WorkflowContext, *Transfer, *Model) error
}

func (t *transferTypeConverter[Model, Transfer]) newTransfer() any { return new(Transfer) }

func (t *transferTypeConverter[Model, Transfer]) toTransfer(c callContext, value any) (any, error) {
	var model *Model
	switch v := value.(type) {
	case *Model:
		model = v
	case Model:
		model = &v
	default:
		return nil, fmt.Errorf("transfer type converter: want a %v or a pointer to it, got %T", reflect.TypeFor[Model](), value)
	}
	if c.workflow != nil {
		return t.toWorkflow(c.workflow, model)
	}
	return t.to(c.orBackground(), model)
}

func (t *transferTypeConverter[Model, Transfer]) fromTransfer(c callContext, transferPtr, valuePtr any) error {
	model, ok := valuePtr.(*Model)
	if !ok {
		return fmt.Errorf("transfer type converter: want a %v, got %T", reflect.TypeFor[*Model](), valuePtr)
	}
	transfer, ok := transferPtr.(*Transfer)
	if !ok {
		return fmt.Errorf("transfer type converter: want a %v, got %T", reflect.TypeFor[*Transfer](), transferPtr)
	}
	if c.workflow != nil {
		return t.fromWorkflow(c.workflow, transfer, model)
	}
	return t.from(c.orBackground(), transfer, model)
}
