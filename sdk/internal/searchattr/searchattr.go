// Package searchattr holds typed search attributes and their form on the wire.
package searchattr

import (
	"maps"
	"reflect"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
)

// Key names a search attribute and says what type it has.
type Key interface {
	// GetName returns the attribute's name.
	GetName() string
	// GetValueType returns the type the server indexes the attribute as.
	GetValueType() enumspb.IndexedValueType
	// GetReflectType returns the Go type of the attribute's values.
	GetReflectType() reflect.Type
}

// Update is a change to a collection of search attributes: one of them set or unset,
// or a whole collection copied.
type Update func(*SearchAttributes)

// SearchAttributes is a collection of search attributes, at most one value each. It
// does not change once it is made. The zero value is empty.
type SearchAttributes struct {
	values map[Key]any // nil stands for an attribute to be unset
}

// New returns the collection that updates make, applied in order.
func New(updates ...Update) SearchAttributes {
	sa := SearchAttributes{values: make(map[Key]any, len(updates))}
	for _, update := range updates {
		update(&sa)
	}
	return sa
}

type key struct {
	name        string
	valueType   enumspb.IndexedValueType
	reflectType reflect.Type
}

func (k key) GetName() string { return k.name }

func (k key) GetValueType() enumspb.IndexedValueType { return k.valueType }

func (k key) GetReflectType() reflect.Type { return k.reflectType }

func newKey[T any](name string, valueType enumspb.IndexedValueType) key {
	return key{name: name, valueType: valueType, reflectType: reflect.TypeFor[T]()}
}

func set(k Key, value any) Update {
	return func(sa *SearchAttributes) {
		if sa.values == nil {
			sa.values = make(map[Key]any)
		}
		sa.values[k] = value
	}
}

func get[T any](sa SearchAttributes, k Key) (T, bool) {
	value, ok := sa.values[k].(T)
	return value, ok
}

// String is the key of a text attribute, whose values are searched by their words.
type String struct{ key }

// NewString returns the key of the text attribute name.
func NewString(name string) String {
	return String{newKey[string](name, enumspb.INDEXED_VALUE_TYPE_TEXT)}
}

// ValueSet sets the attribute to value.
func (k String) ValueSet(value string) Update { return set(k, value) }

// ValueUnset removes the attribute.
func (k String) ValueUnset() Update { return set(k, nil) }

// Keyword is the key of a keyword attribute, whose values are searched as a whole.
type Keyword struct{ key }

// NewKeyword returns the key of the keyword attribute name.
func NewKeyword(name string) Keyword {
	return Keyword{newKey[string](name, enumspb.INDEXED_VALUE_TYPE_KEYWORD)}
}

// ValueSet sets the attribute to value.
func (k Keyword) ValueSet(value string) Update { return set(k, value) }

// ValueUnset removes the attribute.
func (k Keyword) ValueUnset() Update { return set(k, nil) }

// Bool is the key of a boolean attribute.
type Bool struct{ key }

// NewBool returns the key of the boolean attribute name.
func NewBool(name string) Bool {
	return Bool{newKey[bool](name, enumspb.INDEXED_VALUE_TYPE_BOOL)}
}

// ValueSet sets the attribute to value.
func (k Bool) ValueSet(value bool) Update { return set(k, value) }

// ValueUnset removes the attribute.
func (k Bool) ValueUnset() Update { return set(k, nil) }

// Int64 is the key of an integer attribute.
type Int64 struct{ key }

// NewInt64 returns the key of the integer attribute name.
func NewInt64(name string) Int64 {
	return Int64{newKey[int64](name, enumspb.INDEXED_VALUE_TYPE_INT)}
}

// ValueSet sets the attribute to value.
func (k Int64) ValueSet(value int64) Update { return set(k, value) }

// ValueUnset removes the attribute.
func (k Int64) ValueUnset() Update { return set(k, nil) }

// Float64 is the key of a floating point attribute.
type Float64 struct{ key }

// NewFloat64 returns the key of the floating point attribute name.
func NewFloat64(name string) Float64 {
	return Float64{newKey[float64](name, enumspb.INDEXED_VALUE_TYPE_DOUBLE)}
}

// ValueSet sets the attribute to value.
func (k Float64) ValueSet(value float64) Update { return set(k, value) }

// ValueUnset removes the attribute.
func (k Float64) ValueUnset() Update { return set(k, nil) }

// Time is the key of an attribute that is a point in time.
type Time struct{ key }

// NewTime returns the key of the time attribute name.
func NewTime(name string) Time {
	return Time{newKey[time.Time](name, enumspb.INDEXED_VALUE_TYPE_DATETIME)}
}

// ValueSet sets the attribute to value.
func (k Time) ValueSet(value time.Time) Update { return set(k, value) }

// ValueUnset removes the attribute.
func (k Time) ValueUnset() Update { return set(k, nil) }

// KeywordList is the key of an attribute that is a list of keywords.
type KeywordList struct{ key }

// NewKeywordList returns the key of the keyword list attribute name.
func NewKeywordList(name string) KeywordList {
	return KeywordList{newKey[[]string](name, enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST)}
}

// ValueSet sets the attribute to a copy of values.
func (k KeywordList) ValueSet(values []string) Update {
	return set(k, append([]string(nil), values...))
}

// ValueUnset removes the attribute.
func (k KeywordList) ValueUnset() Update { return set(k, nil) }

// GetString returns the value of a text attribute, and whether it is set.
func (sa SearchAttributes) GetString(key String) (string, bool) { return get[string](sa, key) }

// GetKeyword returns the value of a keyword attribute, and whether it is set.
func (sa SearchAttributes) GetKeyword(key Keyword) (string, bool) { return get[string](sa, key) }

// GetBool returns the value of a boolean attribute, and whether it is set.
func (sa SearchAttributes) GetBool(key Bool) (bool, bool) { return get[bool](sa, key) }

// GetInt64 returns the value of an integer attribute, and whether it is set.
func (sa SearchAttributes) GetInt64(key Int64) (int64, bool) { return get[int64](sa, key) }

// GetFloat64 returns the value of a floating point attribute, and whether it is set.
func (sa SearchAttributes) GetFloat64(key Float64) (float64, bool) { return get[float64](sa, key) }

// GetTime returns the value of a time attribute, and whether it is set.
func (sa SearchAttributes) GetTime(key Time) (time.Time, bool) { return get[time.Time](sa, key) }

// GetKeywordList returns a copy of the value of a keyword list attribute, and whether
// it is set.
func (sa SearchAttributes) GetKeywordList(key KeywordList) ([]string, bool) {
	value, ok := get[[]string](sa, key)
	return slices.Clone(value), ok
}

// ContainsKey tells whether the attribute is set.
func (sa SearchAttributes) ContainsKey(key Key) bool { return sa.values[key] != nil }

// Size returns the number of attributes that are set.
func (sa SearchAttributes) Size() int {
	size := 0
	for _, value := range sa.values {
		if value != nil {
			size++
		}
	}
	return size
}

// GetUntypedValues returns a copy of the attributes that are set.
func (sa SearchAttributes) GetUntypedValues() map[Key]any {
	values := make(map[Key]any, len(sa.values))
	for k, value := range sa.values {
		switch value := value.(type) {
		case nil:
		case []string:
			values[k] = append([]string(nil), value...)
		default:
			values[k] = value
		}
	}
	return values
}

// Copy returns an update that sets every attribute that is set in sa.
func (sa SearchAttributes) Copy() Update {
	return func(to *SearchAttributes) {
		if to.values == nil {
			to.values = make(map[Key]any)
		}
		maps.Copy(to.values, sa.GetUntypedValues())
	}
}

// Changes returns every attribute that is set or to be unset; the value of the
// latter is nil. The map is not a copy.
func Changes(sa SearchAttributes) map[Key]any { return sa.values }
