package searchattribute

import (
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"
)

const (
	// MaxCount is the most attributes that one request or command may set.
	MaxCount = 100
	// MaxValueSize is the most bytes of the value of one attribute.
	MaxValueSize = 2 << 10
	// MaxSize is the most bytes of names and values of all attributes of a workflow,
	// encoded.
	MaxSize = 40 << 10
)

// typeKey is the key of a payload's metadata that has the name of its type, by
// which SDKs decode it.
const typeKey = "type"

// Check checks attributes that a client wants to set in the namespace of that
// name and with those custom attributes: that they exist, may be set, and have
// values of their types. Values that do not say their type are made to, in place.
// It fails with InvalidArgument.
func Check(namespace string, custom map[string]Type, attributes *commonpb.SearchAttributes) error {
	values := attributes.GetIndexedFields()
	if len(values) > MaxCount {
		return serviceerror.NewInvalidArgumentf("number of search attributes %d exceeds limit %d", len(values), MaxCount)
	}
	for _, name := range sortedNames(values) {
		t, err := typeOf(namespace, custom, name)
		if err != nil {
			return err
		}
		value := values[name]
		if err := checkValue(value, t); err != nil {
			return serviceerror.NewInvalidArgumentf("invalid value for search attribute %s of type %s: %v", name, t, err)
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
	if _, isInternal := internal[name]; isSystem || isInternal {
		return 0, serviceerror.NewInvalidArgumentf("%s attribute can't be set in SearchAttributes", name)
	}
	if t, ok := custom[name]; ok {
		return t, nil
	}
	return 0, serviceerror.NewInvalidArgumentf("Namespace %s has no mapping defined for search attribute %s", namespace, name)
}

// CheckSize checks that the attributes of a workflow are not larger than may be
// stored. It fails with InvalidArgument.
func CheckSize(attributes *commonpb.SearchAttributes) error {
	return CheckAddedSize(attributes.GetIndexedFields(), proto.Size(attributes))
}

// CheckAddedSize is CheckSize for values that are added to others, with which they
// have total bytes, encoded.
func CheckAddedSize(added map[string]*commonpb.Payload, total int) error {
	for name, value := range added {
		if size := len(value.GetData()); size > MaxValueSize {
			return serviceerror.NewInvalidArgumentf("search attribute %s value size %d exceeds size limit %d", name, size, MaxValueSize)
		}
	}
	if total > MaxSize {
		return serviceerror.NewInvalidArgumentf("total size of search attributes %d exceeds size limit %d", total, MaxSize)
	}
	return nil
}
