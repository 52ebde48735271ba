package temporal

import (
	"github.com/perdure/perdure/sdk/internal/searchattr"
)

type (
	// SearchAttributes is a collection of search attributes, at most one value each.
	// Make one with [NewSearchAttributes].
	SearchAttributes = searchattr.SearchAttributes

	// SearchAttributeUpdate is a change to a collection of search attributes. The keys'
	// ValueSet and ValueUnset methods make them.
	SearchAttributeUpdate = searchattr.Update

	// SearchAttributeKey names a search attribute and says what type it has.
	SearchAttributeKey = searchattr.Key

	// SearchAttributeKeyString is the key of a text attribute, whose values are
	// searched by their words.
	SearchAttributeKeyString = searchattr.String

	// SearchAttributeKeyKeyword is the key of a keyword attribute, whose values are
	// searched as a whole.
	SearchAttributeKeyKeyword = searchattr.Keyword

	// SearchAttributeKeyBool is the key of a boolean attribute.
	SearchAttributeKeyBool = searchattr.Bool

	// SearchAttributeKeyInt64 is the key of an integer attribute.
	SearchAttributeKeyInt64 = searchattr.Int64

	// SearchAttributeKeyFloat64 is the key of a floating point attribute.
	SearchAttributeKeyFloat64 = searchattr.Float64

	// SearchAttributeKeyTime is the key of an attribute that is a point in time.
	SearchAttributeKeyTime = searchattr.Time

	// SearchAttributeKeyKeywordList is the key of an attribute that has several keywords, each
	// of which is searched as a whole.
	SearchAttributeKeyKeywordList = searchattr.KeywordList
)

// NewSearchAttributes returns the collection that attributes make, applied in order:
//
//	var customer = temporal.NewSearchAttributeKeyKeyword("Customer")
//	...
//	temporal.NewSearchAttributes(customer.ValueSet("acme"))
func NewSearchAttributes(attributes ...SearchAttributeUpdate) SearchAttributes {
	return searchattr.New(attributes...)
}

// NewSearchAttributeKeyString returns the key of the text attribute name.
func NewSearchAttributeKeyString(name string) SearchAttributeKeyString {
	return searchattr.NewString(name)
}

// NewSearchAttributeKeyKeyword returns the key of the keyword attribute name.
func NewSearchAttributeKeyKeyword(name string) SearchAttributeKeyKeyword {
	return searchattr.NewKeyword(name)
}

// NewSearchAttributeKeyBool returns the key of the boolean attribute name.
func NewSearchAttributeKeyBool(name string) SearchAttributeKeyBool {
	return searchattr.NewBool(name)
}

// NewSearchAttributeKeyInt64 returns the key of the integer attribute name.
func NewSearchAttributeKeyInt64(name string) SearchAttributeKeyInt64 {
	return searchattr.NewInt64(name)
}

// NewSearchAttributeKeyFloat64 returns the key of the floating point attribute name.
func NewSearchAttributeKeyFloat64(name string) SearchAttributeKeyFloat64 {
	return searchattr.NewFloat64(name)
}

// NewSearchAttributeKeyTime returns the key of the time attribute name.
func NewSearchAttributeKeyTime(name string) SearchAttributeKeyTime {
	return searchattr.NewTime(name)
}

// NewSearchAttributeKeyKeywordList returns the key of the keyword list attribute name.
func NewSearchAttributeKeyKeywordList(name string) SearchAttributeKeyKeywordList {
	return searchattr.NewKeywordList(name)
}
