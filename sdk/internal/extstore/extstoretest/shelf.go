// Package extstoretest has a storage driver for tests.
package extstoretest

import (
	"fmt"
	"slices"
	"sync"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/internal/extstore"
)

// Shelf is a driver that keeps payloads in memory. The zero value works. It is safe for
// concurrent use, unless fields are set.
type Shelf struct {
	// StoreError and RetrieveError, if not nil, are what its methods fail with.
	StoreError, RetrieveError error

	mu       sync.Mutex
	payloads []*commonpb.Payload
	targets  []extstore.StorageDriverTargetInfo
}

var _ extstore.StorageDriver = (*Shelf)(nil)

// Name implements extstore.StorageDriver.
func (*Shelf) Name() string { return "shelf" }

// Type implements extstore.StorageDriver.
func (*Shelf) Type() string { return "shelf" }

// Store implements extstore.StorageDriver.
func (s *Shelf) Store(ctx extstore.StorageDriverStoreContext, payloads []*commonpb.Payload) ([]extstore.StorageDriverClaim, error) {
	var claims []extstore.StorageDriverClaim
	for _, payload := range payloads {
		err := ctx.GetLimiter().Permit(ctx.Context, payload, func() error {
			s.mu.Lock()
			defer s.mu.Unlock()
			claims = append(claims, extstore.StorageDriverClaim{ClaimData: map[string]string{"n": fmt.Sprint(len(s.payloads))}})
			s.payloads, s.targets = append(s.payloads, payload), append(s.targets, ctx.Target)
			return s.StoreError
		})
		if err != nil {
			return nil, err
		}
	}
	return claims, nil
}

// Retrieve implements extstore.StorageDriver.
func (s *Shelf) Retrieve(ctx extstore.StorageDriverRetrieveContext, claims []extstore.StorageDriverClaim) ([]*commonpb.Payload, error) {
	var payloads []*commonpb.Payload
	for _, claim := range claims {
		err := ctx.GetLimiter().Permit(ctx.Context, claim, func() error {
			var n int
			if _, err := fmt.Sscan(claim.ClaimData["n"], &n); err != nil {
				return err
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			payloads = append(payloads, s.payloads[n])
			return s.RetrieveError
		})
		if err != nil {
			return nil, err
		}
	}
	return payloads, nil
}

// Targets says for whom payloads were stored, in order.
func (s *Shelf) Targets() []extstore.StorageDriverTargetInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.targets)
}
