package namespace

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/searchattribute"
)

const (
	keyword = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	integer = enumspb.INDEXED_VALUE_TYPE_INT
)

type attributes = map[string]searchattribute.Type

func TestSearchAttributesTakeFieldsOfTheirTypeAndStay(t *testing.T) {
	stored := map[string][]byte{}
	r, _ := open(t, stored, "orders")
	if err := r.AddSearchAttributes(t.Context(), "orders", attributes{"Customer": keyword, "Amount": integer}); err != nil {
		t.Fatal(err)
	}
	// One that is there already is left alone, even if its type is another.
	if err := r.AddSearchAttributes(t.Context(), "orders", attributes{"Customer": integer, "Branch": keyword}); err != nil {
		t.Fatal(err)
	}
	want := attributes{"Customer": keyword, "Amount": integer, "Branch": keyword}
	reopened, _ := open(t, stored)
	for _, r := range []*Registry{r, reopened} {
		ns, err := r.ByName("orders")
		if err != nil || !maps.Equal(ns.SearchAttributes, want) {
			t.Errorf("search attributes are %v, %v; want %v", ns.SearchAttributes, err, want)
		}
		if !maps.Equal(ns.SearchAttributeAliases, map[string]string{"Keyword01": "Customer", "Keyword02": "Branch", "Int01": "Amount"}) {
			t.Errorf("fields are %v", ns.SearchAttributeAliases)
		}
		if other, _ := r.ByName(Default); len(other.SearchAttributes) != 0 {
			t.Errorf("another namespace has %v", other.SearchAttributes)
		}
	}
}

func TestFieldsOfATypeAreUsedUpAndFreedAgain(t *testing.T) {
	r, _ := open(t, map[string][]byte{})
	all := make(attributes)
	for i := range 10 {
		all[fmt.Sprintf("Keyword-%d", i)] = keyword
	}
	if err := r.AddSearchAttributes(t.Context(), Default, all); err != nil {
		t.Fatal(err)
	}
	one := attributes{"AnInt": integer, "OneMore": keyword}
	err := r.AddSearchAttributes(t.Context(), Default, one)
	if !isInvalid(err) || !strings.Contains(err.Error(), "cannot have more than 10 search attribute of type Keyword") {
		t.Errorf("one too many: %v", err)
	}
	if ns, _ := r.ByName(Default); len(ns.SearchAttributes) != 10 {
		t.Errorf("a refused addition has left %v", ns.SearchAttributes)
	}
	if err := r.RemoveSearchAttributes(t.Context(), Default, []string{"Keyword-3", "never-there"}); err != nil {
		t.Fatal(err)
	}
	if err := r.AddSearchAttributes(t.Context(), Default, one); err != nil {
		t.Errorf("after one was removed: %v", err)
	}
}

func TestBadSearchAttributesAreRefused(t *testing.T) {
	r, f := open(t, map[string][]byte{})
	before := maps.Clone(f.records)
	for name, add := range map[string]attributes{
		"no name":         {"": keyword},
		"long name":       {strings.Repeat("a", 1001): keyword},
		"system name":     {"WorkflowId": keyword},
		"reserved name":   {"TemporalMine": keyword},
		"no type":         {"Customer": enumspb.INDEXED_VALUE_TYPE_UNSPECIFIED},
		"an unknown type": {"Customer": 99},
	} {
		if err := r.AddSearchAttributes(t.Context(), Default, add); !isInvalid(err) {
			t.Errorf("%s: error is %v, want InvalidArgument", name, err)
		}
	}
	for _, name := range []string{"WorkflowId", "BuildIds", "Keyword01"} {
		if err := r.RemoveSearchAttributes(t.Context(), Default, []string{name}); !isInvalid(err) {
			t.Errorf("removing %s: error is %v, want InvalidArgument", name, err)
		}
	}
	for field, alias := range map[string]string{"Nope01": "Customer", "Keyword11": "Customer", "Keyword01": "RunId"} {
		_, err := r.Update(t.Context(), &workflowservice.UpdateNamespaceRequest{Namespace: Default, Config: &namespacepb.NamespaceConfig{
			CustomSearchAttributeAliases: map[string]string{field: alias}}})
		if !isInvalid(err) {
			t.Errorf("naming %s %s: error is %v, want InvalidArgument", field, alias, err)
		}
	}
	if !maps.EqualFunc(f.records, before, bytes.Equal) {
		t.Error("something refused was written")
	}
	var missing *serviceerror.NamespaceNotFound
	if err := r.AddSearchAttributes(t.Context(), "nowhere", attributes{"Customer": keyword}); !errors.As(err, &missing) {
		t.Errorf("unknown namespace: %v", err)
	}
	if err := r.RemoveSearchAttributes(t.Context(), "nowhere", []string{"Customer"}); !errors.As(err, &missing) {
		t.Errorf("unknown namespace: %v", err)
	}
}

func isInvalid(err error) bool {
	var invalid *serviceerror.InvalidArgument
	return errors.As(err, &invalid)
}
