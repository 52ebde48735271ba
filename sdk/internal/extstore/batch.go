package extstore

import (
	"context"
	"fmt"
	"slices"
	"sync"

	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/proto"
)

// batches are payloads by driver: their positions in the list.
type batches struct {
	drivers []StorageDriver // in order of first use
	indices map[string][]int
}

func (b *batches) add(driver StorageDriver, index int) {
	name := driver.Name()
	if b.indices == nil {
		b.indices = make(map[string][]int)
	}
	if _, ok := b.indices[name]; !ok {
		b.drivers = append(b.drivers, driver)
	}
	b.indices[name] = append(b.indices[name], index)
}

// each runs fn for each driver at the same time, and returns the first error, on which ctx
// ends for the others. What panics in a driver is an error.
func (b *batches) each(ctx context.Context, fn func(ctx context.Context, driver StorageDriver, indices []int) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		wait  sync.WaitGroup
		once  sync.Once
		first error
	)
	for _, driver := range b.drivers {
		wait.Go(func() {
			if err := fn(ctx, driver, b.indices[driver.Name()]); err != nil {
				once.Do(func() {
					first = err
					cancel()
				})
			}
		})
	}
	wait.Wait()
	return first
}

func (s *Storage) store(ctx context.Context, message places, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	target := TargetOf(ctx)
	var b batches
	for i, payload := range payloads {
		driver, err := s.driverFor(ctx, payload)
		if err != nil {
			return nil, err
		}
		if driver != nil {
			b.add(driver, i)
		}
	}
	if len(b.drivers) == 0 {
		return payloads, nil
	}
	result := slices.Clone(payloads)
	err := b.each(ctx, func(ctx context.Context, driver StorageDriver, indices []int) error {
		batch := make([]*commonpb.Payload, len(indices))
		for i, index := range indices {
			batch[i] = payloads[index]
		}
		l := &limiter[*commonpb.Payload]{ofMessage: message, ofAll: s.all}
		var claims []StorageDriverClaim
		err := s.call(driver, "store", &l.used, len(batch), func() (n int, err error) {
			claims, err = driver.Store(StorageDriverStoreContext{Context: ctx, Target: target, Limiter: l}, batch)
			return len(claims), err
		})
		if err != nil {
			return err
		}
		for i, index := range indices {
			if result[index], err = newReference(driver.Name(), claims[i], batch[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return result, err
}

// driverFor returns the driver that a payload is stored with, nil if it is not stored.
func (s *Storage) driverFor(ctx context.Context, payload *commonpb.Payload) (StorageDriver, error) {
	// What is a reference already came from somewhere else.
	if proto.Size(payload) < s.threshold || IsReference(payload) {
		return nil, nil
	}
	return s.selectDriver(StorageDriverSelectContext{Context: ctx, Target: TargetOf(ctx)}, payload)
}

func (s *Storage) selectDriver(ctx StorageDriverSelectContext, payload *commonpb.Payload) (driver StorageDriver, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("storage driver selector failed: panicked: %v", r)
		}
	}()
	driver, err = s.selector.SelectDriver(ctx, payload)
	switch {
	case err != nil:
		return nil, fmt.Errorf("storage driver selector failed: %w", err)
	case driver == nil:
		return nil, nil
	}
	registered := s.drivers[driver.Name()]
	if registered == nil {
		return nil, fmt.Errorf("storage driver selector returned unregistered driver %q", driver.Name())
	}
	return registered, nil
}

func (s *Storage) retrieve(ctx context.Context, message places, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	var b batches
	claims := make(map[int]StorageDriverClaim)
	for i, payload := range payloads {
		if !IsReference(payload) {
			continue
		}
		name, claim, err := parseReference(payload)
		if err != nil {
			return nil, err
		}
		driver := s.drivers[name]
		if driver == nil {
			return nil, fmt.Errorf("no storage driver registered with name %q", name)
		}
		claims[i] = claim
		b.add(driver, i)
	}
	if len(b.drivers) == 0 {
		return payloads, nil
	}
	result := slices.Clone(payloads)
	err := b.each(ctx, func(ctx context.Context, driver StorageDriver, indices []int) error {
		batch := make([]StorageDriverClaim, len(indices))
		for i, index := range indices {
			batch[i] = claims[index]
		}
		l := &limiter[StorageDriverClaim]{ofMessage: message, ofAll: s.all}
		var retrieved []*commonpb.Payload
		err := s.call(driver, "retrieve", &l.used, len(batch), func() (n int, err error) {
			retrieved, err = driver.Retrieve(StorageDriverRetrieveContext{Context: ctx, Limiter: l}, batch)
			return len(retrieved), err
		})
		if err != nil {
			return err
		}
		for i, index := range indices {
			if retrieved[i] == nil {
				return fmt.Errorf("storage driver %q retrieved nothing for a claim", driver.Name())
			}
			result[index] = retrieved[i]
		}
		return nil
	})
	return result, err
}
