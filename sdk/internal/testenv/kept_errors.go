package testenv

import (
	"errors"

	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/sdk/converter"
)

// keptErrors is a failure converter that keeps errors of the service as they are. Mocks of
// children return them in place of what a server would say, and the parent has to find them.
type keptErrors struct {
	converter.FailureConverter
	engine *Engine
	// keeps says that errors are kept, not only found again.
	keeps bool
}

// keepingErrors is the failure converter of a workflow; keeps as in keptErrors.
func (e *Engine) keepingErrors(keeps bool) converter.FailureConverter {
	return keptErrors{FailureConverter: e.Options.FailureConverter, engine: e, keeps: keeps}
}

func (k keptErrors) WithSerializationContext(ctx converter.SerializationContext) converter.FailureConverter {
	k.FailureConverter = converter.WithFailureConverterSerializationContext(k.FailureConverter, ctx)
	return k
}

func (k keptErrors) ErrorToFailure(err error) *failurepb.Failure {
	f := k.FailureConverter.ErrorToFailure(err)
	if _, ok := errors.AsType[serviceerror.ServiceError](err); ok && k.keeps {
		k.engine.kept[f] = err
	}
	return f
}

func (k keptErrors) FailureToError(f *failurepb.Failure) error {
	if err, ok := k.engine.kept[f]; ok {
		return err
	}
	return k.FailureConverter.FailureToError(f)
}
