package entity

// DefaultPriority is the priority of tasks that say nothing else, and PriorityLevels
// the number of priorities: 1 is served first. A greater one counts as the last.
const (
	DefaultPriority = 3
	PriorityLevels  = 5
)

// LaneOf names the lane of tasks with a priority (0: the default) and a fairness key. The
// name is the digit of the priority and the key; tasks with the default priority and
// no key are in the lane without a name.
func LaneOf(priority int32, fairnessKey string) string {
	priority = effectivePriority(priority)
	if priority == DefaultPriority && fairnessKey == "" {
		return ""
	}
	return string(rune('0'+priority)) + fairnessKey
}

// ParseLane is the inverse of LaneOf. A name that LaneOf has not made has the default
// priority, and is its own fairness key.
func ParseLane(lane string) (priority int32, fairnessKey string) {
	if lane == "" {
		return DefaultPriority, ""
	}
	if priority = int32(lane[0]) - '0'; priority < 1 || priority > PriorityLevels {
		return DefaultPriority, lane
	}
	return priority, lane[1:]
}

func effectivePriority(priority int32) int32 {
	if priority <= 0 {
		return DefaultPriority
	}
	return min(priority, PriorityLevels)
}

// LaneRange is the names of lanes that are not below From and below To; an empty To is
// no bound.
type LaneRange struct{ From, To string }

// LanePages are the first tasks of the lanes of a queue with names in a range, in order
// of the names.
type LanePages struct {
	Pages []LanePage
	// Through is an id up to which the names are complete: every task of a lane that is
	// not here with an id above that is added after the pages were asked for.
	Through int64
	// More says that there may be more lanes in the range, from Next on.
	More bool
	Next string
}

// LanePage is the first tasks of a lane, in order of their ids. It has all up to the
// id Through. If there are no more, every task with an id above that is added after
// the page was asked for.
type LanePage struct {
	Lane    string
	Tasks   []*Task
	Through int64
	More    bool
}
