// Package version says how the SDK introduces itself to servers.
package version

const (
	// SDKVersion is the version of the public Go SDK whose behaviour and API this SDK
	// has. It is sent as the client-version of every call: servers compare it with the
	// range of versions they accept.
	SDKVersion = "1.50.0"

	// SDKName is sent as the client-name of every call. Servers know SDKs by it, and
	// which of their features to expect.
	SDKName = "temporal-go"

	// SupportedServerVersions is the range of server versions the SDK works with,
	// which servers check for themselves.
	SupportedServerVersions = ">=1.0.0 <2.0.0"
)
