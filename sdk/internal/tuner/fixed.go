package tuner

import (
	"context"
	"errors"
	"fmt"
)

// FixedSizeSlotSupplier has a fixed number of slots. Who waits longest gets the next.
type FixedSizeSlotSupplier struct {
	taken chan struct{}
}

var _ SlotSupplier = (*FixedSizeSlotSupplier)(nil)

// NewFixedSizeSlotSupplier returns a supplier of a positive number of slots.
func NewFixedSizeSlotSupplier(numSlots int) (*FixedSizeSlotSupplier, error) {
	if numSlots <= 0 {
		return nil, errors.New("NumSlots must be positive")
	}
	return &FixedSizeSlotSupplier{taken: make(chan struct{}, numSlots)}, nil
}

// ReserveSlot implements SlotSupplier.
func (s *FixedSizeSlotSupplier) ReserveSlot(ctx context.Context, info SlotReservationInfo) (*SlotPermit, error) {
	if permit := s.TryReserveSlot(info); permit != nil {
		return permit, nil
	}
	select {
	case s.taken <- struct{}{}:
		return &SlotPermit{}, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for a slot: %w", ctx.Err())
	}
}

// TryReserveSlot implements SlotSupplier.
func (s *FixedSizeSlotSupplier) TryReserveSlot(SlotReservationInfo) *SlotPermit {
	select {
	case s.taken <- struct{}{}:
		return &SlotPermit{}
	default:
		return nil
	}
}

// MarkSlotUsed implements SlotSupplier.
func (s *FixedSizeSlotSupplier) MarkSlotUsed(SlotMarkUsedInfo) {}

// ReleaseSlot implements SlotSupplier.
func (s *FixedSizeSlotSupplier) ReleaseSlot(SlotReleaseInfo) {
	select {
	case <-s.taken:
	default:
		panic("tuner: a slot was released that was not reserved")
	}
}

// MaxSlots implements SlotSupplier.
func (s *FixedSizeSlotSupplier) MaxSlots() int { return cap(s.taken) }
