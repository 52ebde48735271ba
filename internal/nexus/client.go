package nexus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/template"
	"time"

	nexusrpc "github.com/nexus-rpc/sdk-go/nexus"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
)

// An endpoint that is another server is called as the HTTP API of Nexus has it. Whatever
// comes back, the outcome says what it was.

const (
	// MaxBody is the most bytes of a body that are read.
	MaxBody = 2 << 20
	// statusUnsuccessful is the status of an operation that has failed, or was cancelled.
	statusUnsuccessful = http.StatusFailedDependency
	bodyTooLarge       = "http: response body too large"
	headerState        = "Nexus-Operation-State"
	headerRetryable    = "Nexus-Request-Retryable"
)

// callbackURL is where other servers report the end of operations of the namespace.
func callbackURL(text, namespace, namespaceID string) (string, error) {
	if text == "unset" || text == "" {
		return "", errors.New("component.nexusoperations.callback.endpoint.template is not set: other servers cannot be told where to report the end of operations")
	}
	t, err := template.New("").Parse(text)
	if err != nil {
		return "", fmt.Errorf("failed to parse callback URL template: %w", err)
	}
	var out strings.Builder
	if err := t.Execute(&out, struct{ NamespaceName, NamespaceID string }{namespace, namespaceID}); err != nil {
		return "", fmt.Errorf("failed to format callback URL: %w", err)
	}
	return out.String(), nil
}

// callServer makes the call by HTTP.
func (x *Executor) callServer(ctx context.Context, base, callback string, call *Call) *Outcome {
	request, err := newRequest(ctx, base, callback, call)
	if err != nil {
		return &Outcome{Result: ResultFailed, Failure: callFailure(call, err.Error(), false)}
	}
	response, err := x.client.Do(request)
	if err != nil {
		return &Outcome{Result: ResultRetry, Failure: callFailure(call, transportError(ctx, err), true)}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxBody+1))
	switch {
	case err != nil:
		return &Outcome{Result: ResultRetry, Failure: callFailure(call, transportError(ctx, err), true)}
	case len(body) > MaxBody:
		return &Outcome{Result: ResultFailed, Failure: callFailure(call, bodyTooLarge, false)}
	case call.Cancel && response.StatusCode == http.StatusAccepted:
		return &Outcome{Result: ResultAccepted}
	case !call.Cancel && response.StatusCode < 300, response.StatusCode == statusUnsuccessful && !call.Cancel:
		return startResponse(call, response, body)
	}
	return refusalResponse(call, response, body)
}

// transportError is why there was no response. That the time was over says nothing about where
// the server is.
func transportError(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		return "request timed out"
	}
	return err.Error()
}

func newRequest(ctx context.Context, base, callback string, call *Call) (*http.Request, error) {
	to, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	op := call.Operation
	to = to.JoinPath(url.PathEscape(op.Service), url.PathEscape(op.Operation))
	var body []byte
	var content map[string]string
	if call.Cancel {
		to = to.JoinPath("cancel")
	} else {
		query := to.Query()
		query.Set("callback", callback)
		to.RawQuery = query.Encode()
		if content, body, err = EncodeContent(call.Input); err != nil {
			return nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	set := func(prefix string, values map[string]string) {
		for name, value := range values {
			request.Header.Set(prefix+name, value)
		}
	}
	set("", content)
	if deadline, ok := ctx.Deadline(); ok {
		request.Header.Set(headerRequestTimeout, strconv.FormatInt(time.Until(deadline).Milliseconds(), 10)+"ms")
	}
	if call.Cancel {
		request.Header.Set(OperationTokenHeader, op.OperationToken)
	} else {
		request.Header.Set(FailureSupportHeader, "true")
		set("Nexus-Callback-", map[string]string{TokenHeader: EncodeToken(call.Completion)})
		if link := HeaderOf(call.Link); link != "" {
			request.Header.Set(headerLink, link)
		}
	}
	set("", call.header())
	return request, nil
}

// startResponse is the outcome of a response that is about the operation.
func startResponse(call *Call, response *http.Response, body []byte) *Outcome {
	links, err := LinksOf(response.Header)
	if err != nil {
		return unexpected(call, fmt.Sprintf("invalid links header: %q", response.Header.Values(headerLink)), response, body)
	}
	switch response.StatusCode {
	case http.StatusOK:
		payload, err := DecodeContent(response.Header, body)
		if err != nil {
			return &Outcome{Result: ResultRetry, Failure: callFailure(call, err.Error(), true)}
		}
		return &Outcome{Result: ResultSucceeded, Payload: payload, Links: ParseLinks(links)}
	case http.StatusCreated:
		var info struct{ Token, State string }
		switch {
		case !isJSON(response.Header):
			return unexpected(call, fmt.Sprintf("invalid response content type: %q", response.Header.Get("Content-Type")), response, body)
		case json.Unmarshal(body, &info) != nil:
			return unexpected(call, "the response is no information about an operation", response, body)
		case info.State != stateRunning:
			return unexpected(call, fmt.Sprintf("invalid operation state in response info: %q", info.State), response, body)
		case info.Token == "":
			return unexpected(call, "empty operation token in response", response, body)
		}
		return &Outcome{Result: ResultStarted, Token: info.Token, Links: ParseLinks(links)}
	case statusUnsuccessful:
		return unsuccessful(call, response, body)
	}
	return unexpected(call, fmt.Sprintf("unexpected response status: %q", response.Status), response, body)
}

// unsuccessful is the outcome of an operation that has failed, or was cancelled.
func unsuccessful(call *Call, response *http.Response, body []byte) *Outcome {
	var document nexusrpc.Failure
	if !isJSON(response.Header) || json.Unmarshal(body, &document) != nil {
		return unexpected(call, fmt.Sprintf("invalid response content type: %q", response.Header.Get("Content-Type")), response, body)
	}
	state := response.Header.Get(headerState)
	if document.Metadata[typeKey] == typeOperation {
		var details operationDetails
		if json.Unmarshal(document.Details, &details) == nil {
			state = details.State
		}
	}
	cause, err := ToTemporal(Unwrap(document))
	if err != nil {
		return &Outcome{Result: ResultFailed, Failure: callFailure(call, "Malformed failure: "+err.Error(), false)}
	}
	switch state {
	case stateFailed:
		return &Outcome{Result: ResultFailed, Failure: cause}
	case stateCanceled:
		return &Outcome{Result: ResultCanceled, Failure: CanceledFailure(cause)}
	}
	return unexpected(call, fmt.Sprintf("invalid operation state header: %q", state), response, body)
}

// Unwrap is the cause of a document that is only there to carry it.
func Unwrap(document nexusrpc.Failure) nexusrpc.Failure {
	if document.Metadata[unwrapKey] == "true" && document.Cause != nil {
		return *document.Cause
	}
	return document
}

// refusalResponse is the outcome of a response that is no success.
func refusalResponse(call *Call, response *http.Response, body []byte) *Outcome {
	kind, known := errorType(response.StatusCode)
	var document nexusrpc.Failure
	var cause *failurepb.Failure
	if isJSON(response.Header) && json.Unmarshal(body, &document) == nil {
		failure, err := ToTemporal(document)
		switch {
		case err != nil:
			return unexpected(call, "failed to convert Failure to error: "+err.Error(), response, nil)
		case failure.GetNexusHandlerFailureInfo() != nil:
			return refused(failure)
		}
		cause = failure
	}
	if !known {
		return unexpected(call, fmt.Sprintf("unexpected response status: %q", response.Status), response, body)
	}
	retry := enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_UNSPECIFIED
	if override, err := strconv.ParseBool(response.Header.Get(headerRetryable)); err == nil {
		retry = behavior(&override)
	}
	failure := HandlerFailure(kind, "", retry)
	failure.Cause = cause
	return refused(failure)
}

// unexpected is the outcome of a response that makes no sense.
func unexpected(call *Call, message string, response *http.Response, body []byte) *Outcome {
	var document nexusrpc.Failure
	if isJSON(response.Header) && json.Unmarshal(body, &document) == nil && document.Message != "" {
		message += ": " + document.Message
	}
	return &Outcome{Result: ResultRetry, Failure: callFailure(call, message, true)}
}

func isJSON(header http.Header) bool {
	mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	return err == nil && mediaType == typeJSON
}

// statuses are the statuses of errors of handlers.
var statuses = map[nexusrpc.HandlerErrorType]int{
	nexusrpc.HandlerErrorTypeBadRequest:        http.StatusBadRequest,
	nexusrpc.HandlerErrorTypeRequestTimeout:    http.StatusRequestTimeout,
	nexusrpc.HandlerErrorTypeConflict:          http.StatusConflict,
	nexusrpc.HandlerErrorTypeUnauthenticated:   http.StatusUnauthorized,
	nexusrpc.HandlerErrorTypeUnauthorized:      http.StatusForbidden,
	nexusrpc.HandlerErrorTypeNotFound:          http.StatusNotFound,
	nexusrpc.HandlerErrorTypeResourceExhausted: http.StatusTooManyRequests,
	nexusrpc.HandlerErrorTypeInternal:          http.StatusInternalServerError,
	nexusrpc.HandlerErrorTypeNotImplemented:    http.StatusNotImplemented,
	nexusrpc.HandlerErrorTypeUnavailable:       http.StatusServiceUnavailable,
	nexusrpc.HandlerErrorTypeUpstreamTimeout:   nexusrpc.StatusUpstreamTimeout,
}

// errorType is the type of errors with the status; false if there is none.
func errorType(status int) (nexusrpc.HandlerErrorType, bool) {
	for kind, s := range statuses {
		if s == status {
			return kind, true
		}
	}
	return "", false
}

// Status is the status of errors of the type.
func Status(kind nexusrpc.HandlerErrorType) int {
	if status, ok := statuses[kind]; ok {
		return status
	}
	return http.StatusInternalServerError
}
