package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/perdure/perdure/internal/httpapi"
)

func TestWithAStarPagesOfAllOriginsMayCall(t *testing.T) {
	handler := httpapi.Guard{Origins: []string{"*"}}.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("Origin", "https://anywhere.example.com")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK || w.Header().Get("Access-Control-Allow-Origin") != "https://anywhere.example.com" {
		t.Errorf("a page is answered with %d %v", w.Code, w.Header())
	}
}

func TestAnOriginIsASchemeAndAHost(t *testing.T) {
	for origin, valid := range map[string]bool{
		"https://example.com": true, "http://localhost:3000": true, "*": true,
		"": false, "example.com": false, "https://example.com/": false, "https://": false, "https://u@example.com": false, "https://example.com?x": false,
	} {
		if err := httpapi.CheckOrigin(origin); (err == nil) != valid {
			t.Errorf("%q: %v", origin, err)
		}
	}
}
