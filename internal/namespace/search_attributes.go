package namespace

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/searchattribute"
)

// maxAttributeName is the most bytes of the name of a custom search attribute.
const maxAttributeName = 1000

// AddSearchAttributes gives each attribute that the namespace does not have yet
// one of the fields of its type: all of them, or none. A name that is taken stays
// as it is, whatever its type. It fails with NamespaceNotFound and, for a reserved
// name, an unknown type, or when the fields of a type are used up, with
// InvalidArgument.
func (r *Registry) AddSearchAttributes(ctx context.Context, namespace string, attributes map[string]searchattribute.Type) error {
	return r.runtime.Step(ctx, Key, func(step *entity.Step, e entity.Entity) error {
		return e.(*directory).addSearchAttributes(step, namespace, attributes)
	})
}

// RemoveSearchAttributes frees the fields of custom attributes. Names that are not
// known are passed over. It fails with NamespaceNotFound and, for attributes that
// are not custom, with InvalidArgument.
func (r *Registry) RemoveSearchAttributes(ctx context.Context, namespace string, names []string) error {
	return r.runtime.Step(ctx, Key, func(step *entity.Step, e entity.Entity) error {
		return e.(*directory).removeSearchAttributes(step, namespace, names)
	})
}

// AttributeTypes are the types of the custom search attributes of each namespace, by its id, of an entity that
// Registry.Load has returned.
func AttributeTypes(e entity.Entity) map[string]map[string]searchattribute.Type {
	types := make(map[string]map[string]searchattribute.Type)
	for id, record := range e.(*directory).byID {
		types[id] = searchattribute.Custom(record.SearchAttributeAliases)
	}
	return types
}

func (d *directory) addSearchAttributes(step *entity.Step, namespace string, attributes map[string]searchattribute.Type) error {
	old, err := d.byName(namespace)
	if err != nil {
		return err
	}
	aliases := maps.Clone(old.SearchAttributeAliases)
	if aliases == nil {
		aliases = make(map[string]string)
	}
	taken := searchattribute.Custom(aliases)
	// In order, so that a name gets the same field in every server.
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if err := checkAttributeName(name); err != nil {
			return err
		}
		if _, ok := taken[name]; ok {
			continue
		}
		if err := giveField(aliases, name, attributes[name]); err != nil {
			return err
		}
	}
	return d.putAliases(step, old, aliases)
}

// giveField gives the name the first free field of the type.
func giveField(aliases map[string]string, name string, t searchattribute.Type) error {
	fields := searchattribute.FieldsOf(t)
	if len(fields) == 0 {
		return serviceerror.NewInvalidArgument(fmt.Sprintf("Unknown search attribute type: %v.", t))
	}
	for _, field := range fields {
		if aliases[field] == "" {
			aliases[field] = name
			return nil
		}
	}
	return serviceerror.NewInvalidArgument(fmt.Sprintf(
		"Unable to create search attributes: cannot have more than %d search attribute of type %s.", len(fields), t))
}

func (d *directory) removeSearchAttributes(step *entity.Step, namespace string, names []string) error {
	old, err := d.byName(namespace)
	if err != nil {
		return err
	}
	system := searchattribute.System()
	fields := make(map[string]string, len(old.SearchAttributeAliases)) // by name
	for field, name := range old.SearchAttributeAliases {
		fields[name] = field
	}
	aliases := maps.Clone(old.SearchAttributeAliases)
	for _, name := range names {
		if field, ok := fields[name]; ok {
			delete(aliases, field)
			continue
		}
		_, isSystem := system[name]
		if _, isField := searchattribute.FieldType(name); isSystem || isField {
			return serviceerror.NewInvalidArgument(fmt.Sprintf("Unable to remove non-custom search attributes: %v.", name))
		}
	}
	return d.putAliases(step, old, aliases)
}

// putAliases makes aliases the names of the namespace's fields.
func (d *directory) putAliases(step *entity.Step, old *records.NamespaceRecord, aliases map[string]string) error {
	if maps.Equal(aliases, old.SearchAttributeAliases) {
		return nil
	}
	record := proto.CloneOf(old)
	record.SearchAttributeAliases = aliases
	return d.put(step, record)
}

// checkAttributeName checks what a custom attribute is to be called.
func checkAttributeName(name string) error {
	switch {
	case name == "":
		return serviceerror.NewInvalidArgument("Search attribute name is not set.")
	case len(name) > maxAttributeName:
		return serviceerror.NewInvalidArgument("Search attribute name length exceeds limit.")
	case searchattribute.Reserved(name):
		return serviceerror.NewInvalidArgument(fmt.Sprintf("Search attribute %s is reserved by system.", name))
	}
	return nil
}

// checkAlias checks that a field exists and may have the name.
func checkAlias(field, name string) error {
	if _, ok := searchattribute.FieldType(field); !ok {
		return serviceerror.NewInvalidArgument(fmt.Sprintf("Unknown custom search attribute field: %s.", field))
	}
	return checkAttributeName(name)
}
