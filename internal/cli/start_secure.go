package cli

import (
	"github.com/perdure/perdure/internal/auth"
	"github.com/perdure/perdure/internal/server"
	"github.com/perdure/perdure/internal/webui/sso"
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

func (s *settings) ssoOptions() sso.Options {
	return sso.Options{
		ProviderURL:  s.SSO.ProviderURL,
		IssuerURL:    s.SSO.IssuerURL,
		ClientID:     s.SSO.ClientID,
		ClientSecret: s.SSO.ClientSecret,
		CallbackURL:  s.SSO.CallbackURL,
		Scopes:       s.SSO.Scopes,
		Parameters:   s.SSO.LoginParameters(),
		MaxSession:   s.SSO.MaxSession,
		IDToken:      s.SSO.Token == "id",
		Redirect:     s.SSO.Redirect,
	}
}
