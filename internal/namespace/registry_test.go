package namespace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	replicationpb "go.temporal.io/api/replication/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/entity"
)

// fakeRuntime runs the one entity there is here on records in a map.
type fakeRuntime struct {
	mu      sync.Mutex
	machine entity.Machine
	loaded  entity.Entity
	records map[string][]byte
	ids     int
	fail    error // of the next commit
}

func (f *fakeRuntime) NewID() string {
	f.ids++
	return fmt.Sprintf("00000000-0000-4000-8000-%012d", f.ids)
}
func (f *fakeRuntime) NextTaskID() int64     { panic("namespaces have no tasks") }
func (f *fakeRuntime) Indexed() bool         { return false }
func (f *fakeRuntime) Reader() entity.Reader { return f }

// Now implements entity.View.
func (f *fakeRuntime) Now() time.Time { return time.Now() }

func (f *fakeRuntime) Get(record []byte) ([]byte, error) { return f.records[string(record)], nil }

func (f *fakeRuntime) Scan(prefix, _ []byte, _ bool, visit func(record, value []byte) bool) error {
	for _, key := range slices.Sorted(maps.Keys(f.records)) {
		if bytes.HasPrefix([]byte(key), prefix) && !visit([]byte(key), f.records[key]) {
			break
		}
	}
	return nil
}

func (f *fakeRuntime) entity(ctx context.Context) (entity.Entity, error) {
	var err error
	if f.loaded == nil {
		f.loaded, err = f.machine.Load(ctx, f, Key)
	}
	return f.loaded, err
}

func (f *fakeRuntime) Step(ctx context.Context, _ entity.Key, fn func(*entity.Step, entity.Entity) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.entity(ctx)
	if err != nil {
		return err
	}
	step := entity.NewStep(f.epoch(), f)
	return f.carryOut(step, fn(step, e))
}

// epoch is when all steps run.
func (f *fakeRuntime) epoch() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// carryOut carries out a step that has ended with the error.
func (f *fakeRuntime) carryOut(step *entity.Step, err error) error {
	if err != nil {
		return err
	}
	if err := f.fail; err != nil {
		f.loaded = nil
		return err
	}
	for _, r := range step.Outputs().Records {
		if r.Value == nil {
			delete(f.records, string(r.Key))
			continue
		}
		f.records[string(r.Key)] = r.Value
	}
	for _, effect := range step.Outputs().Effects {
		effect()
	}
	return nil
}

func (f *fakeRuntime) View(ctx context.Context, _ entity.Key, fn func(entity.Entity, entity.View) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.entity(ctx)
	if err != nil {
		return err
	}
	return fn(e, f)
}

// open opens a registry on the records, as a restart of the server does.
func open(t *testing.T, records map[string][]byte, names ...string) (*Registry, *fakeRuntime) {
	t.Helper()
	r := New(nil)
	f := &fakeRuntime{machine: r, records: records}
	if err := r.Open(t.Context(), f, 0, names...); err != nil {
		t.Fatal(err)
	}
	return r, f
}

func request(name string) *workflowservice.RegisterNamespaceRequest {
	return &workflowservice.RegisterNamespaceRequest{
		Namespace:                        name,
		WorkflowExecutionRetentionPeriod: durationpb.New(48 * time.Hour),
	}
}

func TestDefaultNamespaceExistsFromTheFirstStartOn(t *testing.T) {
	r, f := open(t, map[string][]byte{})
	first, err := r.ByName(Default)
	if err != nil {
		t.Fatal(err)
	}
	if first.State != enumspb.NAMESPACE_STATE_REGISTERED || first.Retention != 72*time.Hour {
		t.Errorf("default namespace is %+v", first)
	}
	again, _ := open(t, f.records)
	if ns, err := again.ByName(Default); err != nil || ns.ID != first.ID {
		t.Errorf("after a restart: %+v, %v; want the id %s", ns, err, first.ID)
	}
}

func TestNamespacesNamedAtStartAreRegisteredOnce(t *testing.T) {
	r, f := open(t, map[string][]byte{}, "orders", "default", "orders")
	if got := len(r.List("", 10, true)); got != 2 {
		t.Errorf("%d namespaces, want default and orders", got)
	}
	if again, _ := open(t, f.records, "orders"); len(again.List("", 10, true)) != 2 {
		t.Error("a restart registered a namespace anew")
	}
}

func TestRegisteredNamespaceIsFoundAtOnceAndAfterRestart(t *testing.T) {
	r, f := open(t, map[string][]byte{})
	req := request("orders")
	req.Description, req.OwnerEmail, req.Data = "all orders", "a@example.org", map[string]string{"team": "a"}
	if err := r.Register(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	check := func(r *Registry) {
		t.Helper()
		ns, err := r.ByName("orders")
		if err != nil {
			t.Fatal(err)
		}
		byID, err := r.ByID(ns.ID)
		if err != nil || byID != ns {
			t.Errorf("by id: %v, %v", byID, err)
		}
		if ns.Description != "all orders" || ns.OwnerEmail != "a@example.org" || ns.Data["team"] != "a" || ns.Retention != 48*time.Hour {
			t.Errorf("got %+v", ns)
		}
	}
	check(r)
	restarted, _ := open(t, f.records)
	check(restarted)
}

func TestNamespaceOfAFailedCommitIsNotVisible(t *testing.T) {
	r, f := open(t, map[string][]byte{})
	f.fail = errors.New("disk full")
	if err := r.Register(t.Context(), request("orders")); !errors.Is(err, f.fail) {
		t.Errorf("error is %v", err)
	}
	var missing *serviceerror.NamespaceNotFound
	if _, err := r.ByName("orders"); !errors.As(err, &missing) {
		t.Errorf("look-up answers %v, want NamespaceNotFound", err)
	}
}

func TestRegisterRefusesWhatItCannotHold(t *testing.T) {
	for name, change := range map[string]func(*workflowservice.RegisterNamespaceRequest){
		"no retention": func(r *workflowservice.RegisterNamespaceRequest) { r.WorkflowExecutionRetentionPeriod = nil },
		"too short retention": func(r *workflowservice.RegisterNamespaceRequest) {
			r.WorkflowExecutionRetentionPeriod = durationpb.New(time.Minute)
		},
		"negative retention": func(r *workflowservice.RegisterNamespaceRequest) {
			r.WorkflowExecutionRetentionPeriod = durationpb.New(-time.Hour)
		},
		"global namespace": func(r *workflowservice.RegisterNamespaceRequest) { r.IsGlobalNamespace = true },
		"other cluster":    func(r *workflowservice.RegisterNamespaceRequest) { r.ActiveClusterName = "elsewhere" },
		"two clusters": func(r *workflowservice.RegisterNamespaceRequest) {
			r.Clusters = []*replicationpb.ClusterReplicationConfig{{ClusterName: ClusterName}, {ClusterName: "b"}}
		},
		"archival": func(r *workflowservice.RegisterNamespaceRequest) {
			r.HistoryArchivalState = enumspb.ARCHIVAL_STATE_ENABLED
		},
		"huge data": func(r *workflowservice.RegisterNamespaceRequest) { r.Description = strings.Repeat("x", maxRecordBytes) },
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := open(t, map[string][]byte{})
			req := request("orders")
			change(req)
			var invalid *serviceerror.InvalidArgument
			if err := r.Register(t.Context(), req); !errors.As(err, &invalid) {
				t.Errorf("error is %v, want InvalidArgument", err)
			}
			if _, err := r.ByName("orders"); err == nil {
				t.Error("the namespace is there all the same")
			}
		})
	}
}

func TestTakenAndReservedNamesAlreadyExist(t *testing.T) {
	r, _ := open(t, map[string][]byte{}, "orders")
	for _, name := range []string{"orders", Default, System} {
		var exists *serviceerror.NamespaceAlreadyExists
		if err := r.Register(t.Context(), request(name)); !errors.As(err, &exists) {
			t.Errorf("%s: error is %v, want NamespaceAlreadyExists", name, err)
		}
	}
}

func TestUpdateChangesWhatIsSetAndLeavesTheRest(t *testing.T) {
	r, _ := open(t, map[string][]byte{}, "orders")
	before, _ := r.ByName("orders")
	_, err := r.Update(t.Context(), &workflowservice.UpdateNamespaceRequest{
		Namespace:  "orders",
		UpdateInfo: &namespacepb.UpdateNamespaceInfo{Description: "new", Data: map[string]string{"a": "1"}},
		Config: &namespacepb.NamespaceConfig{BadBinaries: &namespacepb.BadBinaries{
			Binaries: map[string]*namespacepb.BadBinaryInfo{"sum": {Reason: "broken"}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	after, err := r.Update(t.Context(), &workflowservice.UpdateNamespaceRequest{
		Namespace:  "orders",
		UpdateInfo: &namespacepb.UpdateNamespaceInfo{Data: map[string]string{"b": "2"}},
		Config:     &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(5 * time.Hour)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if after.Description != "new" || after.Data["a"] != "1" || after.Data["b"] != "2" ||
		after.Retention != 5*time.Hour || after.BadBinaries["sum"].Reason != "broken" || after.ID != before.ID {
		t.Errorf("got %+v", after)
	}
	if before.Description != "" || before.Data != nil {
		t.Errorf("an update changed a namespace that was handed out: %+v", before)
	}
}

func TestUpdateErrors(t *testing.T) {
	many := make(map[string]*namespacepb.BadBinaryInfo)
	for i := range 11 {
		many[fmt.Sprint(i)] = &namespacepb.BadBinaryInfo{}
	}
	for name, req := range map[string]*workflowservice.UpdateNamespaceRequest{
		"unknown bad binary":    {DeleteBadBinary: "sum"},
		"too many bad binaries": {Config: &namespacepb.NamespaceConfig{BadBinaries: &namespacepb.BadBinaries{Binaries: many}}},
		"short retention":       {Config: &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(time.Second)}},
		"promotion":             {PromoteNamespace: true},
		"failover":              {ReplicationConfig: &replicationpb.NamespaceReplicationConfig{ActiveClusterName: "b"}},
		"unknown state":         {UpdateInfo: &namespacepb.UpdateNamespaceInfo{State: 99}},
		"alias of a taken field": {Config: &namespacepb.NamespaceConfig{
			CustomSearchAttributeAliases: map[string]string{"Keyword01": "Other"}}},
	} {
		t.Run(name, func(t *testing.T) {
			r, f := open(t, map[string][]byte{}, "orders")
			_, err := r.Update(t.Context(), &workflowservice.UpdateNamespaceRequest{Namespace: "orders", Config: &namespacepb.NamespaceConfig{
				CustomSearchAttributeAliases: map[string]string{"Keyword01": "Customer"},
			}})
			if err != nil {
				t.Fatal(err)
			}
			before := maps.Clone(f.records)
			req.Namespace = "orders"
			var invalid *serviceerror.InvalidArgument
			if _, err := r.Update(t.Context(), req); !errors.As(err, &invalid) {
				t.Errorf("error is %v, want InvalidArgument", err)
			}
			if !maps.EqualFunc(before, f.records, bytes.Equal) {
				t.Error("the refused update was written")
			}
		})
	}
	t.Run("unknown namespace", func(t *testing.T) {
		r, _ := open(t, map[string][]byte{})
		var missing *serviceerror.NamespaceNotFound
		if _, err := r.Update(t.Context(), &workflowservice.UpdateNamespaceRequest{Namespace: "nowhere"}); !errors.As(err, &missing) {
			t.Errorf("error is %v, want NamespaceNotFound", err)
		}
	})
}

func TestDeprecationIsForEver(t *testing.T) {
	r, _ := open(t, map[string][]byte{}, "orders")
	for range 2 {
		if err := r.Deprecate(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
	}
	if ns, _ := r.ByName("orders"); ns.State != enumspb.NAMESPACE_STATE_DEPRECATED {
		t.Errorf("state is %v", ns.State)
	}
	_, err := r.Update(t.Context(), &workflowservice.UpdateNamespaceRequest{Namespace: "orders",
		UpdateInfo: &namespacepb.UpdateNamespaceInfo{State: enumspb.NAMESPACE_STATE_REGISTERED}})
	if err == nil {
		t.Error("a deprecated namespace was registered again")
	}
}

func TestListPagesByName(t *testing.T) {
	r, _ := open(t, map[string][]byte{}, "b", "a", "c")
	_, err := r.Update(t.Context(), &workflowservice.UpdateNamespaceRequest{Namespace: "b",
		UpdateInfo: &namespacepb.UpdateNamespaceInfo{State: enumspb.NAMESPACE_STATE_DELETED}})
	if err != nil {
		t.Fatal(err)
	}
	names := func(list []*Namespace) (names []string) {
		for _, ns := range list {
			names = append(names, ns.Name)
		}
		return names
	}
	if got := names(r.List("", 2, false)); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("first page is %v", got)
	}
	if got := names(r.List("c", 2, false)); !slices.Equal(got, []string{"default"}) {
		t.Errorf("second page is %v", got)
	}
	if got := names(r.List("", 2, true)); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("first page with deleted ones is %v", got)
	}
}

func TestLookUpsWaitUntilTheNamespacesAreLoaded(t *testing.T) {
	_, f := open(t, map[string][]byte{}, "orders")
	r := New(nil)
	found := make(chan error)
	go func() {
		_, err := r.ByName("orders")
		found <- err
	}()
	if err := r.Open(t.Context(), &fakeRuntime{machine: r, records: f.records}, 0); err != nil {
		t.Fatal(err)
	}
	if err := <-found; err != nil {
		t.Error(err)
	}
}

func TestAMalformedRecordIsReported(t *testing.T) {
	r := New(nil)
	f := &fakeRuntime{machine: r, records: map[string][]byte{"nx": {0xff}}}
	if err := r.Open(t.Context(), f, 0); err == nil || !strings.Contains(err.Error(), "namespace record") {
		t.Errorf("error is %v", err)
	}
	if _, err := r.ByName(Default); err == nil {
		t.Error("a registry that could not be opened finds namespaces")
	}
}
