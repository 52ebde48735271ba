package entity

import (
	"cmp"
	"slices"
)

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

// MergeLanePages makes one of what was read of the same range in several places, complete
// up to the same id through.
func MergeLanePages(through int64, parts []LanePages) LanePages {
	result := LanePages{Through: through}
	found := map[string]*LanePage{}
	for _, part := range parts {
		if part.More && (!result.More || part.Next < result.Next) {
			result.Next, result.More = part.Next, true
		}
		for _, page := range part.Pages {
			whole := found[page.Lane]
			if whole == nil {
				found[page.Lane] = &page
				continue
			}
			whole.Tasks = append(whole.Tasks, page.Tasks...)
			whole.Through, whole.More = min(whole.Through, page.Through), whole.More || page.More
		}
	}
	for lane, page := range found {
		if result.More && lane >= result.Next {
			continue // another part may have more of it
		}
		slices.SortFunc(page.Tasks, func(a, b *Task) int { return cmp.Compare(a.ID, b.ID) })
		beyond, _ := slices.BinarySearchFunc(page.Tasks, page.Through+1, func(t *Task, id int64) int { return cmp.Compare(t.ID, id) })
		page.Tasks = page.Tasks[:beyond]
		result.Pages = append(result.Pages, *page)
	}
	slices.SortFunc(result.Pages, func(a, b LanePage) int { return cmp.Compare(a.Lane, b.Lane) })
	return result
}
