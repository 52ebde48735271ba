package rpc

import (
	"context"
	"crypto/tls"
	"errors"
)

// Credentials are what a client proves its identity with.
type Credentials interface {
	// tls returns the TLS configuration to use, given the user's, which it does not
	// change.
	tls(config *tls.Config, disabled bool) (*tls.Config, error)
	// apiKey returns what to call for the API key of each call, or nil.
	apiKey() func(context.Context) (string, error)
}

type apiKeyCredentials func(context.Context) (string, error)

// NewAPIKeyStaticCredentials returns credentials that send apiKey with every call.
func NewAPIKeyStaticCredentials(apiKey string) Credentials {
	return apiKeyCredentials(func(context.Context) (string, error) { return apiKey, nil })
}

// NewAPIKeyDynamicCredentials returns credentials that ask callback for the API key of
// every call. No key is sent if it is empty; an error fails the call.
func NewAPIKeyDynamicCredentials(callback func(context.Context) (string, error)) Credentials {
	return apiKeyCredentials(callback)
}

func (apiKeyCredentials) tls(config *tls.Config, disabled bool) (*tls.Config, error) {
	if config == nil && !disabled {
		// A key must not travel in plain text unless the user says so.
		return &tls.Config{}, nil
	}
	return config, nil
}

func (c apiKeyCredentials) apiKey() func(context.Context) (string, error) { return c }

type mTLSCredentials tls.Certificate

// NewMTLSCredentials returns credentials that present certificate when connecting.
func NewMTLSCredentials(certificate tls.Certificate) Credentials {
	return mTLSCredentials(certificate)
}

func (c mTLSCredentials) tls(config *tls.Config, disabled bool) (*tls.Config, error) {
	switch {
	case disabled:
		return nil, errors.New("cannot apply mTLS credentials, TLS is disabled in the connection options")
	case config == nil:
		config = &tls.Config{}
	case len(config.Certificates) != 0:
		return nil, errors.New("cannot apply mTLS credentials, certificates already exist on TLS options")
	default:
		config = config.Clone()
	}
	config.Certificates = []tls.Certificate{tls.Certificate(c)}
	return config, nil
}

func (mTLSCredentials) apiKey() func(context.Context) (string, error) { return nil }
