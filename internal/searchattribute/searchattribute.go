// Package searchattribute says which search attributes there are, what types
// they have, and which of them clients may set.
//
// There are four sorts:
//
//	system      facts about a workflow (WorkflowId, StartTime, ...); nobody sets them
//	predefined  set by servers and SDKs (BuildIds, TemporalChangeVersion, ...);
//	            clients may set some of them
//	custom      named by the users of a namespace
//	reserved    names no custom attribute may have: all of the above, a few more, and
//	            whatever begins with "Temporal"
//
// A custom attribute takes one of the namespace's fields. Fields are columns of
// the index, of which there is a fixed number for each type: Keyword01 to
// Keyword10, and three for each of the other types. A namespace keeps which name
// has which field; the type follows from the field.
package searchattribute

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
)

// Type is the type of the values of an attribute.
type Type = enumspb.IndexedValueType

const (
	text        = enumspb.INDEXED_VALUE_TYPE_TEXT
	keyword     = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	integer     = enumspb.INDEXED_VALUE_TYPE_INT
	double      = enumspb.INDEXED_VALUE_TYPE_DOUBLE
	boolean     = enumspb.INDEXED_VALUE_TYPE_BOOL
	datetime    = enumspb.INDEXED_VALUE_TYPE_DATETIME
	keywordList = enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST
)

var system = map[string]Type{
	"WorkflowId":           keyword,
	"RunId":                keyword,
	"WorkflowType":         keyword,
	"ExecutionStatus":      keyword,
	"TaskQueue":            keyword,
	"ParentWorkflowId":     keyword,
	"ParentRunId":          keyword,
	"RootWorkflowId":       keyword,
	"RootRunId":            keyword,
	"StartTime":            datetime,
	"ExecutionTime":        datetime,
	"CloseTime":            datetime,
	"HistoryLength":        integer,
	"HistorySizeBytes":     integer,
	"ExecutionDuration":    integer,
	"StateTransitionCount": integer,
}

// settable are the predefined attributes that clients may set: SDKs do, or did.
var settable = map[string]Type{
	"TemporalChangeVersion":      keywordList,
	"BinaryChecksums":            keywordList,
	"BuildIds":                   keywordList,
	"BatcherNamespace":           keyword,
	"BatcherUser":                keyword,
	"TemporalScheduledStartTime": datetime,
	"TemporalScheduledById":      keyword,
	"TemporalSchedulePaused":     boolean,
	"TemporalNamespaceDivision":  keyword,
	"TemporalPauseInfo":          keywordList,
	"TemporalReportedProblems":   keywordList,
}

// internal are the predefined attributes that only the server sets.
var internal = map[string]Type{
	"TemporalWorkerDeployment":             keyword,
	"TemporalWorkerDeploymentVersion":      keyword,
	"TemporalWorkflowVersioningBehavior":   keyword,
	"TemporalUsedWorkerDeploymentVersions": keywordList,
	"TemporalExternalPayloadCount":         integer,
	"TemporalExternalPayloadSizeBytes":     integer,
}

// own are predefined attributes that a Temporal server does not have. They can be searched for, and are not
// among those that are listed, as clients compare these.
var own = map[string]Type{
	"PerdureFlowState": keyword, // Waiting, of a workflow that is held by flow control
}

// unusable are names that mean something else wherever attributes are named.
var unusable = map[string]bool{"NamespaceId": true, "Memo": true, "MemoEncoding": true, "VisibilityTaskKey": true}

// reservedPrefix begins the names of what is predefined now or may be some day.
const reservedPrefix = "Temporal"

// System returns all attributes that are there without a namespace defining
// them: the system's and the predefined ones. The map is the caller's.
func System() map[string]Type {
	all := maps.Clone(system)
	maps.Copy(all, settable)
	maps.Copy(all, internal)
	return all
}

// Searchable returns all attributes that can be searched for in every namespace. The map is
// the caller's.
func Searchable() map[string]Type {
	all := System()
	maps.Copy(all, own)
	return all
}

// TypeOf returns the type of the attribute with the name in a namespace with those custom
// ones; ok is false if there is none.
func TypeOf(name string, custom map[string]Type) (t Type, ok bool) {
	for _, some := range []map[string]Type{system, settable, internal, own, custom} {
		if t, ok = some[name]; ok {
			return t, true
		}
	}
	return 0, false
}

// Reserved reports whether no custom attribute may have the name.
func Reserved(name string) bool {
	_, isSystem := system[name]
	_, isSettable := settable[name]
	_, isOwn := own[name]
	return isSystem || isSettable || isOwn || unusable[name] || strings.HasPrefix(name, reservedPrefix)
}

// fieldCounts is how many fields a namespace has of each type.
var fieldCounts = map[Type]int{text: 3, keyword: 10, integer: 3, double: 3, boolean: 3, datetime: 3, keywordList: 3}

// fields has the type of each field.
var fields = func() map[string]Type {
	all := make(map[string]Type)
	for t, n := range fieldCounts {
		for i := range n {
			all[field(t, i)] = t
		}
	}
	return all
}()

func field(t Type, i int) string { return fmt.Sprintf("%s%02d", t, i+1) }

// Fields returns all fields of a namespace with their types. The map is the
// caller's.
func Fields() map[string]Type { return maps.Clone(fields) }

// FieldType returns the type of a field; ok is false if there is no such field.
func FieldType(name string) (t Type, ok bool) {
	t, ok = fields[name]
	return t, ok
}

// FieldsOf returns the fields of a type in the order in which they are given out;
// none if custom attributes cannot have the type.
func FieldsOf(t Type) []string {
	names := make([]string, fieldCounts[t])
	for i := range names {
		names[i] = field(t, i)
	}
	return names
}

// Types returns the types that custom attributes can have, by name.
func Types() map[string]Type {
	types := make(map[string]Type, len(fieldCounts))
	for t := range fieldCounts {
		types[t.String()] = t
	}
	return types
}

// Custom returns the custom attributes of a namespace that gives its fields these
// names.
func Custom(names map[string]string) map[string]Type {
	custom := make(map[string]Type, len(names))
	for field, name := range names {
		if t, ok := fields[field]; ok {
			custom[name] = t
		}
	}
	return custom
}

// sortedNames makes which of several errors is reported no matter of chance.
func sortedNames[V any](values map[string]V) []string { return slices.Sorted(maps.Keys(values)) }
