package auth

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"go.yaml.in/yaml/v3"
)

// AccessFile is the file of API keys and of the roles of certificates.
type AccessFile struct {
	// APIKeys are the keys, without the keys themselves.
	APIKeys []APIKey `yaml:"apiKeys,omitempty"`
	// Certificates are the roles of clients that present a certificate.
	Certificates []Certificate `yaml:"certificates,omitempty"`
}

// APIKey is an API key by its hash.
type APIKey struct {
	// Name tells it from others.
	Name string `yaml:"name"`
	// Hash is "sha256:" and the hash of the key in hexadecimal digits.
	Hash string `yaml:"hash"`
	// Roles are what it allows: namespace:role.
	Roles []string `yaml:"roles"`
	// Created is when it was made.
	Created time.Time `yaml:"created,omitempty"`
	// Expires is when it ends; zero for never.
	Expires time.Time `yaml:"expires,omitempty"`
}

// Certificate gives roles to whoever presents a certificate.
type Certificate struct {
	// Name is the common name of its subject, or one of its DNS names or URIs.
	Name string `yaml:"name"`
	// Roles are what it allows: namespace:role.
	Roles []string `yaml:"roles"`
}

const (
	// keyPrefix begins every API key, so that it is told from a JWT, and found where it
	// should not be.
	keyPrefix = "perdure_"
	// hashPrefix begins its hash.
	hashPrefix = "sha256:"
	// maxAccess is the largest file that is read, in bytes.
	maxAccess = 16 << 20
)

var (
	errUnknownKey = errors.New("there is no such API key")
	errExpiredKey = errors.New("the API key has expired")
)

// NewAPIKey makes a key, which is told nobody else, and what the file has of it.
func NewAPIKey(name string, roles []string, created, expires time.Time) (key string, entry APIKey) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	key = keyPrefix + base64.RawURLEncoding.EncodeToString(secret)
	digest := sha256.Sum256([]byte(key))
	return key, APIKey{Name: name, Hash: hashPrefix + hex.EncodeToString(digest[:]), Roles: roles, Created: created, Expires: expires}
}

// ParseAccessFile reads the text of the file. The path is for errors.
func ParseAccessFile(path string, text []byte) (*AccessFile, error) {
	file := &AccessFile{}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if _, err := newAccess(file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

// access is what an AccessFile says, to be looked up.
type access struct {
	keys         map[[sha256.Size]byte]*apiKey
	certificates map[string]*Claims
}

type apiKey struct {
	claims  *Claims
	expires time.Time
}

func newAccess(file *AccessFile) (*access, error) {
	a := &access{keys: make(map[[sha256.Size]byte]*apiKey), certificates: make(map[string]*Claims)}
	names := make(map[string]bool)
	for _, k := range file.APIKeys {
		if k.Name == "" || names[k.Name] {
			return nil, fmt.Errorf("API key %q: each needs a name of its own", k.Name)
		}
		names[k.Name] = true
		digest, err := hex.DecodeString(k.Hash[min(len(k.Hash), len(hashPrefix)):])
		if err != nil || len(digest) != sha256.Size || k.Hash[:len(hashPrefix)] != hashPrefix {
			return nil, fmt.Errorf("API key %q: the hash must be %s and %d hexadecimal digits", k.Name, hashPrefix, 2*sha256.Size)
		}
		claims, err := claimsOf(k.Name, "api-key", k.Roles)
		if err != nil {
			return nil, fmt.Errorf("API key %q: %w", k.Name, err)
		}
		a.keys[[sha256.Size]byte(digest)] = &apiKey{claims, k.Expires}
	}
	for _, c := range file.Certificates {
		if c.Name == "" || a.certificates[c.Name] != nil {
			return nil, fmt.Errorf("certificate %q: each needs a name of its own", c.Name)
		}
		claims, err := claimsOf(c.Name, "mtls", c.Roles)
		if err != nil {
			return nil, fmt.Errorf("certificate %q: %w", c.Name, err)
		}
		a.certificates[c.Name] = claims
	}
	return a, nil
}

// CheckRoles says what is wrong with roles, if anything is.
func CheckRoles(roles []string) error {
	_, err := claimsOf("", "", roles)
	return err
}

func claimsOf(subject, kind string, roles []string) (*Claims, error) {
	claims := &Claims{Subject: subject, Type: kind}
	for _, text := range roles {
		namespace, role, ok := parsePermission(text)
		if !ok {
			return nil, fmt.Errorf("the role %q must be NAMESPACE:ROLE with a role out of read, write, worker, admin; the namespace %s stands for all and the cluster", text, System)
		}
		claims.add(namespace, role)
	}
	if len(roles) == 0 {
		return nil, errors.New("there are no roles")
	}
	return claims, nil
}

// key returns whose the key with the hash is.
func (a *access) key(digest [sha256.Size]byte, now time.Time) (*Claims, error) {
	k := a.keys[digest]
	switch {
	case k == nil:
		return nil, errUnknownKey
	case !k.expires.IsZero() && !now.Before(k.expires):
		return nil, errExpiredKey
	}
	return k.claims, nil
}

// certificate returns whose the certificate is: by its common name, else by the first of
// its DNS names and URIs that is known; nil for nobody.
func (a *access) certificate(certificate *x509.Certificate) *Claims {
	if claims := a.certificates[certificate.Subject.CommonName]; claims != nil {
		return claims
	}
	for _, name := range certificate.DNSNames {
		if claims := a.certificates[name]; claims != nil {
			return claims
		}
	}
	for _, uri := range certificate.URIs {
		if claims := a.certificates[uri.String()]; claims != nil {
			return claims
		}
	}
	return nil
}

// readAccess makes the text of the file what holds.
func (a *Authenticator) readAccess(text []byte) error {
	file, err := ParseAccessFile(a.options.File, text)
	if err != nil {
		return err
	}
	made, err := newAccess(file)
	if err == nil {
		a.access.Store(made)
	}
	return err
}

// followed is a file that is read again when it has changed.
type followed struct {
	path string
	use  func(text []byte) error
	last [sha256.Size]byte
}

// look reads the file if it is not as it was when it was looked at last. The error is what
// is wrong with it now.
func (f *followed) look() error {
	info, err := os.Stat(f.path)
	var text []byte
	switch {
	case err != nil:
	case info.Size() > maxAccess:
		err = fmt.Errorf("%s has more than %d bytes", f.path, maxAccess)
	default:
		text, err = os.ReadFile(f.path)
	}
	digest := sha256.Sum256(text)
	if err != nil {
		digest = sha256.Sum256([]byte(err.Error()))
	}
	if digest == f.last {
		return nil
	}
	f.last = digest
	if err != nil {
		return fmt.Errorf("access file: %w", err)
	}
	return f.use(text)
}

// follow is look, with what comes of it in the log.
func (f *followed) follow(logger *slog.Logger) {
	before := f.last
	switch err := f.look(); {
	case err != nil:
		logger.Error("The file of keys and roles has changed and is not right; what it said before holds. Put it right.", "error", err)
	case before != f.last:
		logger.Info("The file of keys and roles has changed and was read.", "file", f.path)
	}
}
