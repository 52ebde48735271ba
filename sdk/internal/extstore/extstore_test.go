package extstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/log"
)

const threshold = 100

// driver keeps payloads in memory.
type driver struct {
	name    string
	failing error
	hook    func(ctx context.Context)

	mu      sync.Mutex
	stored  map[string]*commonpb.Payload
	batches []int
	targets []StorageDriverTargetInfo
}

func newDriver(name string) *driver {
	return &driver{name: name, stored: map[string]*commonpb.Payload{}}
}

func (d *driver) Name() string { return d.name }
func (d *driver) Type() string { return "memory" }

func (d *driver) Store(ctx StorageDriverStoreContext, payloads []*commonpb.Payload) ([]StorageDriverClaim, error) {
	claims := make([]StorageDriverClaim, len(payloads))
	for i, payload := range payloads {
		err := ctx.GetLimiter().Permit(ctx.Context, payload, func() error {
			if d.hook != nil {
				d.hook(ctx.Context)
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			key := fmt.Sprint(len(d.stored))
			d.stored[key] = payload
			claims[i] = StorageDriverClaim{ClaimData: map[string]string{"key": key}}
			return d.failing
		})
		if err != nil {
			return nil, err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.batches = append(d.batches, len(payloads))
	d.targets = append(d.targets, ctx.Target)
	return claims, nil
}

func (d *driver) Retrieve(ctx StorageDriverRetrieveContext, claims []StorageDriverClaim) ([]*commonpb.Payload, error) {
	payloads := make([]*commonpb.Payload, len(claims))
	for i, claim := range claims {
		err := ctx.GetLimiter().Permit(ctx.Context, claim, func() error {
			d.mu.Lock()
			defer d.mu.Unlock()
			payloads[i] = d.stored[claim.ClaimData["key"]]
			return d.failing
		})
		if err != nil {
			return nil, err
		}
	}
	return payloads, nil
}

func payloadOf(size int) *commonpb.Payload {
	return &commonpb.Payload{Data: bytes.Repeat([]byte{'x'}, size)}
}

func start(payloads ...*commonpb.Payload) *workflowservice.StartWorkflowExecutionRequest {
	return &workflowservice.StartWorkflowExecutionRequest{Input: &commonpb.Payloads{Payloads: payloads}}
}

func newStorage(t *testing.T, options ExternalStorage) *Storage {
	t.Helper()
	if options.PayloadSizeThreshold == 0 {
		options.PayloadSizeThreshold = threshold
	}
	s, err := New(options, logger.Discard{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLargePayloadsAreStoredAndRetrieved(t *testing.T) {
	d := newDriver("d")
	s := newStorage(t, ExternalStorage{Drivers: []StorageDriver{d}})
	original := start(payloadOf(10), payloadOf(threshold), payloadOf(2*threshold))
	m := proto.Clone(original).(*workflowservice.StartWorkflowExecutionRequest)
	target := StorageDriverWorkflowInfo{WorkflowID: "w"}
	if err := s.Store(WithTarget(t.Context(), target), m, nil); err != nil {
		t.Fatal(err)
	}
	sent := m.GetInput().GetPayloads()
	if IsReference(sent[0]) || !IsReference(sent[1]) || !IsReference(sent[2]) {
		t.Errorf("sent %v", sent)
	}
	if len(d.batches) != 1 || d.batches[0] != 2 || d.targets[0] != target {
		t.Errorf("batches are %v for %v", d.batches, d.targets)
	}
	if err := s.Retrieve(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(m, original) {
		t.Error("what came back is not what was stored")
	}
}

func TestTheFormOfAReference(t *testing.T) {
	s := newStorage(t, ExternalStorage{Drivers: []StorageDriver{newDriver("d")}})
	m := start(payloadOf(threshold))
	size := proto.Size(m.GetInput().GetPayloads()[0])
	if err := s.Store(t.Context(), m, nil); err != nil {
		t.Fatal(err)
	}
	got := m.GetInput().GetPayloads()[0]
	data := strings.ReplaceAll(string(got.GetData()), " ", "")
	if string(got.GetMetadata()["encoding"]) != "json/protobuf" ||
		string(got.GetMetadata()["messageType"]) != "temporal.api.sdk.v1.ExternalStorageReference" ||
		data != `{"driverName":"d","claimData":{"key":"0"}}` ||
		len(got.GetExternalPayloads()) != 1 || got.GetExternalPayloads()[0].GetSizeBytes() != int64(size) {
		t.Errorf("got %v", got)
	}
}

func TestReferencesOfOlderSDKsAreRetrieved(t *testing.T) {
	d := newDriver("d")
	d.stored["k"] = payloadOf(5)
	m := start(&commonpb.Payload{
		Metadata: map[string][]byte{"encoding": []byte("json/external-storage-reference")},
		Data:     []byte(`{"driver_name":"d","driver_claim":{"claim_data":{"key":"k"}}}`),
	})
	if err := newStorage(t, ExternalStorage{Drivers: []StorageDriver{d}}).Retrieve(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(m, start(payloadOf(5))) {
		t.Errorf("got %v", m)
	}
}

// selector selects by the first byte of the data.
type selector map[byte]StorageDriver

func (s selector) SelectDriver(_ StorageDriverSelectContext, payload *commonpb.Payload) (StorageDriver, error) {
	d, ok := s[payload.GetData()[0]]
	if !ok {
		return nil, errors.New("what is this?")
	}
	return d, nil
}

func large(first byte) *commonpb.Payload {
	return &commonpb.Payload{Data: append([]byte{first}, payloadOf(threshold).GetData()...)}
}

func TestTheSelectorChooses(t *testing.T) {
	a, b, foreign := newDriver("a"), newDriver("b"), newDriver("foreign")
	s := newStorage(t, ExternalStorage{
		Drivers:        []StorageDriver{a, b},
		DriverSelector: selector{'a': a, 'b': b, '-': nil, 'f': foreign},
	})
	m := start(large('a'), large('-'), large('b'), large('a'))
	original := proto.Clone(m)
	if err := s.Store(t.Context(), m, nil); err != nil {
		t.Fatal(err)
	}
	if len(a.stored) != 2 || len(b.stored) != 1 || IsReference(m.GetInput().GetPayloads()[1]) {
		t.Errorf("a has %d, b has %d", len(a.stored), len(b.stored))
	}
	if err := s.Retrieve(t.Context(), m); err != nil || !proto.Equal(m, original) {
		t.Errorf("what came back is not what was stored: %v", err)
	}
	for _, first := range "f?" {
		if err := s.Store(t.Context(), start(large(byte(first))), nil); err == nil {
			t.Errorf("%c: there is no error", first)
		}
	}
}

func TestPartsOfAMessageCanBeForOthers(t *testing.T) {
	d := newDriver("d")
	s := newStorage(t, ExternalStorage{Drivers: []StorageDriver{d}, Concurrency: ExternalStorageConcurrency{MaxOperationsPerMessage: 1}})
	own, child := StorageDriverWorkflowInfo{WorkflowID: "own"}, StorageDriverWorkflowInfo{WorkflowID: "child"}
	input := &commonpb.Payloads{Payloads: []*commonpb.Payload{payloadOf(threshold)}}
	m := &workflowservice.RespondWorkflowTaskCompletedRequest{Commands: []*commandpb.Command{
		{Attributes: &commandpb.Command_StartChildWorkflowExecutionCommandAttributes{
			StartChildWorkflowExecutionCommandAttributes: &commandpb.StartChildWorkflowExecutionCommandAttributes{Input: input}}},
		{Attributes: &commandpb.Command_ScheduleActivityTaskCommandAttributes{
			ScheduleActivityTaskCommandAttributes: &commandpb.ScheduleActivityTaskCommandAttributes{Input: proto.Clone(input).(*commonpb.Payloads)}}},
	}}
	err := s.Store(WithTarget(t.Context(), own), m, func(part proto.Message) StorageDriverTargetInfo {
		if _, ok := part.(*commandpb.StartChildWorkflowExecutionCommandAttributes); ok {
			return child
		}
		return nil
	})
	if err != nil || len(d.targets) != 2 || d.targets[0] != child || d.targets[1] != own {
		t.Errorf("targets are %v, error %v", d.targets, err)
	}
}

func TestWhatDriversDoWrongIsAnError(t *testing.T) {
	failing, panicking := newDriver("failing"), newDriver("panicking")
	failing.failing = errors.New("full")
	panicking.hook = func(context.Context) { panic("oops") }
	for _, d := range []*driver{failing, panicking} {
		s := newStorage(t, ExternalStorage{Drivers: []StorageDriver{d}})
		if err := s.Store(t.Context(), start(payloadOf(threshold)), nil); err == nil || !strings.Contains(err.Error(), d.name) {
			t.Errorf("%s: got %v", d.name, err)
		}
	}
	d := newDriver("d")
	s := newStorage(t, ExternalStorage{Drivers: []StorageDriver{d}})
	m := start(payloadOf(threshold))
	if err := s.Store(t.Context(), m, nil); err != nil {
		t.Fatal(err)
	}
	d.stored = nil // so that nothing is retrieved
	if err := s.Retrieve(t.Context(), proto.Clone(m)); err == nil {
		t.Error("nothing was retrieved, without an error")
	}
	other := newStorage(t, ExternalStorage{Drivers: []StorageDriver{newDriver("other")}})
	if err := other.Retrieve(t.Context(), m); err == nil || !strings.Contains(err.Error(), `"d"`) {
		t.Errorf("got %v", err)
	}
}

func TestADriverThatFailsEndsTheOthers(t *testing.T) {
	waiting, failing := newDriver("waiting"), newDriver("failing")
	started := make(chan struct{})
	waiting.hook = func(ctx context.Context) {
		close(started)
		<-ctx.Done()
	}
	failing.hook = func(context.Context) { <-started }
	failing.failing = errors.New("full")
	s := newStorage(t, ExternalStorage{
		Drivers:        []StorageDriver{waiting, failing},
		DriverSelector: selector{'w': waiting, 'f': failing},
	})
	if err := s.Store(t.Context(), start(large('w'), large('f')), nil); !errors.Is(err, failing.failing) {
		t.Errorf("got %v", err)
	}
}

func TestDriversDoNoMoreAtATimeThanTheyMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := 0, 0
		release := make(chan struct{})
		a, b := newDriver("a"), newDriver("b")
		hook := func(context.Context) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			<-release
			mu.Lock()
			now--
			mu.Unlock()
		}
		a.hook, b.hook = hook, hook
		s := newStorage(t, ExternalStorage{
			Drivers:        []StorageDriver{a, b},
			DriverSelector: selector{'a': a, 'b': b},
			Concurrency:    ExternalStorageConcurrency{MaxDriverOperations: 3},
		})
		done := make(chan error)
		for range 4 {
			go func() { done <- s.Store(t.Context(), start(large('a'), large('b')), nil) }()
		}
		synctest.Wait()
		close(release)
		for range 4 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if most != 3 {
			t.Errorf("%d at a time", most)
		}
	})
}

// careless is a driver that does not ask the limiter.
type careless struct{ *driver }

func (c careless) Store(_ StorageDriverStoreContext, payloads []*commonpb.Payload) ([]StorageDriverClaim, error) {
	return make([]StorageDriverClaim, len(payloads)), nil
}

type warnings struct {
	log.Logger
	n int
}

func (w *warnings) Warn(string, ...any) { w.n++ }

func TestADriverThatDoesNotAskTheLimiterIsWarnedOf(t *testing.T) {
	w := &warnings{}
	s, err := New(ExternalStorage{Drivers: []StorageDriver{careless{newDriver("d")}}, PayloadSizeThreshold: threshold}, w)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Store(t.Context(), start(payloadOf(threshold)), nil); err != nil || w.n != 1 {
		t.Errorf("%d warnings, error %v", w.n, err)
	}
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	two := []StorageDriver{newDriver("a"), newDriver("b")}
	for name, options := range map[string]ExternalStorage{
		"negative threshold":      {PayloadSizeThreshold: -1},
		"negative bound":          {Concurrency: ExternalStorageConcurrency{MaxDriverOperations: -1}},
		"negative bound of each":  {Concurrency: ExternalStorageConcurrency{MaxOperationsPerMessage: -1}},
		"nobody to choose":        {Drivers: two},
		"two drivers of one name": {Drivers: []StorageDriver{newDriver("a"), newDriver("a")}, DriverSelector: selector{}},
	} {
		if _, err := New(options, logger.Discard{}); err == nil {
			t.Errorf("%s: there is no error", name)
		}
	}
}

func TestWithoutDriversNothingIsStored(t *testing.T) {
	s := newStorage(t, ExternalStorage{})
	if s != nil || s.ForWorker(logger.Discard{}) != nil || s.DriverTypes() != nil {
		t.Error("there is a storage")
	}
	m := start(payloadOf(1 << 20))
	if err := s.Store(t.Context(), m, nil); err != nil || IsReference(m.GetInput().GetPayloads()[0]) {
		t.Errorf("stored %v, error %v", m, err)
	}
	reference, err := newReference("d", StorageDriverClaim{}, payloadOf(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.RetrievePayloads(t.Context(), []*commonpb.Payload{reference}); !errors.Is(err, ErrNoDriver) {
		t.Errorf("got %v", err)
	}
}
