package tuner_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/metrics/metricstest"
	"github.com/perdure/perdure/sdk/internal/tuner"
	"github.com/perdure/perdure/sdk/log"
)

// machine is a SysInfoProvider with the usage that a test gives it.
type machine struct {
	memory, cpu float64
	err         error
}

func (m *machine) MemoryUsage(*tuner.SysInfoContext) (float64, error) { return m.memory, m.err }
func (m *machine) CpuUsage(*tuner.SysInfoContext) (float64, error)    { return m.cpu, m.err }

// want is the SlotReservationInfo of a worker that holds a number of slots.
type want struct {
	issued  int
	metrics metrics.Handler
}

func (want) TaskQueue() string                    { return "queue" }
func (want) TaskQueueKind() enumspb.TaskQueueKind { return enumspb.TASK_QUEUE_KIND_NORMAL }
func (want) WorkerBuildId() string                { return "build" }
func (want) WorkerIdentity() string               { return "tester" }
func (w want) NumIssuedSlots() int                { return w.issued }
func (want) Logger() log.Logger                   { return logger.Discard{} }
func (w want) MetricsHandler() metrics.Handler    { return w.metrics }

// supplied runs test, in virtual time, with a supplier that has the machine's usage to go
// by.
func supplied(t *testing.T, options tuner.ResourceBasedSlotSupplierOptions, test func(t *testing.T, m *machine, s *tuner.ResourceBasedSlotSupplier)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := &machine{memory: 0.1, cpu: 0.1}
		control := tuner.DefaultResourceControllerOptions()
		control.InfoSupplier = m
		s, err := tuner.NewResourceBasedSlotSupplier(tuner.NewResourceController(control), options)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		test(t, m, s)
	})
}

func TestSlotsAreGivenOutWhileTheMachineHasRoom(t *testing.T) {
	supplied(t, tuner.ResourceBasedSlotSupplierOptions{MaxSlots: 10}, func(t *testing.T, m *machine, s *tuner.ResourceBasedSlotSupplier) {
		if s.TryReserveSlot(want{}) == nil {
			t.Fatal("an idle machine got no task")
		}
		time.Sleep(time.Second)
		m.memory = 0.85
		if s.TryReserveSlot(want{}) != nil {
			t.Fatal("a machine above its memory target got a task")
		}
		m.memory, m.cpu = 0.1, 0.99
		time.Sleep(time.Second)
		if s.TryReserveSlot(want{}) != nil {
			t.Fatal("a machine above its processor target got a task")
		}
	})
}

func TestTheMinimumIsGivenOutWhateverTheStateOfTheMachine(t *testing.T) {
	supplied(t, tuner.ResourceBasedSlotSupplierOptions{MinSlots: 2, MaxSlots: 10}, func(t *testing.T, m *machine, s *tuner.ResourceBasedSlotSupplier) {
		m.memory, m.err = 1, errors.New("the machine cannot be measured")
		if s.TryReserveSlot(want{issued: 1}) == nil {
			t.Fatal("a slot within the minimum was refused")
		}
		if s.TryReserveSlot(want{issued: 2}) != nil {
			t.Fatal("a slot beyond the minimum was given out")
		}
	})
}

func TestTheMaximumIsNotExceeded(t *testing.T) {
	supplied(t, tuner.ResourceBasedSlotSupplierOptions{MaxSlots: 3}, func(t *testing.T, _ *machine, s *tuner.ResourceBasedSlotSupplier) {
		if s.TryReserveSlot(want{issued: 2}) == nil || s.TryReserveSlot(want{issued: 3}) != nil {
			t.Fatal("a maximum of 3 was not 3")
		}
	})
}

func TestSlotsAreSpacedOutByTheRampThrottle(t *testing.T) {
	supplied(t, tuner.ResourceBasedSlotSupplierOptions{MaxSlots: 10, RampThrottle: time.Second}, func(t *testing.T, _ *machine, s *tuner.ResourceBasedSlotSupplier) {
		begun := time.Now()
		for range 3 {
			if _, err := s.ReserveSlot(t.Context(), want{}); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begun); took < 2*time.Second || took > 3*time.Second {
			t.Fatalf("three slots took %v", took)
		}
	})
}

func TestWaitingForAResourceBasedSlotEndsWithItsContext(t *testing.T) {
	supplied(t, tuner.ResourceBasedSlotSupplierOptions{MaxSlots: 10}, func(t *testing.T, m *machine, s *tuner.ResourceBasedSlotSupplier) {
		m.memory = 1
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := s.ReserveSlot(ctx, want{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the error is %v", err)
		}
	})
}

func TestTheUsageOfTheMachineIsMeasured(t *testing.T) {
	supplied(t, tuner.ResourceBasedSlotSupplierOptions{MaxSlots: 10}, func(t *testing.T, m *machine, s *tuner.ResourceBasedSlotSupplier) {
		m.memory, m.cpu = 0.25, 0.5
		recorder := metricstest.New()
		s.TryReserveSlot(want{metrics: recorder})
		if memory, cpu := recorder.Value("temporal_resource_slots_mem_usage"), recorder.Value("temporal_resource_slots_cpu_usage"); memory != 25 || cpu != 50 {
			t.Fatalf("the memory usage is %v, the processors' %v", memory, cpu)
		}
	})
}

func TestTunersThatMakeNoSenseAreRefused(t *testing.T) {
	if _, err := tuner.NewFixedSizeSlotSupplier(0); err == nil {
		t.Error("a supplier of no slots was made")
	}
	if _, err := tuner.NewResourceBasedTuner(tuner.ResourceBasedTunerOptions{TargetMem: 0.5, TargetCpu: 0.5}); err == nil {
		t.Error("a resource-based tuner was made that cannot measure")
	}
	control := tuner.DefaultResourceControllerOptions()
	control.InfoSupplier = &machine{}
	controller := tuner.NewResourceController(control)
	for name, options := range map[string]tuner.ResourceBasedSlotSupplierOptions{
		"a minimum above the maximum": {MinSlots: 2, MaxSlots: 1},
		"a negative minimum":          {MinSlots: -1},
		"a negative throttle":         {MaxSlots: 1, RampThrottle: -1},
	} {
		if _, err := tuner.NewResourceBasedSlotSupplier(controller, options); err == nil {
			t.Errorf("a supplier with %s was made", name)
		}
	}
}

func TestAFixedSizeTunerHasTheSizesItWasGivenAndDefaults(t *testing.T) {
	tn, err := tuner.NewFixedSizeTuner(tuner.FixedSizeTunerOptions{NumWorkflowSlots: 7, NumActivitySlots: 8})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		supplier tuner.SlotSupplier
		want     int
	}{
		"workflow":       {tn.GetWorkflowTaskSlotSupplier(), 7},
		"activity":       {tn.GetActivityTaskSlotSupplier(), 8},
		"session":        {tn.GetSessionActivitySlotSupplier(), 8},
		"local activity": {tn.GetLocalActivitySlotSupplier(), tuner.DefaultSlots},
		"nexus":          {tn.GetNexusSlotSupplier(), tuner.DefaultSlots},
	} {
		if got := test.supplier.MaxSlots(); got != test.want {
			t.Errorf("there are %d %s slots, want %d", got, name, test.want)
		}
	}
}
