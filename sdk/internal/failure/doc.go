// Package failure holds the errors that cross the boundary between workflows,
// activities and their callers, and the converter between them and the failures of
// the API.
//
// The types are exported by package temporal; the constructors that only the SDK
// needs stay here. An error that was made from a failure keeps it, and gives back
// that same failure when it is converted again, so that what another SDK wrote
// passes through unchanged.
package failure

import (
	"errors"
	"reflect"

	failurepb "go.temporal.io/api/failure/v1"
)

// carried is embedded by errors that remember the failure they were made from.
type carried struct {
	original *failurepb.Failure
}

// Failure returns the failure, as it came from the server, that the error was made
// from, or nil if the error was made in this process.
func (c *carried) Failure() *failurepb.Failure { return c.original }

func (c *carried) setFailure(f *failurepb.Failure) { c.original = f }

// carrier is what embedding carried makes of an error.
type carrier interface {
	Failure() *failurepb.Failure
	setFailure(*failurepb.Failure)
}

// plainMessage is implemented by errors whose message on the wire is shorter than
// what Error returns: the rest is in fields of its own there.
type plainMessage interface {
	message() string
}

// failureMessage is plainMessage for errors of other packages.
type failureMessage interface {
	FailureMessage() string
}

// plainErrorType is the type of errors.New's errors. It says nothing about the
// error, so it is not sent.
var plainErrorType = reflect.TypeOf(errors.New("")).Elem().Name()

// TypeOf returns the name under which retry policies and other SDKs know the type of
// err: the name of its Go type, without package and pointers, and empty for the
// errors that errors.New makes.
func TypeOf(err error) string {
	t := reflect.TypeOf(err)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Name() == plainErrorType {
		return ""
	}
	return t.Name()
}

func withCause(msg string, cause error) string {
	if cause == nil {
		return msg
	}
	return msg + ": " + cause.Error()
}
