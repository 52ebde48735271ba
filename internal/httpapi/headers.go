package httpapi

import (
	"context"
	"net/http"
	"net/textproto"
	"strings"

	"google.golang.org/grpc/metadata"
)

// metadataPrefix begins the names of headers that are passed on without it.
const metadataPrefix = "Grpc-Metadata-"

// The headers that mean something here or in the call.
var (
	clientName    = textproto.CanonicalMIMEHeaderKey("client-name")
	clientVersion = textproto.CanonicalMIMEHeaderKey("client-version")

	// forwarded become metadata of the call under their own names. Authorization is
	// passed on by grpc-gateway, as are X-Forwarded-For and X-Forwarded-Host.
	forwarded = map[string]bool{
		"Authorization-Extras": true,
		"Caller-Type":          true,
		clientName:             true,
		clientVersion:          true,
	}
	// read are those that this package or grpc-gateway reads.
	read = map[string]bool{
		"Accept": true, "Authorization": true, "Content-Type": true, "Grpc-Timeout": true,
		"X-Forwarded-For": true, "X-Forwarded-Host": true, "X-Http-Method-Override": true,
	}
)

// forwardable are the headers of a request that mean something. The others, with which a
// browser is generous, are dropped, and so are values that gRPC's metadata cannot have.
func forwardable(headers http.Header) http.Header {
	kept := make(http.Header, 8)
	for name, values := range headers {
		if !forwarded[name] && !read[name] && !strings.HasPrefix(name, metadataPrefix) {
			continue
		}
		for _, value := range values {
			if printable(value) {
				kept[name] = append(kept[name], value)
			}
		}
	}
	return kept
}

func printable(value string) bool {
	for i := range len(value) {
		if value[i] < 0x20 || value[i] > 0x7e {
			return false
		}
	}
	return true
}

// forwardedHeader names the metadata that a header becomes.
func forwardedHeader(name string) (string, bool) {
	if forwarded[name] {
		return name, true
	}
	if rest, ok := strings.CutPrefix(name, metadataPrefix); ok {
		return rest, rest != ""
	}
	return "", false
}

// metadata says which client calls, if the request does not.
func (h *Handler) metadata(_ context.Context, r *http.Request) metadata.MD {
	says := func(name string) bool {
		return len(r.Header[name]) > 0 || len(r.Header[metadataPrefix+name]) > 0
	}
	if h.client.Name == "" || says(clientName) || says(clientVersion) {
		return nil
	}
	return metadata.Pairs(clientName, h.client.Name, clientVersion, h.client.Version)
}
