package sso

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// sealer encrypts and authenticates what browsers keep.
type sealer struct{ aead cipher.AEAD }

// newSealer makes one whose key follows from the secret; without one it is a new key.
func newSealer(secret string) (*sealer, error) {
	key := make([]byte, 32)
	if secret == "" {
		_, _ = rand.Read(key) // it never fails
	} else {
		var err error
		if key, err = hkdf.Key(sha256.New, []byte(secret), nil, "perdure: cookies of the web UI", len(key)); err != nil {
			return nil, fmt.Errorf("a key for cookies: %w", err)
		}
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	// The nonce is random; there are far less than 2^32 cookies.
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &sealer{aead}, nil
}

// seal makes a value of a cookie with the name, as which alone it is taken back.
func (s *sealer) seal(name string, value any) (string, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, data, []byte(name))), nil
}

var errSeal = errors.New("not sealed by this server")

// open undoes seal.
func (s *sealer) open(name, sealed string, value any) error {
	data, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return errSeal
	}
	if data, err = s.aead.Open(nil, nil, data, []byte(name)); err != nil {
		return errSeal
	}
	return json.Unmarshal(data, value)
}
