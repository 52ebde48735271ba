package cli

import (
	"github.com/perdure/perdure/internal/auth"
	"github.com/perdure/perdure/internal/server"
)

func (s *settings) tlsOptions() server.TLSOptions {
	return server.TLSOptions{
		CertFile:           s.TLS.CertFile,
		KeyFile:            s.TLS.KeyFile,
		ClientCAFile:       s.TLS.ClientCAFile,
		ClientCertOptional: s.TLS.ClientCert == "optional",
		MinVersion:         s.TLS.Version(),
	}
}

func (s *settings) authOptions() auth.Options {
	return auth.Options{
		File: s.Auth.File,
		JWT: auth.JWTOptions{
			KeySources:         s.Auth.JWT.Keys,
			Refresh:            s.Auth.JWT.Refresh,
			Audiences:          s.Auth.JWT.Audiences,
			Issuer:             s.Auth.JWT.Issuer,
			PermissionsClaim:   s.Auth.JWT.PermissionsClaim,
			PermissionsPattern: s.Auth.JWT.PermissionsPattern,
		},
	}
}
