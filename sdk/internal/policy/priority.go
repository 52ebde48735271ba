package policy

import (
	commonpb "go.temporal.io/api/common/v1"
)

// Priority orders the tasks of a workflow or an activity relative to others that wait
// in the same task queue.
//
// A field at its zero value is inherited: by activities and child workflows from
// their workflow, by everything else from the server's defaults.
type Priority struct {
	// PriorityKey is the priority, from 1, the highest, to the lowest that the server
	// is configured for, by default 5. The default is the middle, 3.
	PriorityKey int

	// FairnessKey names the group, a tenant for instance, among whose members tasks of
	// one priority are shared out in proportion to their weights. At most 64 bytes.
	FairnessKey string

	// FairnessWeight is the weight of FairnessKey, from 0.001 to 1000. The default is
	// 1. Weights configured on the task queue take precedence.
	FairnessWeight float32
}

// PriorityToProto returns the priority as the API has it, or nil if nothing is set.
func PriorityToProto(p Priority) *commonpb.Priority {
	if p == (Priority{}) {
		return nil
	}
	return &commonpb.Priority{
		PriorityKey:    int32(p.PriorityKey),
		FairnessKey:    p.FairnessKey,
		FairnessWeight: p.FairnessWeight,
	}
}

// PriorityFromProto returns the priority of p, which may be nil.
func PriorityFromProto(p *commonpb.Priority) Priority {
	return Priority{
		PriorityKey:    int(p.GetPriorityKey()),
		FairnessKey:    p.GetFairnessKey(),
		FairnessWeight: p.GetFairnessWeight(),
	}
}
