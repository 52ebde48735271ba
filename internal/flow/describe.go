package flow

import (
	"time"

	"google.golang.org/protobuf/proto"

	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Bounds of how many items a description has.
const (
	defaultItems = 100
	mostItems    = 1000
)

// Describe tells what runs and waits. It changes nothing.
func (g *Gate) Describe(reader entity.Reader, now time.Time, maxItems int) (*flowv1.DescribeGateResponse, error) {
	if maxItems <= 0 {
		maxItems = defaultItems
	}
	maxItems = min(maxItems, mostItems)
	resp := &flowv1.DescribeGateResponse{Running: int64(len(g.items)), Waiting: g.head.Waiting}
	limits := g.head.Limits
	if newer := g.registry.Of(g.key.Namespace).limits(g.policy); newer != nil && newer.Revision > limits.GetRevision() {
		limits = newer
	}
	if limits != nil && !limits.Deleted {
		resp.MaxRunning = limits.MaxRunning
		resp.Closed = limits.MaxRunning != nil && *limits.MaxRunning == 0
		if limits.PerSecond > 0 {
			resp.Rate = &flowv1.Rate{PerSecond: limits.PerSecond, Burst: limits.Burst}
			resp.Available = float64(limits.Burst)
			if g.rate() > 0 {
				resp.Available = g.tokens(now)
			}
		}
	}
	var bad error
	visit := func(key, value []byte) (more bool) {
		list, item := &resp.RunningItems, new(records.FlowItem)
		var priority int32
		var fairnessKey string
		if key[0] == letterWaiting {
			list = &resp.WaitingItems
			priority, fairnessKey, _, bad = decodeWaitingKey(key)
		}
		if bad == nil {
			bad = proto.Unmarshal(value, item)
		}
		if bad != nil || len(*list) == maxItems {
			return false
		}
		s := shown(item)
		s.Priority, s.FairnessKey = priority, fairnessKey
		*list = append(*list, s)
		return true
	}
	err := reader.Scan([]byte{letterRunning}, nil, false, visit)
	if err == nil && bad == nil {
		err = reader.Scan([]byte{letterWaiting}, nil, false, visit)
	}
	if err == nil {
		err = bad
	}
	return resp, err
}

// shown is an item as the API has it.
func shown(item *records.FlowItem) *flowv1.Item {
	s := &flowv1.Item{RunId: item.RunId, ActivityId: item.ActivityId, Time: item.Since}
	if key, _, err := entity.DecodeKey(item.Entity); err == nil && key.Kind == entity.KindWorkflow {
		s.WorkflowId = key.ID
	}
	return s
}

// DescribePass tells where the owner of a pass stands with its policies.
func DescribePass(pass *records.FlowPass) (passes []*flowv1.Pass) {
	for _, t := range pass.GetTickets() {
		p := &flowv1.Pass{Policy: t.Policy, Key: t.Key, AskedTime: t.Asked}
		switch {
		case t.Admitted:
			p.State = flowv1.PassState_PASS_STATE_ADMITTED
		case t.Asked != nil:
			p.State = flowv1.PassState_PASS_STATE_WAITING
		default:
			p.State = flowv1.PassState_PASS_STATE_NOT_ASKED
		}
		passes = append(passes, p)
	}
	return passes
}
