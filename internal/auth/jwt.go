package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// JWTOptions say which JSON web tokens are accepted.
type JWTOptions struct {
	// KeySources are files and URLs of JSON web key sets. None: no tokens are accepted.
	KeySources []string
	// Refresh is how often sets are fetched from URLs; five minutes if zero. They are
	// fetched sooner, but no more than every ten seconds, if a token is signed by a
	// key that is not in them.
	Refresh time.Duration
	// Audiences are those of which a token must have one. None: any token is accepted.
	Audiences []string
	// Issuer is that of the tokens. Empty: any.
	Issuer string
	// PermissionsClaim is the name of the claim with the permissions; "permissions" if
	// empty.
	PermissionsClaim string
	// PermissionsPattern is a regular expression with the groups "namespace" and "role"
	// that finds both in a permission. Empty: they are namespace:role.
	PermissionsPattern string
}

// leeway is by how much the clocks of issuers may be wrong.
const leeway = 10 * time.Second

// algorithms are those a token may be signed with. That the key is of their kind is
// checked with the signature, so none can be verified with the key of another.
var algorithms = []string{
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512",
}

// What is wrong with tokens, as their senders are told.
var (
	errFormat    = errors.New("the header is not 'Bearer' and a token")
	errNoTokens  = errors.New("this server accepts API keys only")
	errMalformed = errors.New("it is not a JSON web token")
	errNoKey     = errors.New("it is signed by a key that this server does not know")
	errAlgorithm = errors.New("it is signed in a way that is not allowed")
	errSignature = errors.New("its signature is wrong")
	errExpired   = errors.New("it has expired")
	errNotYet    = errors.New("it is not valid yet")
	errAudience  = errors.New("it is for another audience")
	errIssuer    = errors.New("it is from another issuer")
	errSubject   = errors.New("it has no subject")
	errClaims    = errors.New("its claims are not right")
)

// jwtVerifier verifies tokens.
type jwtVerifier struct {
	options JWTOptions
	pattern *regexp.Regexp
	keys    *keySets
	parser  *jwt.Parser
	logger  *slog.Logger
}

func newJWTVerifier(ctx context.Context, options Options, changed func()) (*jwtVerifier, error) {
	v := &jwtVerifier{options: options.JWT, logger: options.Logger}
	if v.options.PermissionsClaim == "" {
		v.options.PermissionsClaim = "permissions"
	}
	if text := v.options.PermissionsPattern; text != "" {
		pattern, err := regexp.Compile(text)
		if err != nil {
			return nil, fmt.Errorf("pattern of permissions: %w", err)
		}
		if pattern.SubexpIndex("namespace") < 0 || pattern.SubexpIndex("role") < 0 {
			return nil, fmt.Errorf("pattern of permissions: %s has no groups (?P<namespace>…) and (?P<role>…)", text)
		}
		v.pattern = pattern
	}
	parser := []jwt.ParserOption{jwt.WithValidMethods(algorithms), jwt.WithLeeway(leeway), jwt.WithTimeFunc(options.Now)}
	if len(v.options.Audiences) > 0 {
		parser = append(parser, jwt.WithAudience(v.options.Audiences...))
	}
	if v.options.Issuer != "" {
		parser = append(parser, jwt.WithIssuer(v.options.Issuer))
	}
	v.parser = jwt.NewParser(parser...)
	var err error
	v.keys, err = openKeySets(ctx, options, changed)
	return v, err
}

// verify returns whose the token is, and when it ends; the zero time for never.
func (v *jwtVerifier) verify(ctx context.Context, token string) (*Claims, time.Time, error) {
	claims := jwt.MapClaims{}
	_, err := v.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		id, ok := t.Header["kid"].(string)
		if !ok {
			return nil, errNoKey
		}
		key, ok := v.keys.find(ctx, id)
		if !ok {
			return nil, errNoKey
		}
		if key.algorithm != "" && key.algorithm != t.Method.Alg() {
			return nil, errAlgorithm
		}
		return key.key, nil
	})
	if err != nil {
		return nil, time.Time{}, reasonOf(err)
	}
	subject, err := claims.GetSubject()
	if err != nil || subject == "" {
		return nil, time.Time{}, errSubject
	}
	made := &Claims{Subject: subject, Type: "jwt"}
	v.permissions(made, claims[v.options.PermissionsClaim])
	until := time.Time{}
	if expires, err := claims.GetExpirationTime(); err == nil && expires != nil {
		until = expires.Time
	}
	return made, until, nil
}

// reasonOf is what is wrong, without what the token says.
func reasonOf(err error) error {
	for _, reason := range []struct{ of, is error }{
		{errNoKey, errNoKey},
		{errAlgorithm, errAlgorithm},
		{jwt.ErrTokenMalformed, errMalformed},
		{jwt.ErrTokenSignatureInvalid, errSignature},
		{jwt.ErrTokenExpired, errExpired},
		{jwt.ErrTokenNotValidYet, errNotYet},
		{jwt.ErrTokenInvalidAudience, errAudience},
		{jwt.ErrTokenInvalidIssuer, errIssuer},
		{jwt.ErrTokenInvalidClaims, errClaims},
	} {
		if errors.Is(err, reason.of) {
			return reason.is
		}
	}
	return errAlgorithm // unverifiable: by a method, or with a key, that does not fit
}

// permissions adds those of the claim: a list, or words of one text. What is no permission
// is passed over, as tokens may be for other services, too.
func (v *jwtVerifier) permissions(claims *Claims, claim any) {
	var list []any
	switch claim := claim.(type) {
	case []any:
		list = claim
	case string:
		for _, word := range strings.Fields(claim) {
			list = append(list, word)
		}
	}
	for _, permission := range list {
		text, ok := permission.(string)
		if !ok {
			continue
		}
		namespace, role, ok := v.permission(text)
		if !ok {
			v.logger.Debug("A permission of a token means nothing here.", "subject", claims.Subject)
			continue
		}
		claims.add(namespace, role)
	}
}

func (v *jwtVerifier) permission(text string) (namespace string, role Role, ok bool) {
	if v.pattern == nil {
		return parsePermission(text)
	}
	match := v.pattern.FindStringSubmatch(text)
	if match == nil {
		return "", 0, false
	}
	role = roleOf(match[v.pattern.SubexpIndex("role")])
	return match[v.pattern.SubexpIndex("namespace")], role, role != 0
}

// parsePermission reads namespace:role.
func parsePermission(text string) (namespace string, role Role, ok bool) {
	namespace, name, ok := strings.Cut(text, ":")
	role = roleOf(name)
	return namespace, role, ok && role != 0 && namespace != ""
}
