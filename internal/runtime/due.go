package runtime

import (
	"context"
	"fmt"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// DueAtOpen is how many durable timers were due when the runtime was opened, at most
// Options.CountDue.
func (r *Runtime) DueAtOpen() int { return r.due }

// countDue counts the durable timers that are due, at most limit of them. It reads no
// others: timers are in the order of their times.
func (r *Runtime) countDue(ctx context.Context, limit int) (due int, err error) {
	bounds := storage.Range{Start: []byte{spaceTimer}, End: entity.AppendInt([]byte{spaceTimer}, r.clock().UnixNano())}
	for s := range r.held() {
		if due >= limit {
			break
		}
		if err := r.store.Scan(ctx, s.id, bounds, func([]byte, []byte) bool {
			due++
			return due < limit
		}); err != nil {
			return due, fmt.Errorf("runtime: counting the timers of shard %d that are due: %w", s.id, err)
		}
	}
	return due, nil
}
