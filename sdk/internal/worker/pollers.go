package worker

import (
	"sync"
	"sync/atomic"
	"time"

	taskqueuepb "go.temporal.io/api/taskqueue/v1"

	"github.com/perdure/perdure/sdk/internal/metrics"
)

// Defaults of NewPollerBehaviorAutoscaling.
const (
	defaultInitialPollers = 5
	defaultMinimumPollers = 1
	defaultMaximumPollers = 100
)

// scalePeriod is the time between two looks at how many tasks arrive.
const scalePeriod = 100 * time.Millisecond

// scaleUpGrowth is by how much the tasks that arrive in a period must have grown for
// more polls to be worth it.
const scaleUpGrowth = 1.1

// PollerBehavior says how many polls of a kind a worker keeps open. Make it with
// NewPollerBehaviorSimpleMaximum or NewPollerBehaviorAutoscaling.
type PollerBehavior interface{ behavior() PollerBehavior }

type (
	simpleMaximum struct{ count int }
	autoscaling   struct{ initial, minimum, maximum int }
)

func (b simpleMaximum) behavior() PollerBehavior { return b }
func (b autoscaling) behavior() PollerBehavior   { return b }

// PollerBehaviorSimpleMaximumOptions of NewPollerBehaviorSimpleMaximum.
type PollerBehaviorSimpleMaximumOptions struct {
	// MaximumNumberOfPollers is how many polls are open at a time. Default 2. For workflow
	// tasks it is shared out between the sticky and the normal task queue, and cannot be 1.
	MaximumNumberOfPollers int
}

// NewPollerBehaviorSimpleMaximum keeps a fixed number of polls open, as long as there
// are slots for the tasks they may bring.
func NewPollerBehaviorSimpleMaximum(options PollerBehaviorSimpleMaximumOptions) PollerBehavior {
	setDefault(&options.MaximumNumberOfPollers, defaultPollers)
	return simpleMaximum{options.MaximumNumberOfPollers}
}

// PollerBehaviorAutoscalingOptions of NewPollerBehaviorAutoscaling.
type PollerBehaviorAutoscalingOptions struct {
	// InitialNumberOfPollers is how many polls there are at first. Default 5.
	InitialNumberOfPollers int
	// MinimumNumberOfPollers is how many there are at least. Default 1.
	MinimumNumberOfPollers int
	// MaximumNumberOfPollers is how many there are at most. Default 100. For workflow
	// tasks it applies to the sticky and the normal task queue separately.
	MaximumNumberOfPollers int
}

// NewPollerBehaviorAutoscaling lets the number of open polls follow what the server
// suggests: more while there is a backlog, fewer while polls end without a task.
func NewPollerBehaviorAutoscaling(options PollerBehaviorAutoscalingOptions) PollerBehavior {
	setDefault(&options.InitialNumberOfPollers, defaultInitialPollers)
	setDefault(&options.MinimumNumberOfPollers, defaultMinimumPollers)
	setDefault(&options.MaximumNumberOfPollers, defaultMaximumPollers)
	return autoscaling{
		initial: min(max(options.InitialNumberOfPollers, options.MinimumNumberOfPollers), options.MaximumNumberOfPollers),
		minimum: options.MinimumNumberOfPollers,
		maximum: options.MaximumNumberOfPollers,
	}
}

// scaler is how many polls of an autoscaling poller may be open.
type scaler struct {
	minimum, maximum int
	// supported says that the server makes suggestions. Until it has made one, or said
	// that it does, the number does not go down: it might never go up again.
	supported atomic.Bool

	mu             sync.Mutex
	target, open   int
	thisPeriod     int // tasks that arrived
	lastPeriod     int
	mayGrow        bool
	sawSuggestions bool

	// changed gets a value when there may be room for another poll.
	changed chan struct{}
}

func newScaler(b autoscaling) *scaler {
	return &scaler{minimum: b.minimum, maximum: b.maximum, target: b.initial, changed: make(chan struct{}, 1)}
}

// admit counts in one more poll, if there may be one.
func (s *scaler) admit() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= s.target {
		return false
	}
	s.open++
	return true
}

// done counts a poll out.
func (s *scaler) done() {
	s.mu.Lock()
	s.open--
	s.mu.Unlock()
	s.wake()
}

func (s *scaler) wake() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// answered takes in the answer to a poll: whether it brought a task, and what the server
// suggests, which may be nil.
func (s *scaler) answered(task bool, decision *taskqueuepb.PollerScalingDecision) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if task {
		s.thisPeriod++
	}
	switch delta := int(decision.GetPollRequestDeltaSuggestion()); {
	case decision != nil:
		s.sawSuggestions = true
		if delta < 0 || s.mayGrow {
			s.move(s.target + delta)
		}
	case !task && s.mayShrink():
		s.move(s.target - 1)
	}
}

// failed takes in a poll that failed.
func (s *scaler) failed(busy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.mayShrink():
	case busy:
		s.move(s.target / 2)
	default:
		s.move(s.target - 1)
	}
}

func (s *scaler) mayShrink() bool { return s.sawSuggestions || s.supported.Load() }

// move sets the target. The caller holds mu.
func (s *scaler) move(target int) {
	s.target = min(max(target, s.minimum), s.maximum)
	s.wake()
}

// period ends a period: more polls are worth it only while more tasks arrive. Else what
// limits the worker is how fast it handles them.
func (s *scaler) period() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mayGrow = float64(s.thisPeriod) >= scaleUpGrowth*float64(s.lastPeriod)
	s.thisPeriod, s.lastPeriod = 0, s.thisPeriod
}

// pollGauge counts the open polls of a type, and when one last brought an answer.
type pollGauge struct {
	open      level
	succeeded atomic.Int64 // Unix nanoseconds, 0 for never
}

func newPollGauge(m metrics.Handler, pollerType string) *pollGauge {
	if metrics.IsNop(m) {
		return &pollGauge{}
	}
	gauge := metrics.Fresh(m).WithTags(metrics.PollerTags(pollerType)).Gauge(metrics.NumPollers)
	return &pollGauge{open: level{measure: func(n int64) { gauge.Update(float64(n)) }}}
}

func (g *pollGauge) begin() { g.open.add(1) }

// end counts the poll out; task says that it brought one.
func (g *pollGauge) end(task bool) {
	g.open.add(-1)
	if task {
		g.succeeded.Store(time.Now().UnixNano())
	}
}
