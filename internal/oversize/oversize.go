// Package oversize warns operators of workflows that are larger than they want: of events, memos,
// histories and states beyond the settings limit.blobSize.warn, limit.memoSize.warn,
// limit.historySize.warn, limit.historyCount.warn and limit.mutableStateSize.warn of dynamic
// configuration. Nothing is refused; what is, at the limits beyond, does not pass here.
//
// The state machine of workflows notes them as occurrences (entity.GrownLarge). Observer takes these
// out of what the runtime tells of, and makes of each a number in a metric and, but for those that
// come too fast, a line in the log.
package oversize

import (
	"log/slog"
	"sync"
	"time"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/runtime"
)

// linesPerSecond is how many lines are logged in a second. Of what is beyond only the number is told.
const linesPerSecond = 5

// Observer is told of steps by the runtime, and tells others. It implements runtime.Observer.
type Observer struct {
	// Logger gets the warnings.
	Logger *slog.Logger
	// Count counts one more warning of a setting in the namespace with the id; nil: nobody counts.
	Count func(namespaceID, setting string)
	// Next is told of everything, too; nil: there is nobody.
	Next runtime.Observer

	mu sync.Mutex
	// second is the one, since 1970, in which told lines were logged, and untold were not since the last line.
	second       int64
	told, untold int
}

// TimerDue implements runtime.Observer.
func (o *Observer) TimerDue(late time.Duration) {
	if o.Next != nil {
		o.Next.TimerDue(late)
	}
}

// Occurred implements runtime.Observer.
func (o *Observer) Occurred(key entity.Key, occurrences []entity.Occurrence) {
	for i := range occurrences {
		if occurrences[i].Kind == entity.GrownLarge {
			o.warn(key, &occurrences[i])
		}
	}
	if o.Next != nil {
		o.Next.Occurred(key, occurrences)
	}
}

func (o *Observer) warn(key entity.Key, large *entity.Occurrence) {
	if o.Count != nil {
		o.Count(key.Namespace, large.Type)
	}
	untold, ok := o.mayTell(time.Now().Unix())
	if !ok {
		return
	}
	attrs := []any{"setting", large.Type, "namespaceId", key.Namespace, "workflowId", key.ID, "size", large.Count}
	if untold > 0 {
		attrs = append(attrs, "more", untold)
	}
	o.Logger.Warn("A workflow is larger than the setting wants.", attrs...)
}

// mayTell reports whether another line may be logged in the second, and how many were not since the
// last one.
func (o *Observer) mayTell(second int64) (untold int, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if second != o.second {
		o.second, o.told = second, 0
	}
	if o.told == linesPerSecond {
		o.untold++
		return 0, false
	}
	o.told++
	untold, o.untold = o.untold, 0
	return untold, true
}
