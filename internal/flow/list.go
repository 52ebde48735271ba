package flow

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/storage"
)

// Records reads the records of entities, whoever holds them.
type Records interface {
	ShardCount() int
	ReadRecords(ctx context.Context, id storage.ShardID, kind entity.Kind, namespace, prefix string, visit func(key entity.Key, record, value []byte) (skip bool)) error
}

// ListGates lists the gates of a policy, of all if it is empty, at which something runs or waits, most waiting first, by
// what of them is in the store. It costs about as much as there are gates and items that run; what waits costs nothing.
func ListGates(ctx context.Context, store Records, namespaceID, policy string, limit int) (*flowv1.ListGatesResponse, error) {
	if limit <= 0 {
		limit = defaultItems
	}
	limit = min(limit, mostItems)
	prefix := ""
	if policy != "" {
		prefix = policy + "/"
	}
	resp := new(flowv1.ListGatesResponse)
	var gates []*flowv1.Gate
	add := func(gate *flowv1.Gate) {
		if gate == nil || gate.Running+gate.Waiting == 0 {
			return
		}
		resp.GateCount++
		resp.Running += gate.Running
		resp.Waiting += gate.Waiting
		if gates = append(gates, gate); len(gates) >= 2*mostItems {
			gates = foremost(gates, limit) // so that those in memory are few, however many there are
		}
	}
	for shard := range store.ShardCount() {
		var gate *flowv1.Gate
		var of entity.Key
		var bad error
		err := store.ReadRecords(ctx, storage.ShardID(shard), entity.KindFlowGate, namespaceID, prefix, func(key entity.Key, record, value []byte) bool {
			if gate == nil || key != of {
				add(gate)
				of, gate = key, new(flowv1.Gate)
				gate.Policy, gate.Key, _ = strings.Cut(key.ID, "/")
			}
			switch {
			case len(record) == 0:
			case record[0] == headKey[0]:
				head := new(records.FlowGate)
				bad = cmp.Or(bad, proto.Unmarshal(value, head))
				gate.Waiting = head.Waiting
			case record[0] == letterRunning:
				gate.Running++
			}
			return len(record) > 0 && record[0] == letterWaiting
		})
		if err = cmp.Or(err, bad); err != nil {
			return nil, fmt.Errorf("flow: listing gates: %w", err)
		}
		add(gate)
	}
	resp.Gates = foremost(gates, limit)
	return resp, nil
}

// foremost are the gates at which most wait.
func foremost(gates []*flowv1.Gate, limit int) []*flowv1.Gate {
	slices.SortFunc(gates, func(a, b *flowv1.Gate) int {
		return cmp.Or(cmp.Compare(b.Waiting, a.Waiting), cmp.Compare(b.Running, a.Running), cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Key, b.Key))
	})
	return gates[:min(limit, len(gates))]
}
