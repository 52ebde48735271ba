package metrics

import "sync"

// cacheLimit bounds how many keys a Cache keeps. Keys are names of types, which come
// from the server: they are few, unless something is wrong.
const cacheLimit = 10_000

// Cache keeps what is made of metrics for each key, for instance the counters of a
// workflow type. It is safe for concurrent use; the zero value is not usable.
type Cache[K comparable, V any] struct {
	make func(K) V

	mu     sync.RWMutex
	values map[K]V
}

// NewCache returns a Cache. make is called when a key is first asked for, and may be
// called more than once for one key.
func NewCache[K comparable, V any](make func(K) V) *Cache[K, V] {
	return &Cache[K, V]{make: make, values: map[K]V{}}
}

// Get returns what was made for key.
func (c *Cache[K, V]) Get(key K) V {
	c.mu.RLock()
	value, ok := c.values[key]
	c.mu.RUnlock()
	if ok {
		return value
	}
	value = c.make(key)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.values) < cacheLimit {
		c.values[key] = value
	}
	return value
}
