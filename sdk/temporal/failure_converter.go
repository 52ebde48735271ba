package temporal

import (
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/failure"
)

type (
	// DefaultFailureConverter converts the errors of this package, and all others, to
	// failures and back.
	DefaultFailureConverter = failure.Converter

	// DefaultFailureConverterOptions are the options of [NewDefaultFailureConverter].
	DefaultFailureConverterOptions = failure.ConverterOptions
)

// NewDefaultFailureConverter returns a failure converter. Use it to have messages and
// stack traces encrypted by a data converter with a codec:
//
//	temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
//		DataConverter:          dataConverter,
//		EncodeCommonAttributes: true,
//	})
func NewDefaultFailureConverter(opt DefaultFailureConverterOptions) *DefaultFailureConverter {
	return failure.NewConverter(opt)
}

// GetDefaultFailureConverter returns the failure converter used where none is given.
func GetDefaultFailureConverter() converter.FailureConverter {
	return failure.DefaultConverter()
}
