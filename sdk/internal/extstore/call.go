package extstore

import (
	"fmt"
	"sync/atomic"
)

// call makes one call of a driver, which has to return want results. A driver that has not
// asked the limiter is warned of: nothing bounds it.
func (s *Storage) call(driver StorageDriver, operation string, asked *atomic.Bool, want int, fn func() (n int, err error)) error {
	n, err := recovered(fn)
	switch {
	case err != nil:
		return fmt.Errorf("storage driver %q %s failed: %w", driver.Name(), operation, err)
	case n != want:
		return fmt.Errorf("storage driver %q returned %d results to %s, expected %d", driver.Name(), n, operation, want)
	}
	if !asked.Load() {
		s.logger.Warn("A storage driver does not use its limiter, so nothing bounds how much it does at a time.",
			"DriverName", driver.Name(), "Operation", operation)
	}
	return nil
}

// recovered turns what panics in fn into an error.
func recovered(fn func() (int, error)) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panicked: %v", r)
		}
	}()
	return fn()
}
