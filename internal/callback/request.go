package callback

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/records"
)

// maxErrorBody is how much of the body of a refusal is read, in bytes.
const maxErrorBody = 8 << 10

// call makes the request of the delivery, and reports how it went.
func call(ctx context.Context, client *http.Client, d *records.Delivery) Outcome {
	request, err := newRequest(ctx, d)
	if err != nil {
		return Outcome{Err: err, Final: true}
	}
	response, err := client.Do(request)
	if err != nil {
		return Outcome{Err: err}
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxErrorBody))
	if response.StatusCode >= 200 && response.StatusCode < 300 {
		return Outcome{}
	}
	return Outcome{Err: refusal(response, body), Final: !retryable(response)}
}

// retryable reports whether another attempt may succeed.
func retryable(response *http.Response) bool {
	if override, err := strconv.ParseBool(response.Header.Get("Nexus-Request-Retryable")); err == nil {
		return override
	}
	switch code := response.StatusCode; code {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented:
		return false
	default:
		return code >= 500
	}
}

// refusal is a response that is no success, in words.
func refusal(response *http.Response, body []byte) error {
	var failure struct{ Message string }
	if json.Unmarshal(body, &failure) == nil && failure.Message != "" {
		return fmt.Errorf("%s: %s", response.Status, failure.Message)
	}
	return fmt.Errorf("the callback was answered %s", response.Status)
}

// newRequest is the request that completes a Nexus operation.
func newRequest(ctx context.Context, d *records.Delivery) (*http.Request, error) {
	content, body, err := encode(d)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.Url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	header := request.Header
	for name, value := range content {
		header.Set(name, value)
	}
	header.Set("Nexus-Operation-State", d.State)
	for name, value := range d.Header {
		header.Set(name, value)
	}
	setDefault := func(name, value string) {
		if header.Get(name) == "" && value != "" {
			header.Set(name, value)
		}
	}
	setDefault("User-Agent", "perdure")
	setDefault("Nexus-Operation-Start-Time", d.StartTime.AsTime().UTC().Format(http.TimeFormat))
	setDefault("Nexus-Operation-Close-Time", d.CloseTime.AsTime().UTC().Format(time.RFC3339Nano))
	setDefault("Nexus-Link", link(d.Link))
	return request, nil
}

// encode is the body of the request, and the headers that say what it is.
func encode(d *records.Delivery) (header map[string]string, body []byte, err error) {
	if d.Failure == nil {
		header, body, err = encodePayload(d.Result)
		return header, body, err
	}
	body, err = json.Marshal(encodeFailure(proto.CloneOf(d.Failure)))
	return map[string]string{"Content-Type": "application/json"}, body, err
}

// encodePayload writes common payloads as what they are, and others as payloads.
func encodePayload(p *commonpb.Payload) (header map[string]string, body []byte, err error) {
	contentType := func(t string) map[string]string { return map[string]string{"Content-Type": t} }
	encoding, messageType := string(p.GetMetadata()["encoding"]), string(p.GetMetadata()["messageType"])
	switch fields := len(p.GetMetadata()); {
	case p == nil, encoding == "binary/null" && fields == 1:
		return nil, nil, nil
	case encoding == "json/plain" && fields == 1:
		return contentType("application/json"), p.Data, nil
	case encoding == "binary/plain" && fields == 1:
		return contentType("application/octet-stream"), p.Data, nil
	case encoding == "json/protobuf" && fields == 2 && messageType != "":
		return contentType(fmt.Sprintf("application/json; format=protobuf; message-type=%q", messageType)), p.Data, nil
	case encoding == "binary/protobuf" && fields == 2 && messageType != "":
		return contentType(fmt.Sprintf("application/x-protobuf; message-type=%q", messageType)), p.Data, nil
	}
	body, err = proto.Marshal(p)
	return contentType("application/x-temporal-payload"), body, err
}

// nexusFailure is a failure as Nexus writes it.
type nexusFailure struct {
	Message    string            `json:"message"`
	StackTrace string            `json:"stackTrace,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
	Details    json.RawMessage   `json:"details,omitempty"`
	Cause      *nexusFailure     `json:"cause,omitempty"`
}

// encodeFailure takes the failure apart: what Nexus has a place for, and the rest in the
// details.
func encodeFailure(f *failurepb.Failure) *nexusFailure {
	out := &nexusFailure{
		Message:    f.GetMessage(),
		StackTrace: f.GetStackTrace(),
		Metadata:   map[string]string{"type": string(f.ProtoReflect().Descriptor().FullName())},
	}
	if f.GetCause() != nil {
		out.Cause = encodeFailure(f.Cause)
	}
	f.Message, f.StackTrace, f.Cause = "", "", nil
	if details, err := protojson.Marshal(f); err == nil {
		out.Details = details
	}
	return out
}

// link is the link to what has closed, as a header.
func link(to *commonpb.Link) string {
	if a := to.GetActivity(); a != nil {
		return fmt.Sprintf("<temporal:///namespaces/%s/activities/%s/%s/details>; type=%q", url.PathEscape(a.GetNamespace()),
			url.PathEscape(a.GetActivityId()), url.PathEscape(a.GetRunId()), a.ProtoReflect().Descriptor().FullName())
	}
	event := to.GetWorkflowEvent()
	if event == nil {
		return ""
	}
	query := url.Values{}
	if ref := event.GetEventRef(); ref != nil {
		query.Set("referenceType", "EventReference")
		query.Set("eventID", strconv.FormatInt(ref.GetEventId(), 10))
		query.Set("eventType", ref.GetEventType().String())
	}
	if ref := event.GetRequestIdRef(); ref != nil {
		query.Set("referenceType", "RequestIdReference")
		query.Set("requestID", ref.GetRequestId())
		query.Set("eventType", ref.GetEventType().String())
	}
	var path strings.Builder
	fmt.Fprintf(&path, "temporal:///namespaces/%s/workflows/%s/%s/history?%s",
		url.PathEscape(event.GetNamespace()), url.PathEscape(event.GetWorkflowId()), url.PathEscape(event.GetRunId()), query.Encode())
	return fmt.Sprintf("<%s>; type=%q", path.String(), event.ProtoReflect().Descriptor().FullName())
}
