package httpapi

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"

	"go.temporal.io/api/temporalproto/openapi"
)

// OpenAPI serves a description of the HTTP API, made by the authors of the API: at
// /swagger.json as OpenAPI 2, at /openapi.yaml as OpenAPI 3, each with and without the
// prefix /api/v1.
func OpenAPI(mux *http.ServeMux) {
	for _, prefix := range []string{"", "/api/v1"} {
		mux.Handle("GET "+prefix+"/swagger.json", document("application/vnd.oai.openapi+json;version=2.0", openapi.OpenAPIV2JSONSpec))
		mux.Handle("GET "+prefix+"/openapi.yaml", document("application/vnd.oai.openapi;version=3.0", openapi.OpenAPIV3YAMLSpec))
	}
}

// document serves what is compressed by gzip: as it is to those who accept that.
func document(contentType string, compressed []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(compressed)
			return
		}
		reader, err := gzip.NewReader(bytes.NewReader(compressed))
		if err != nil {
			http.Error(w, "the document is damaged", http.StatusInternalServerError)
			return
		}
		_, _ = io.Copy(w, reader)
	}
}
