package namespace

import (
	"errors"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
)

func TestADeletedNamespaceHasAnotherNameAndItsOwnIsFree(t *testing.T) {
	r, f := open(t, map[string][]byte{}, "orders")
	old, _ := r.ByName("orders")
	name, err := r.Delete(t.Context(), "orders", 0)
	if err != nil || !strings.HasPrefix(name, "orders-deleted-") || !strings.HasPrefix(old.ID, strings.TrimPrefix(name, "orders-deleted-")) {
		t.Fatalf("it is called %q, error %v", name, err)
	}
	if _, err := r.ByName("orders"); err == nil {
		t.Error("it is found by its old name")
	}
	if err := r.Register(t.Context(), request("orders")); err != nil {
		t.Errorf("the name is not free: %v", err)
	}
	again, _ := open(t, f.records)
	for _, r := range []*Registry{r, again} {
		deleted, err := r.ByID(old.ID)
		if err != nil || deleted.Name != name || deleted.State != enumspb.NAMESPACE_STATE_DELETED || !deleted.Deleting {
			t.Errorf("it is %v, error %v", deleted, err)
		}
		if ns, err := r.ByName("orders"); err != nil || ns.ID == old.ID {
			t.Errorf("by its name is found %v, error %v", ns, err)
		}
		if unfinished := r.Unfinished(); len(unfinished) != 1 || unfinished[0].ID != old.ID {
			t.Errorf("unfinished are %v", unfinished)
		}
		select {
		case <-r.UnfinishedChanged():
		default:
			t.Error("nobody is told")
		}
	}
}

func TestADeletionThatIsAskedForAgainGoesOn(t *testing.T) {
	r, _ := open(t, map[string][]byte{}, "orders")
	name, err := r.Delete(t.Context(), "orders", 0)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.Delete(t.Context(), name, time.Hour); err != nil || again != name {
		t.Errorf("it is called %q, error %v", again, err)
	}
}

func TestAnEmptyNamespaceIsGone(t *testing.T) {
	r, f := open(t, map[string][]byte{}, "orders")
	ns, _ := r.ByName("orders")
	name, err := r.Delete(t.Context(), "orders", 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Emptied(t.Context(), ns.ID), r.Emptied(t.Context(), ns.ID)); err != nil {
		t.Fatal(err)
	}
	again, _ := open(t, f.records)
	for _, r := range []*Registry{r, again} {
		_, byID := r.ByID(ns.ID)
		_, byName := r.ByName(name)
		if byID == nil || byName == nil || len(r.Unfinished()) > 0 {
			t.Errorf("errors are %v and %v, unfinished %v", byID, byName, r.Unfinished())
		}
	}
}

func TestAnEmptyNamespaceIsDescribedUntilTheDelayIsOver(t *testing.T) {
	r, f := open(t, map[string][]byte{}, "orders")
	ns, _ := r.ByName("orders")
	if _, err := r.Delete(t.Context(), "orders", time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := r.Emptied(t.Context(), ns.ID); err != nil {
		t.Fatal(err)
	}
	if len(r.Unfinished()) > 0 {
		t.Error("there is something left to do")
	}
	fire := func(after time.Duration) {
		step := entity.NewStep(f.epoch().Add(after), f)
		if err := f.carryOut(step, f.loaded.Fire(step)); err != nil {
			t.Fatal(err)
		}
	}
	fire(time.Hour - 1)
	if _, err := r.ByID(ns.ID); err != nil {
		t.Errorf("it is gone too early: %v", err)
	}
	fire(time.Hour)
	if _, err := r.ByID(ns.ID); err == nil {
		t.Error("it is still there")
	}
}

func TestAProtectedNamespaceIsNotDeleted(t *testing.T) {
	settings, err := dynamicconfig.Open(dynamicconfig.Options{Overrides: []dynamicconfig.Override{{Key: "worker.protectedNamespaces", Value: "[orders]"}}})
	if err != nil {
		t.Fatal(err)
	}
	r := New(settings.Config())
	if err := r.Open(t.Context(), &fakeRuntime{machine: r, records: map[string][]byte{}}, 0, "orders"); err != nil {
		t.Fatal(err)
	}
	_, err = r.Delete(t.Context(), "orders", 0)
	var precondition *serviceerror.FailedPrecondition
	if !errors.As(err, &precondition) || err.Error() != "namespace orders is protected from deletion" {
		t.Errorf("error is %v", err)
	}
	var missing *serviceerror.NamespaceNotFound
	if _, err := r.Delete(t.Context(), "invoices", 0); !errors.As(err, &missing) {
		t.Errorf("error is %v", err)
	}
}

func TestARetentionThatGetsShorterIsToBeAppliedToWhatThereIs(t *testing.T) {
	r, f := open(t, map[string][]byte{})
	ns, _ := r.ByName(Default)
	retain := func(retention time.Duration) {
		t.Helper()
		if _, err := r.Update(t.Context(), &workflowservice.UpdateNamespaceRequest{Namespace: Default, Config: &namespacepb.NamespaceConfig{
			WorkflowExecutionRetentionTtl: durationpb.New(retention)}}); err != nil {
			t.Fatal(err)
		}
	}
	retain(96 * time.Hour)
	if len(r.Unfinished()) > 0 {
		t.Error("a longer retention has to be applied")
	}
	retain(48 * time.Hour)
	retain(24 * time.Hour)
	if err := r.RetentionApplied(t.Context(), ns.ID, 48*time.Hour); err != nil {
		t.Fatal(err)
	}
	again, _ := open(t, f.records)
	if len(r.Unfinished()) != 1 || len(again.Unfinished()) != 1 {
		t.Error("the retention counts as applied, but it was another one that was")
	}
	if err := r.RetentionApplied(t.Context(), ns.ID, 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if len(r.Unfinished()) > 0 {
		t.Error("the retention has been applied, but does not count as applied")
	}
}
