package frontend

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"unicode/utf8"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/storage"
)

// convertError makes of any error the gRPC status that a client gets: service
// errors with their details, storage failures as Unavailable, and whatever else
// as an Internal error that says nothing but a number to look for in the log.
func (i *interceptor) convertError(ctx context.Context, call logged, err error) error {
	var forwarded forwardedError
	if errors.As(err, &forwarded) {
		return status.Convert(forwarded.error).Err()
	}
	st := i.statusOf(err)
	switch st.Code() {
	case codes.Internal, codes.Unknown:
		digest := digestOf(err)
		i.logger.ErrorContext(ctx, "A request failed for a reason inside the server.",
			call.about("hash", digest, "error", err)...)
		return status.Error(codes.Internal, fmt.Sprintf("something went wrong, please retry (%s)", digest))
	case codes.Unavailable:
		i.noteFailure()
	}
	if message := st.Message(); len(message) > maxErrorText {
		proto := st.Proto()
		proto.Message = truncateText(message, maxErrorText)
		st = status.FromProto(proto)
	}
	return st.Err()
}

func (i *interceptor) statusOf(err error) *status.Status {
	var serviceError serviceerror.ServiceError
	switch {
	case errors.As(err, &serviceError):
		return serviceerror.ToStatus(err)
	case errors.Is(err, storage.ErrFailed), errors.Is(err, storage.ErrFenced), errors.Is(err, storage.ErrClosed):
		return status.New(codes.Unavailable, fmt.Sprintf(
			"The server can no longer write to its store: %v. Nothing of this request has been kept that was not acknowledged. "+
				"Check the disk of the server and restart it, then retry.", err))
	case errors.Is(err, context.DeadlineExceeded):
		return status.New(codes.DeadlineExceeded, err.Error())
	case errors.Is(err, context.Canceled), errors.Is(err, errPollerGone):
		return status.New(codes.Canceled, err.Error())
	}
	// A status already, such as Unimplemented for a method nobody has written,
	// or else Unknown.
	return status.Convert(err)
}

// digestOf is a short number that is the same for the same error text, to find
// the log line by and to see that two errors are the same.
func digestOf(err error) string {
	h := fnv.New32a()
	h.Write([]byte(err.Error()))
	return fmt.Sprintf("%08x", h.Sum32())
}

// truncateText cuts text to at most limit bytes, between characters.
func truncateText(text string, limit int) string {
	const mark = "... <truncated>"
	if len(text) <= limit {
		return text
	}
	cut := limit - len(mark)
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + mark
}
