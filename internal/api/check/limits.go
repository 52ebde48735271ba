package check

import "time"

// Sizes, in bytes.
const (
	// MaxID bounds everything that is a name or an id: namespaces, workflow and
	// activity ids, types, task queues, signals, identities, request ids. It is also the
	// most that may be set: keys of stores have room for so much.
	MaxID = 1000
	// MaxBlob bounds one set of payloads: an input, a result, a failure.
	MaxBlob = 2 << 20
	// MaxMemo bounds the memo of a workflow.
	MaxMemo = 2 << 20
	// MaxRequest bounds a whole request, whichever way it comes in: ResourceExhausted,
	// as gRPC itself answers.
	MaxRequest = 4 << 20
	// MaxLink bounds one link.
	MaxLink = 4000
	// MaxFairnessKey bounds a fairness key.
	MaxFairnessKey = 64
	// MaxBuildID bounds the build id that a worker says it is of.
	MaxBuildID = 255
	// MaxSearchAttribute is the most bytes of the value of one search attribute, and
	// MaxSearchAttributes of names and values of all of a workflow, encoded.
	MaxSearchAttribute  = 2 << 10
	MaxSearchAttributes = 40 << 10
	// MaxReason bounds the reason for a change of a configuration.
	MaxReason = 1000
)

// Limits are those limits of fields that can be set while the server runs. They are
// also the checks of these fields: a nil Limits would panic, and DefaultLimits has the
// numbers of this file.
type Limits struct {
	// ID is for names and ids: see MaxID. In bytes, like the other sizes.
	ID                                int
	Blob, Memo, Link                  int
	SearchAttribute, SearchAttributes int
	BuildID                           int
	// Counts.
	Links int
}

// DefaultLimits are those of a server without settings of its own.
func DefaultLimits() *Limits {
	return &Limits{
		ID: MaxID, Blob: MaxBlob, Memo: MaxMemo, Link: MaxLink,
		SearchAttribute: MaxSearchAttribute, SearchAttributes: MaxSearchAttributes,
		BuildID: MaxBuildID,
		Links:   MaxLinks,
	}
}

// Counts.
const (
	// MaxLinks is per request.
	MaxLinks = 10
	// MaxSearchAttributeCount is how many search attributes one request or command
	// may set.
	MaxSearchAttributeCount = 100
	// MaxWeightOverrides is how many fairness weights a task queue may override, and
	// how many one request may change.
	MaxWeightOverrides = 1000
)

// MaxDuration is what longer durations are cut to, a hundred years, so that no sum
// of a time and a duration overflows.
const MaxDuration = 100 * 365 * 24 * time.Hour
