package config

import (
	"errors"
	"strings"
	"time"
)

// SSO has users of the web UI log in at an OpenID Connect provider.
type SSO struct {
	// ProviderURL is that of the provider; empty: there is no login. IssuerURL is what it calls
	// itself, if that is not the same.
	ProviderURL, IssuerURL string
	// ClientID and ClientSecret are those of the UI at the provider.
	ClientID, ClientSecret string
	// CallbackURL is where the provider sends browsers back to.
	CallbackURL string
	// Scopes are asked for; the usual ones if empty.
	Scopes []string
	// Parameters are NAME=VALUE, added to the address of the provider.
	Parameters []string
	// MaxSession is how long a session may be renewed; zero: as long as the provider does.
	MaxSession time.Duration
	// Token is the one that says who makes calls: "access" or "id".
	Token string
	// Redirect sends browsers to the provider at once.
	Redirect bool
}

// login is the section, which depends on others.
type login Config

func (l *login) declare(s *Schema, _ Kind) {
	o := &l.SSO
	s.Text(&o.ProviderURL, "sso.providerURL", "", "URL of an OpenID Connect provider at which users of the web UI log in; what is below it at /.well-known/openid-configuration says how. It needs auth.jwtKeys with the keys of its tokens").Each(checkURL)
	s.Text(&o.IssuerURL, "sso.issuerURL", "", "issuer of its tokens, if that is not the URL of the provider").Each(checkURL)
	s.Text(&o.ClientID, "sso.clientID", "", "id of the web UI at the provider")
	s.Text(&o.ClientSecret, "sso.clientSecret", "", "its secret, which does not belong on the command line: use the file or the variable. Without one, sessions end when the server is started again").Hide()
	s.Text(&o.CallbackURL, "sso.callbackURL", "", "URL of /auth/sso/callback of the web UI, as browsers reach it and as the provider knows it").Each(checkURL)
	s.Texts(&o.Scopes, "sso.scopes", "scope to ask the provider for; openid, profile and email if there is none")
	s.Texts(&o.Parameters, "sso.parameters", "parameter to add to the address of the provider, as NAME=VALUE, such as audience=perdure. One of the same name that a browser brings goes before it").
		Each(checkParameter)
	s.Duration(&o.MaxSession, 0, "sso.maxSession", 0, "how long after a login new tokens are fetched without another one; 0 is as long as the provider gives some")
	s.Choice(&o.Token, []string{"access", "id"}, "sso.token", "access", "which token says who makes the calls of the web UI")
	s.Bool(&o.Redirect, "sso.redirect", false, "send browsers to the provider without a page before")
}

func checkParameter(value string) error {
	if name, _, ok := strings.Cut(value, "="); !ok || name == "" {
		return errors.New("must be NAME=VALUE, not " + value)
	}
	return nil
}

func (l *login) check(s *Schema, _ Kind) (errs []error) {
	o := &l.SSO
	if o.ProviderURL == "" {
		for _, set := range []*string{&o.IssuerURL, &o.ClientID, &o.ClientSecret, &o.CallbackURL} {
			if *set != "" {
				errs = append(errs, s.wrong(set, "is of use only with sso.providerURL"))
			}
		}
		return errs
	}
	if len(l.Auth.JWT.Keys) == 0 {
		errs = append(errs, s.wrong(&o.ProviderURL, "needs auth.jwtKeys, too: the keys by which the tokens of the provider are known"))
	}
	if o.ClientID == "" {
		errs = append(errs, s.wrong(&o.ProviderURL, "needs sso.clientID, too"))
	}
	if o.CallbackURL == "" {
		errs = append(errs, s.wrong(&o.ProviderURL, "needs sso.callbackURL, too"))
	}
	return errs
}

// LoginParameters are the parameters by name.
func (o *SSO) LoginParameters() map[string]string {
	parameters := make(map[string]string, len(o.Parameters))
	for _, parameter := range o.Parameters {
		name, value, _ := strings.Cut(parameter, "=")
		parameters[name] = value
	}
	return parameters
}
