package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// writeError answers with an error: the status of the call as JSON, with the HTTP
// status that belongs to its code.
func (h *Handler) writeError(ctx context.Context, _ *runtime.ServeMux, marshaler runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
	if path := (*runtime.HTTPStatusError)(nil); errors.As(err, &path) {
		err = status.Error(codes.InvalidArgument, path.Error())
	}
	s := serviceerror.ToStatus(err)
	httpStatus := runtime.HTTPStatusFromCode(s.Code())
	if s.Code() == codes.Unauthenticated {
		w.Header().Set("WWW-Authenticate", h.challenge)
	}
	w.Header().Set("Content-Type", contentType)
	data, marshalErr := marshaler.Marshal(s.Proto())
	if marshalErr != nil {
		// A detail of a type that is not known here.
		h.logger.WarnContext(ctx, "An error could not be put into JSON.", "error", marshalErr)
		httpStatus, data = http.StatusInternalServerError, []byte(`{"code":13,"message":"failed to marshal error message"}`)
	}
	w.WriteHeader(httpStatus)
	_, _ = w.Write(data)
}

// refuse answers a request that goes no further.
func refuse(w http.ResponseWriter, httpStatus int, body string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(httpStatus)
	_, _ = io.WriteString(w, body)
}
