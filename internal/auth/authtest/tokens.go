package authtest

import (
	"crypto/ecdsa"
	"encoding/json"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// Issuer signs tokens.
type Issuer struct {
	// ID is that of the key.
	ID  string
	key *ecdsa.PrivateKey
}

// NewIssuer makes an issuer whose key has the id.
func NewIssuer(t testing.TB, id string) *Issuer { return &Issuer{ID: id, key: newKey(t)} }

// KeySet is the set of the keys of the issuers.
func KeySet(t testing.TB, issuers ...*Issuer) []byte {
	t.Helper()
	var set jose.JSONWebKeySet
	for _, i := range issuers {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: i.key.Public(), KeyID: i.ID, Algorithm: "ES256", Use: "sig"})
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// WriteKeySet writes the set of the keys of the issuers to a file.
func WriteKeySet(t testing.TB, file string, issuers ...*Issuer) {
	t.Helper()
	if err := os.WriteFile(file, KeySet(t, issuers...), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Token is a token that is valid for an hour, with the permissions. The changes are made to
// its claims; nil removes one.
func (i *Issuer) Token(t testing.TB, permissions []string, changes map[string]any) string {
	t.Helper()
	claims := jwt.MapClaims{"sub": "someone", "exp": time.Now().Add(time.Hour).Unix(), "permissions": permissions}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return i.Sign(t, jwt.SigningMethodES256, i.key, claims)
}

// Sign is a token with the claims, signed by the method with any key, under the id of the
// issuer.
func (i *Issuer) Sign(t testing.TB, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = i.ID
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
