package attempt

import (
	"hash/fnv"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/entity"
)

// Jittered is a time between now and the end of the jitter.
func Jittered(step *entity.Step, jitter *durationpb.Duration) time.Time {
	spread := jitter.AsDuration()
	if spread <= 0 {
		return step.Now
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(step.NewID())) // the one source of chance there is
	return step.Now.Add(time.Duration(h.Sum64() % uint64(spread)))
}
