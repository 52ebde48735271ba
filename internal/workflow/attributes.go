package workflow

import (
	"cmp"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/internal/entity"
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

// lane is the lane of tasks with a priority of their own, which may be missing, in a
// run with the priority base; fairnessWeight is their weight.
func lane(base, own *commonpb.Priority) string {
	if base == nil && own == nil {
		return ""
	}
	return entity.LaneOf(cmp.Or(own.GetPriorityKey(), base.GetPriorityKey()), cmp.Or(own.GetFairnessKey(), base.GetFairnessKey()))
}

func fairnessWeight(base, own *commonpb.Priority) float32 {
	return cmp.Or(own.GetFairnessWeight(), base.GetFairnessWeight())
}

// setOverlay notes in a map of a command batch what a command will do.
func setOverlay[K comparable, V any](overlay *map[K]V, key K, value V) {
	if *overlay == nil {
		*overlay = make(map[K]V)
	}
	(*overlay)[key] = value
}
