package auth

import (
	"context"
	"strings"

	"github.com/perdure/perdure/internal/api/methods"
	"github.com/perdure/perdure/internal/namespace"
)

// Role is what somebody may do, as bits: one may have several. They are compared as
// numbers, as Temporal servers compare them.
type Role uint8

// The roles.
const (
	// Worker by itself allows nothing; workers need Write.
	Worker Role = 1 << iota
	// Read allows what changes nothing.
	Read
	// Write allows to work with executions, polls included.
	Write
	// Admin allows everything.
	Admin
)

// roleOf is the role with the name, in upper or lower case; zero if there is none.
func roleOf(name string) Role {
	switch strings.ToLower(name) {
	case "worker":
		return Worker
	case "read":
		return Read
	case "write":
		return Write
	case "admin":
		return Admin
	}
	return 0
}

// System is the name that stands for all namespaces and the cluster in "namespace:role".
const System = namespace.System

// Claims are who somebody is and what he may do. They are never changed once they are made.
type Claims struct {
	// Subject is a name for people: of the subject of a token, of a key, of a certificate.
	Subject string
	// Type is how the subject has been found out: "jwt", "api-key", "mtls" or "internal".
	Type string
	// System is the role in the cluster and in all namespaces.
	System Role
	// Namespaces are the roles in namespaces, by name.
	Namespaces map[string]Role
}

// Internal are the claims of the server itself, and of the program that it is embedded in.
var Internal = &Claims{Subject: "perdure", Type: "internal", System: Admin}

// add gives the role in a namespace, or in the cluster.
func (c *Claims) add(namespace string, role Role) {
	if namespace == System {
		c.System |= role
		return
	}
	if c.Namespaces == nil {
		c.Namespaces = make(map[string]Role)
	}
	c.Namespaces[namespace] |= role
}

// Allow reports whether the claims allow the method in the namespace with the name, which
// is empty for what is about none. Nil claims allow what is open, and nothing else.
func (c *Claims) Allow(method *methods.Method, namespace string) bool {
	if method.Access == methods.Open {
		return true
	}
	if c == nil {
		return false
	}
	role := c.System
	if method.Scope == methods.ScopeNamespace {
		role |= c.Namespaces[namespace]
	}
	return role >= required(method.Access)
}

// required is the least role that has the access.
func required(access methods.Access) Role {
	switch access {
	case methods.Read:
		return Read
	case methods.Write:
		return Write
	}
	return Admin
}

type claimsKey struct{}

// WithClaims returns a context that carries who a call is from: to the interceptor, from
// whoever has found it out before, such as the HTTP API; and to handlers.
func WithClaims(ctx context.Context, claims *Claims) context.Context {
	return context.WithValue(ctx, claimsKey{}, claims)
}

// FromContext returns the claims that the context carries, or nil.
func FromContext(ctx context.Context) *Claims {
	claims, _ := ctx.Value(claimsKey{}).(*Claims)
	return claims
}
