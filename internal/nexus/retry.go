package nexus

import (
	"hash/fnv"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// RetryPolicy says how long calls rest after one that has failed: First, then twice as
// long each time, up to Most. They are repeated until a timeout of the operation.
type RetryPolicy struct{ First, Most time.Duration }

// rest is how long the calls rest after so many attempts: up to a fifth less than the policy says, so
// that what has failed together is not tried again together.
func (p RetryPolicy) rest(step *entity.Step, attempts int32) time.Duration {
	rest := min(p.First, p.Most)
	for range attempts - 1 {
		if rest *= 2; rest >= p.Most {
			rest = p.Most
			break
		}
	}
	if rest < 5 {
		return rest
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(step.NewID())) // the one source of chance there is
	return rest - time.Duration(h.Sum64()%uint64(rest/5))
}
