package metrics_test

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/metrics/metricstest"
)

func TestAReplayAwareHandlerRecordsOnlyWhatIsNew(t *testing.T) {
	recorder := metricstest.New()
	replaying := true
	h := metrics.NewReplayAware(func() bool { return replaying }, recorder).WithTags(map[string]string{"k": "v"})
	counter, gauge, timer := h.Counter("counter"), h.Gauge("gauge"), h.Timer("timer")
	record := func() {
		counter.Inc(2)
		gauge.Update(3)
		timer.Record(time.Second)
	}
	record()
	replaying = false
	record()
	for name, want := range map[string]float64{"counter": 2, "gauge": 3, "timer": 1} {
		if got := recorder.Value(name, "k", "v"); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

func TestAReplayAwareHandlerTellsWhichOneItWraps(t *testing.T) {
	recorder := metricstest.New()
	h := metrics.NewReplayAware(func() bool { return false }, recorder)
	if inner := h.(interface{ Unwrap() metrics.Handler }).Unwrap(); inner != recorder {
		t.Fatalf("it wraps %v", inner)
	}
}

func TestStatusCodesHaveTheNamesOfTheirProto(t *testing.T) {
	for code, want := range map[codes.Code]string{
		codes.OK: "OK", codes.Canceled: "CANCELLED", codes.Unknown: "UNKNOWN", codes.InvalidArgument: "INVALID_ARGUMENT",
		codes.DeadlineExceeded: "DEADLINE_EXCEEDED", codes.NotFound: "NOT_FOUND", codes.AlreadyExists: "ALREADY_EXISTS",
		codes.PermissionDenied: "PERMISSION_DENIED", codes.ResourceExhausted: "RESOURCE_EXHAUSTED",
		codes.FailedPrecondition: "FAILED_PRECONDITION", codes.Aborted: "ABORTED", codes.OutOfRange: "OUT_OF_RANGE",
		codes.Unimplemented: "UNIMPLEMENTED", codes.Internal: "INTERNAL", codes.Unavailable: "UNAVAILABLE",
		codes.DataLoss: "DATA_LOSS", codes.Unauthenticated: "UNAUTHENTICATED", 99: "CODE(99)",
	} {
		if got := metrics.StatusCode(code); got != want {
			t.Errorf("%d is %q, want %q", code, got, want)
		}
	}
}

func TestTagsThatDoNotApplySayNone(t *testing.T) {
	want := map[string]string{"workflow_type": "W", "activity_type": "none", "task_queue": "none"}
	if got := metrics.RPCTags("W", "", ""); !maps.Equal(got, want) {
		t.Fatalf("the tags are %v", got)
	}
	if got := metrics.RootTags("")["namespace"]; got != "none" {
		t.Fatalf("the namespace is %q", got)
	}
}

func TestACacheMakesEachValueOnceAndIsBounded(t *testing.T) {
	made := map[int]int{}
	cache := metrics.NewCache(func(k int) int { made[k]++; return -k })
	for range 3 {
		if got := cache.Get(7); got != -7 {
			t.Fatalf("the value is %d", got)
		}
	}
	if made[7] != 1 {
		t.Fatalf("the value was made %d times", made[7])
	}
	for k := range 20_000 {
		cache.Get(k)
	}
	if cache.Get(19_999); made[19_999] != 2 {
		t.Fatalf("a key beyond the limit was made %d times: it was kept", made[19_999])
	}
	if cache.Get(7); made[7] != 1 {
		t.Fatal("a key within the limit was forgotten")
	}
}

// clearing forgets what it has counted.
type clearing struct{ *metricstest.Recorder }

func (c *clearing) WithTags(map[string]string) metrics.Handler { return c }
func (c *clearing) Counter(name string) metrics.Counter        { return c.Recorder.Counter(name) }

func TestFreshInstrumentsAreThoseThatTheHandlerHasMoreOrLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &clearing{metricstest.New()}
		counter := metrics.Fresh(h).WithTags(nil).Counter("c")
		counter.Inc(1)
		h.Recorder = metricstest.New()
		time.Sleep(100 * time.Millisecond)
		counter.Inc(2)
		if got := h.Value("c"); got != 2 {
			t.Errorf("the handler has %v, want what was counted since it was cleared", got)
		}
	})
	if !metrics.IsNop(metrics.Fresh(nil)) {
		t.Error("no handler is one")
	}
}

func TestMeasuringWithoutAHandlerAllocatesNothing(t *testing.T) {
	h := metrics.OrNop(nil)
	counter, timer := h.Counter("c"), h.Timer("t")
	if n := testing.AllocsPerRun(100, func() { counter.Inc(1); timer.Record(1) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}
