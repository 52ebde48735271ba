package workflow

import (
	"cmp"

	commonpb "go.temporal.io/api/common/v1"
)

// What the attributes of several commands have in common beyond the form of their
// fields, which package check knows.

// mergePriority completes a priority with what it leaves open from a base, such
// as the priority of the workflow.
func mergePriority(base, own *commonpb.Priority) *commonpb.Priority {
	if base == nil || own == nil {
		return cmp.Or(own, base)
	}
	return &commonpb.Priority{
		PriorityKey:    cmp.Or(own.PriorityKey, base.PriorityKey),
		FairnessKey:    cmp.Or(own.FairnessKey, base.FairnessKey),
		FairnessWeight: cmp.Or(own.FairnessWeight, base.FairnessWeight),
	}
}

// setOverlay notes in a map of a command batch what a command will do.
func setOverlay[K comparable, V any](overlay *map[K]V, key K, value V) {
	if *overlay == nil {
		*overlay = make(map[K]V)
	}
	(*overlay)[key] = value
}
