package spec

import (
	"errors"
	"fmt"
	"time"

	schedulepb "go.temporal.io/api/schedule/v1"
)

// interval matches epoch + n*every + phase, in seconds. Fractions of seconds
// are cut off.
type interval struct{ every, phase int64 }

// checkDurations checks that the durations of an interval are durations.
func checkDurations(i *schedulepb.IntervalSpec) error {
	if d := i.GetInterval(); d != nil {
		if err := d.CheckValid(); err != nil {
			return fmt.Errorf("interval is not a valid duration: %w", err)
		}
	}
	if d := i.GetPhase(); d != nil {
		if err := d.CheckValid(); err != nil {
			return fmt.Errorf("phase is not a valid duration: %w", err)
		}
	}
	return nil
}

// checkInterval checks one interval: it is at least a second, and the phase is
// in it.
func checkInterval(i *schedulepb.IntervalSpec) error {
	every, phase := i.GetInterval().AsDuration(), i.GetPhase().AsDuration()
	switch {
	case every < time.Second:
		return errors.New("interval is too small")
	case phase < 0:
		return errors.New("phase is negative")
	case phase >= every:
		return errors.New("phase cannot be greater than Interval")
	}
	return nil
}

func compileInterval(i *schedulepb.IntervalSpec) interval {
	return interval{
		every: int64(i.GetInterval().AsDuration() / time.Second),
		phase: int64(i.GetPhase().AsDuration() / time.Second),
	}
}

// next is the first match after u.
func (i interval) next(u int64) int64 {
	return (floorDiv(u-i.phase, i.every)+1)*i.every + i.phase
}
