package workflow

import (
	"errors"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/api/check"
)

// named is what a command names, with the values: a refusal of the command ends with it,
// so that people find the place in their code.
type named []namedValue

type namedValue struct{ field, value string }

// refuse is why a command is refused: a sentence, and what the command names. Of a
// field that is not set the list says nothing, of one that is too long it says how
// long it is.
func (n named) refuse(cause enumspb.WorkflowTaskFailedCause, format string, args ...any) *commandFailure {
	failure := badCommand(cause, format, args...)
	var fault check.Fault
	if f := (*check.Fault)(nil); errors.As(failure.err, &f) {
		fault = *f
	}
	var list strings.Builder
	for _, v := range n {
		if fault.Unset && v.field == fault.Field {
			continue
		}
		fmt.Fprintf(&list, " %s=%s", v.field, v.value)
		if fault.Limit > 0 && v.field == fault.Field {
			fmt.Fprintf(&list, " Length=%d Limit=%d", fault.Length, fault.Limit)
		}
	}
	failure.err = fmt.Errorf("%w%s", failure.err, list.String())
	return failure
}
