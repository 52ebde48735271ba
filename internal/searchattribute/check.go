package searchattribute

import (
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/api/check"
)

// typeKey is the key of a payload's metadata that has the name of its type, by
// which SDKs decode it.
const typeKey = "type"

// Check checks attributes that a client wants to set in the namespace of that
// name and with those custom attributes: that they exist, may be set, and have
// values of their types. Values that do not say their type are made to, in place.
// There may be most of them. It fails with InvalidArgument.
func Check(namespace string, custom map[string]Type, attributes *commonpb.SearchAttributes, most int) error {
	values := attributes.GetIndexedFields()
	if len(values) > most {
		return serviceerror.NewInvalidArgumentf("number of search attributes %d exceeds limit %d", len(values), most)
	}
	for _, name := range sortedNames(values) {
		t, err := typeOf(namespace, custom, name)
		if err != nil {
			return err
		}
		value := values[name]
		if !hasType(value, t) {
			return serviceerror.NewInvalidArgumentf("invalid value for search attribute %s of type %s: %s", name, t, show(value))
		}
		if value.Metadata[typeKey] == nil {
			value.Metadata[typeKey] = []byte(t.String())
		}
	}
	return nil
}

// typeOf returns the type of an attribute that a client sets.
func typeOf(namespace string, custom map[string]Type, name string) (Type, error) {
	if t, ok := settable[name]; ok {
		return t, nil
	}
	_, isSystem := system[name]
	_, isOwn := own[name]
	if _, isInternal := internal[name]; isSystem || isInternal || isOwn {
		return 0, serviceerror.NewInvalidArgumentf("%s attribute can't be set in SearchAttributes", name)
	}
	if t, ok := custom[name]; ok {
		return t, nil
	}
	return 0, check.NewUnknownSearchAttribute(namespace, name)
}
