package auth

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// maxVerified bounds the tokens that are remembered.
	maxVerified = 10_000
	// maxAge is how long a token is remembered at most.
	maxAge = 5 * time.Minute
)

// cache remembers tokens that have been verified, by their hashes. The zero value is empty.
type cache struct {
	mu         sync.RWMutex
	tokens     map[[sha256.Size]byte]verified
	generation int // counts how often it has been cleared
}

type verified struct {
	claims *Claims
	until  time.Time
}

// get returns the claims of the token, or nil.
func (c *cache) get(digest [sha256.Size]byte, now time.Time) *Claims {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if v, ok := c.tokens[digest]; ok && now.Before(v.until) {
		return v.claims
	}
	return nil
}

// begin returns what put has to be given about a verification that begins now.
func (c *cache) begin() (generation int) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.generation
}

// put remembers the claims until a time, the zero time for no end, unless the cache has
// been cleared since the verification began.
func (c *cache) put(generation int, digest [sha256.Size]byte, claims *Claims, until, now time.Time) {
	if latest := now.Add(maxAge); until.IsZero() || until.After(latest) {
		until = latest
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation != c.generation {
		return
	}
	if len(c.tokens) >= maxVerified {
		c.tokens = nil // whoever fills it has to pay for it
	}
	if c.tokens == nil {
		c.tokens = make(map[[sha256.Size]byte]verified)
	}
	c.tokens[digest] = verified{claims, until}
}

// clear forgets all tokens.
func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens, c.generation = nil, c.generation+1
}
