package httpapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/httpapi"
)

// endless is a body that has no end, and counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += len(p)
	return len(p), nil
}

func TestOfABodyThatIsTooLargeNoMoreIsReadThanMayBe(t *testing.T) {
	c, handler := newHandler(t, httpapi.Options{})
	body := &endless{}
	r := httptest.NewRequest("POST", "/namespaces/n/workflows/w", io.LimitReader(body, 100<<20))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "too large") {
		t.Errorf("it is answered with %d %s", w.Code, w.Body)
	}
	if c.method != "" || body.read > 2*check.MaxRequest {
		t.Errorf("%d bytes were read, and %q was called", body.read, c.method)
	}
}

func TestABodyThatIsTooDeepIsRefused(t *testing.T) {
	const levels = 10_000
	for name, body := range map[string]string{
		"lists that end":        `{"input":[` + strings.Repeat("[", levels) + strings.Repeat("]", levels) + `]}`,
		"lists without an end":  strings.Repeat("[", levels),
		"objects as the memo":   `{"memo":{"fields":{"a":` + strings.Repeat(`{"a":`, levels) + "1" + strings.Repeat("}", levels) + `}}}`,
		"fields that are none":  strings.Repeat(`{"memo":`, levels) + "1" + strings.Repeat("}", levels),
		"a message in messages": `{"continuedFailure":` + strings.Repeat(`{"cause":`, levels) + "{}" + strings.Repeat("}", levels) + `}`,
	} {
		for way, options := range map[string]httpapi.Options{"as it is": {}, "plain": {Plain: true}} {
			c, handler := newHandler(t, options)
			r := httptest.NewRequest("POST", "/namespaces/n/workflows/w", strings.NewReader(body))
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			// A payload may be as deep as JSON can be; what is a message may not.
			payload := name == "lists that end" || name == "objects as the memo"
			if refused := w.Code == http.StatusBadRequest && c.method == ""; !refused && !payload || w.Code >= http.StatusInternalServerError {
				t.Errorf("%s, %s: answered with %d %.200s, called %q", name, way, w.Code, w.Body, c.method)
			}
		}
	}
}
