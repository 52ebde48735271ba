package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	defaultRefresh = 5 * time.Minute
	// soonest is how long after a fetch the next one comes at the earliest.
	soonest = 10 * time.Second
	// fetchTime bounds one fetch.
	fetchTime = 10 * time.Second
	// maxKeySet is the largest set that is read, in bytes.
	maxKeySet = 1 << 20
	// leastRSA is the shortest RSA key that is used, in bits.
	leastRSA = 2048
)

// signingKey verifies signatures.
type signingKey struct {
	key any // *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey, or []byte
	// algorithm is the only one it is for; empty for all that fit.
	algorithm string
}

// keySets are the keys of all sources.
type keySets struct {
	refresh time.Duration
	now     func() time.Time
	logger  *slog.Logger
	changed func()
	keys    atomic.Pointer[map[string]signingKey]

	mu      sync.Mutex // held while sets are read
	sources []*keySource
}

// keySource is a file or a URL of a set.
type keySource struct {
	place string
	keys  map[string]signingKey
	text  string    // the set as it was read last
	tried time.Time // when it was read last
	wrong string    // what was wrong then; empty for nothing
}

func (s *keySource) remote() bool {
	return strings.HasPrefix(s.place, "http://") || strings.HasPrefix(s.place, "https://")
}

func openKeySets(ctx context.Context, options Options, changed func()) (*keySets, error) {
	k := &keySets{refresh: options.JWT.Refresh, now: options.Now, logger: options.Logger, changed: changed}
	if k.refresh == 0 {
		k.refresh = defaultRefresh
	}
	k.keys.Store(new(map[string]signingKey))
	for _, place := range options.JWT.KeySources {
		s := &keySource{place: strings.TrimPrefix(place, "file://")}
		if strings.HasPrefix(s.place, "http://") {
			k.logger.Warn("A key set is fetched without TLS: whoever is on the way can give keys of his own.", "url", s.place)
		}
		k.sources = append(k.sources, s)
		if err := k.read(ctx, s); err != nil && !s.remote() {
			return nil, err
		}
	}
	return k, nil
}

// find returns the key with the id. One that is not there is perhaps new: sets are fetched
// that have not been for a while.
func (k *keySets) find(ctx context.Context, id string) (signingKey, bool) {
	if key, ok := (*k.keys.Load())[id]; ok {
		return key, true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok := (*k.keys.Load())[id]; ok {
		return key, true
	}
	for _, s := range k.sources {
		if k.now().Sub(s.tried) >= soonest {
			_ = k.readLocked(context.WithoutCancel(ctx), s)
		}
	}
	key, ok := (*k.keys.Load())[id]
	return key, ok
}

// follow reads what may have changed: files, and sets that are old.
func (k *keySets) follow(ctx context.Context) {
	for _, s := range k.sources {
		k.mu.Lock()
		if !s.remote() || k.now().Sub(s.tried) >= k.refresh {
			_ = k.readLocked(ctx, s)
		}
		k.mu.Unlock()
	}
}

func (k *keySets) read(ctx context.Context, s *keySource) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.readLocked(ctx, s)
}

// readLocked reads a set. If it is not right, the keys it had before stay.
func (k *keySets) readLocked(ctx context.Context, s *keySource) error {
	s.tried = k.now()
	text, err := s.load(ctx)
	if err == nil && text == s.text && s.wrong == "" {
		return nil
	}
	var keys map[string]signingKey
	if err == nil {
		keys, err = parseKeySet(text, !s.remote())
	}
	if err != nil {
		err = fmt.Errorf("key set %s: %w", s.place, err)
		if s.wrong != err.Error() {
			k.logger.Error("A set of keys for tokens cannot be read; the keys that were read before hold. It is tried again.", "error", err)
		}
		s.wrong = err.Error()
		return err
	}
	if s.text != "" || s.wrong != "" {
		k.logger.Info("A set of keys for tokens has changed and was read.", "source", s.place, "keys", len(keys))
	}
	s.keys, s.text, s.wrong = keys, text, ""
	merged := make(map[string]signingKey)
	for _, source := range k.sources {
		for id, key := range source.keys {
			if _, twice := merged[id]; !twice {
				merged[id] = key
			}
		}
	}
	k.keys.Store(&merged)
	k.changed()
	return nil
}

// load reads the text of the set.
func (s *keySource) load(ctx context.Context) (string, error) {
	if !s.remote() {
		f, err := os.Open(s.place)
		if err != nil {
			return "", err
		}
		defer f.Close()
		return limited(f)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.place, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the answer is %s", response.Status)
	}
	return limited(response.Body)
}

func limited(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxKeySet+1))
	if err == nil && len(text) > maxKeySet {
		err = fmt.Errorf("it has more than %d bytes", maxKeySet)
	}
	return string(text), err
}

// parseKeySet reads the keys of a set. Those that cannot be used are passed over. A secret
// can be used only if the set is a secret, too.
func parseKeySet(text string, secret bool) (map[string]signingKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal([]byte(text), &set); err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	keys := make(map[string]signingKey)
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(raw) != nil || key.KeyID == "" || key.Use != "" && key.Use != "sig" || !usable(key.Key, secret) {
			continue
		}
		keys[key.KeyID] = signingKey{key.Key, key.Algorithm}
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no public key with an id for signatures in it")
	}
	return keys, nil
}

func usable(key any, secret bool) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= leastRSA
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	case []byte:
		return secret && len(key) >= 32
	}
	return false
}
