package envconfig

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
)

// DefaultConfigFileProfile is the profile that is used when nothing names one.
const DefaultConfigFileProfile = "default"

// ClientConfig is what a configuration file says.
type ClientConfig struct {
	// Profiles by name.
	Profiles map[string]*ClientConfigProfile
}

// ClientConfigProfile is how to reach one namespace of one server. Fields that are empty
// leave the client's defaults as they are.
type ClientConfigProfile struct {
	// Address of the server, as host:port.
	Address string
	// Namespace is what becomes client.Options.Namespace. Empty leaves it to the SDK:
	// "default".
	Namespace string
	// APIKey is sent with every call. TLS is on with it, unless TLS says that it is
	// disabled.
	APIKey string
	// TLS turns TLS on, unless it is nil or says that it is disabled.
	TLS *ClientConfigTLS
	// Codec is the remote codec of the namespace's payloads. It is used only if
	// [ToClientOptionsRequest] says so.
	Codec *ClientConfigCodec
	// GRPCMeta are headers to send with every call. Names that come from files and
	// variables are in the form of [NormalizeGRPCMetaKey]; names that the program sets
	// should be, or variables do not replace them.
	GRPCMeta map[string]string
	// Authority is sent as the authority of requests, in place of Address. See
	// [client.ConnectionOptions].
	Authority string
}

// ClientConfigTLS is how to secure the connection. Each of certificate, key and CA may be
// given as a path or as data, not both.
type ClientConfigTLS struct {
	// Disabled turns TLS off, even with an API key.
	Disabled bool
	// ClientCertPath is the PEM file of the certificate that the client presents. It
	// needs a key.
	ClientCertPath string
	// ClientCertData is that certificate itself, as PEM.
	ClientCertData []byte
	// ClientKeyPath is the PEM file of the certificate's key.
	ClientKeyPath string
	// ClientKeyData is that key itself, as PEM.
	ClientKeyData []byte
	// ServerCACertPath is the PEM file of the certificates that the server's must be
	// signed by, in place of the system's.
	ServerCACertPath string
	// ServerCACertData are those certificates themselves, as PEM.
	ServerCACertData []byte
	// ServerName is whom the server's certificate must be for, in place of the host in
	// the address.
	ServerName string
	// DisableHostVerification takes any certificate of the server. The connection is
	// then open to whoever can put himself in between.
	DisableHostVerification bool
}

// ClientConfigCodec is a codec of payloads that is served over HTTP.
type ClientConfigCodec struct {
	// Endpoint is the URL below which the codec is.
	Endpoint string
	// Auth is sent as the Authorization header, if not empty.
	Auth string
}

// ToClientOptionsRequest says how to make options of a profile.
type ToClientOptionsRequest struct {
	// IncludeRemoteCodec makes the client's data converter call the profile's codec. Do
	// not set it for clients of workers: they would call the codec for every payload,
	// again in every replay. Configure the codec itself there.
	IncludeRemoteCodec bool
}

// ToClientOptions makes options for a client of the profile with the given name,
// [DefaultConfigFileProfile] if empty. It is an error if there is no such profile.
func (c *ClientConfig) ToClientOptions(profile string, options ToClientOptionsRequest) (client.Options, error) {
	if profile == "" {
		profile = DefaultConfigFileProfile
	}
	p := c.Profiles[profile]
	if p == nil {
		return client.Options{}, fmt.Errorf("profile %q not found in the configuration", profile)
	}
	return p.ToClientOptions(options)
}

// ToClientOptions makes options for a client of the profile. Certificates that are given
// as paths are read here; it is an error if they are missing or malformed.
func (c *ClientConfigProfile) ToClientOptions(options ToClientOptionsRequest) (client.Options, error) {
	result := client.Options{HostPort: c.Address, Namespace: c.Namespace}
	result.ConnectionOptions.Authority = c.Authority
	if c.APIKey != "" {
		result.Credentials = client.NewAPIKeyStaticCredentials(c.APIKey)
	}
	switch {
	case c.TLS != nil && c.TLS.Disabled:
		result.ConnectionOptions.TLSDisabled = true
	case c.TLS != nil:
		config, err := c.TLS.config()
		if err != nil {
			return client.Options{}, fmt.Errorf("invalid TLS config: %w", err)
		}
		result.ConnectionOptions.TLS = config
	case c.APIKey != "":
		result.ConnectionOptions.TLS = &tls.Config{}
	}
	if c.Codec != nil && options.IncludeRemoteCodec {
		result.DataConverter = c.Codec.dataConverter(c.Namespace)
	}
	if len(c.GRPCMeta) > 0 {
		result.HeadersProvider = headers(c.GRPCMeta)
	}
	return result, nil
}

func (c *ClientConfigTLS) config() (*tls.Config, error) {
	config := &tls.Config{ServerName: c.ServerName, InsecureSkipVerify: c.DisableHostVerification}
	certificate, err := pem("client certificate", c.ClientCertPath, c.ClientCertData)
	if err != nil {
		return nil, err
	}
	key, err := pem("client key", c.ClientKeyPath, c.ClientKeyData)
	if err != nil {
		return nil, err
	}
	switch {
	case certificate == nil && key == nil:
	case certificate == nil || key == nil:
		return nil, errors.New("a client certificate needs a client key, and a key a certificate: set both or none")
	default:
		pair, err := tls.X509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("client certificate and key: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	authorities, err := pem("server CA certificate", c.ServerCACertPath, c.ServerCACertData)
	if err != nil {
		return nil, err
	}
	if authorities != nil {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(authorities) {
			return nil, errors.New("server CA certificate: there is no certificate in the PEM data")
		}
	}
	return config, nil
}

// pem is the content of what is given as a path or as data, nil if it is not given.
func pem(what, path string, data []byte) ([]byte, error) {
	switch {
	case path != "" && len(data) > 0:
		return nil, fmt.Errorf("%s: both path and data are set, use one of them", what)
	case len(data) > 0:
		return data, nil
	case path == "":
		return nil, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return content, nil
}

func (c *ClientConfigCodec) dataConverter(namespace string) converter.DataConverter {
	return converter.NewRemoteDataConverter(converter.GetDefaultDataConverter(), converter.RemoteDataConverterOptions{
		Endpoint: c.Endpoint,
		ModifyRequest: func(request *http.Request) error {
			request.Header.Set("X-Namespace", namespace)
			if c.Auth != "" {
				request.Header.Set("Authorization", c.Auth)
			}
			return nil
		},
	})
}

// NormalizeGRPCMetaKey is the form in which names of gRPC headers are kept: in lower
// case, with hyphens in place of underscores.
func NormalizeGRPCMetaKey(k string) string {
	return strings.ToLower(strings.ReplaceAll(k, "_", "-"))
}

type headers map[string]string

// GetHeaders implements client.Options.HeadersProvider.
func (h headers) GetHeaders(context.Context) (map[string]string, error) { return h, nil }
