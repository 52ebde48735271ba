package callback

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/perdure/perdure/internal/nexus"
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
	setDefault("Nexus-Link", nexus.HeaderOf(d.Link))
	return request, nil
}

// encode is the body of the request, and the headers that say what it is.
func encode(d *records.Delivery) (header map[string]string, body []byte, err error) {
	if d.Failure == nil {
		return nexus.EncodeContent(d.Result)
	}
	document, err := nexus.FromTemporal(d.Failure)
	if err != nil {
		return nil, nil, err
	}
	body, err = json.Marshal(document)
	return map[string]string{"Content-Type": "application/json"}, body, err
}
