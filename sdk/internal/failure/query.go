package failure

import (
	"fmt"

	querypb "go.temporal.io/api/query/v1"
)

// QueryRejectedError says that a query was rejected because of the workflow's state.
type QueryRejectedError struct {
	rejected *querypb.QueryRejected
}

// NewQueryRejectedError returns a *QueryRejectedError.
func NewQueryRejectedError(rejected *querypb.QueryRejected) error {
	return &QueryRejectedError{rejected: rejected}
}

// Error returns the workflow's status.
func (e *QueryRejectedError) Error() string {
	return fmt.Sprintf("query rejected: %s", e.rejected.GetStatus())
}

// QueryRejected returns why the query was rejected.
func (e *QueryRejectedError) QueryRejected() *querypb.QueryRejected { return e.rejected }
