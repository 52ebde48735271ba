// Package auth finds out who makes a call, and whether he may.
//
// An Authenticator turns what comes with a call into Claims: the roles that its
// subject has in namespaces and in the cluster. There are three ways to say who one
// is:
//
//	a JWT       signed by a key of a JSON web key set; its permissions are a claim
//	an API key  made by 'perdure admin api-key create'; its hash and roles are in a file
//	a client certificate, if there is no token; its roles are in the same file
//
// What the roles allow is read from the table of methods (Claims.Allow), as the default
// authorizer of Temporal servers does: a role counts for itself and those below it, a role
// in the cluster counts in every namespace. Health checks and GetSystemInfo need none.
//
// A token that is not accepted, for whatever reason, is Unauthenticated. Who says
// nothing, or may not, is refused with PermissionDenied, whether or not what he asks
// for exists.
//
// Tokens that have been verified are remembered by their hash until they expire or the
// keys change, so that a signature is checked once and not at every call. Keys, files
// and sets are followed: they are read again when they change. While one cannot be
// read, what was read before holds.
//
// Tokens and keys are never logged, nor are they in errors.
package auth
