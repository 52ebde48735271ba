package config

import (
	"regexp"
	"time"
)

// Auth says who may make calls. Callers have to say who they are if there are keys of
// tokens, or a file of API keys and certificates.
type Auth struct {
	// File is the YAML file of API keys and of the roles of certificates.
	File string
	// JWT says which tokens are accepted.
	JWT JWT
}

// JWT says which JSON web tokens are accepted.
type JWT struct {
	// Keys are files and URLs of JSON web key sets.
	Keys []string
	// Refresh is how often they are fetched.
	Refresh time.Duration
	// Audiences and Issuer are those of the tokens; empty for any.
	Audiences []string
	Issuer    string
	// PermissionsClaim is the claim with the permissions, PermissionsPattern how to read them.
	PermissionsClaim, PermissionsPattern string
}

func (a *Auth) declare(s *Schema, _ Kind) {
	s.Text(&a.File, "auth.file", "", "YAML file of API keys, and of the roles of certificates of clients; 'perdure admin api-key create' writes it. It is read again when it has changed. With it, callers have to say who they are")
	s.Texts(&a.JWT.Keys, "auth.jwtKeys", "file or URL of a set of keys (JWKS) that JSON web tokens may be signed with. With it, callers have to say who they are")
	s.Duration(&a.JWT.Refresh, 10*time.Second, "auth.jwtRefresh", 5*time.Minute, "how often sets of keys are fetched from URLs. One that lacks the key of a token is fetched at once, but not within ten seconds of the last time")
	s.Texts(&a.JWT.Audiences, "auth.jwtAudience", "audience that tokens must be for, one of these if there are several; without it they may be for any")
	s.Text(&a.JWT.Issuer, "auth.jwtIssuer", "", "issuer that tokens must be from; without it they may be from any")
	s.Text(&a.JWT.PermissionsClaim, "auth.permissionsClaim", "permissions", "claim of tokens with the permissions: a list of NAMESPACE:ROLE, where temporal-system stands for all namespaces and the cluster, and the role is read, write, worker or admin")
	s.Text(&a.JWT.PermissionsPattern, "auth.permissionsPattern", "", "regular expression with the groups namespace and role, (?P<namespace>…) and (?P<role>…), that finds both in a permission of another form")
}

func (a *Auth) check(s *Schema, _ Kind) []error {
	if a.JWT.PermissionsPattern == "" {
		return nil
	}
	pattern, err := regexp.Compile(a.JWT.PermissionsPattern)
	switch {
	case err != nil:
		return []error{s.wrong(&a.JWT.PermissionsPattern, "must be a regular expression: %v", err)}
	case pattern.SubexpIndex("namespace") < 0 || pattern.SubexpIndex("role") < 0:
		return []error{s.wrong(&a.JWT.PermissionsPattern, "must have the groups (?P<namespace>…) and (?P<role>…)")}
	}
	return nil
}
