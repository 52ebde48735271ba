package worker

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/metrics/metricstest"
	"github.com/perdure/perdure/sdk/internal/tuner"
)

func TestASlotIsWaitedForUntilOneIsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fixedSlots(1)
		first := s.tryReserve()
		if first == nil || s.tryReserve() != nil {
			t.Fatal("one slot was not exactly one slot")
		}
		got := make(chan *slot, 1)
		go func() {
			second, err := s.reserve(t.Context(), enumspb.TASK_QUEUE_KIND_NORMAL)
			if err != nil {
				t.Error(err)
			}
			got <- second
		}()
		synctest.Wait()
		select {
		case <-got:
			t.Fatal("a second task got the only slot")
		default:
		}
		s.release(first)
		s.release(<-got)
		if issued := s.issued.Load(); issued != 0 {
			t.Fatalf("%d slots are out", issued)
		}
	})
}

// custom is a slot supplier of a user, that hands out slots without end.
type custom struct {
	err      error // of the next reservation
	reserved []tuner.SlotReservationInfo
	marked   []*tuner.SlotPermit
	released []tuner.SlotReleaseReason
	max      int
}

func (c *custom) ReserveSlot(_ context.Context, info tuner.SlotReservationInfo) (*tuner.SlotPermit, error) {
	if err := c.err; err != nil {
		c.err = nil
		return nil, err
	}
	return c.TryReserveSlot(info), nil
}

func (c *custom) TryReserveSlot(info tuner.SlotReservationInfo) *tuner.SlotPermit {
	c.reserved = append(c.reserved, info)
	return &tuner.SlotPermit{UserData: len(c.reserved)}
}

func (c *custom) MarkSlotUsed(info tuner.SlotMarkUsedInfo) {
	c.marked = append(c.marked, info.Permit())
}

func (c *custom) ReleaseSlot(info tuner.SlotReleaseInfo) {
	c.released = append(c.released, info.Reason())
}

func (c *custom) MaxSlots() int { return c.max }

func TestASlotSupplierIsToldWhatBecomesOfItsSlots(t *testing.T) {
	supplier := &custom{}
	s := suppliedSlots(supplier, metrics.NopHandler)
	used, err := s.reserve(t.Context(), enumspb.TASK_QUEUE_KIND_STICKY)
	if err != nil {
		t.Fatal(err)
	}
	unused := s.tryReserve()
	s.use(used)
	s.release(used)
	s.release(unused)

	info := supplier.reserved[0]
	if info.TaskQueue() != "queue" || info.TaskQueueKind() != enumspb.TASK_QUEUE_KIND_STICKY || info.WorkerBuildId() != "build" || info.WorkerIdentity() != "tester" {
		t.Errorf("a slot was reserved for %v", info)
	}
	if len(supplier.marked) != 1 || supplier.marked[0].UserData != 1 {
		t.Errorf("the slots marked as used are %v", supplier.marked)
	}
	if len(supplier.released) != 2 || supplier.released[0] != tuner.SlotReleaseReasonTaskProcessed || supplier.released[1] != tuner.SlotReleaseReasonUnused {
		t.Errorf("the slots were released for %v", supplier.released)
	}
}

func TestASlotSupplierThatFailsIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := suppliedSlots(&custom{err: errors.New("no luck")}, metrics.NopHandler)
		begun := time.Now()
		if held, err := s.reserve(t.Context(), enumspb.TASK_QUEUE_KIND_NORMAL); err != nil || held == nil {
			t.Fatalf("the slot is %v, the error %v", held, err)
		}
		if took := time.Since(begun); took != slotRetryInterval {
			t.Fatalf("it was asked again after %v", took)
		}
		if got := s.logger.(*lines).matching("ERROR", "no luck"); len(got) != 1 {
			t.Fatalf("the failure was logged %d times", len(got))
		}
	})
}

func TestSlotsInUseAreMeasured(t *testing.T) {
	recorder := metricstest.New()
	s := suppliedSlots(&custom{max: 10}, recorder)
	first, second := s.tryReserve(), s.tryReserve()
	s.use(first)
	s.use(second)
	s.release(first)
	if used, available := recorder.Value(metrics.WorkerTaskSlotsUsed), recorder.Value(metrics.WorkerTaskSlotsAvailable); used != 1 || available != 9 {
		t.Fatalf("%v slots are used, %v available", used, available)
	}
}
