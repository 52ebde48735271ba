package matching

import (
	"github.com/perdure/perdure/internal/entity"
)

// Which lanes a queue has in the store is found out by reading through their names,
// page by page, the better priorities first: discovery. With the names come the first
// tasks of each lane.
//
// A lane whose name has been passed and that is not in memory has no tasks. A lane
// whose name has not been passed is begun as spilled, with the cursor at 0, if
// something is known of it before: what discovery finds of it then is not looked at.
//
// A level has at most Options.LaneLimit lanes in memory. When it is full, discovery
// rests there; tasks of other lanes are left to the store, and lanes that have served
// what was read of them make room for those.

// discovery is how far the lanes of a queue have been found.
type discovery struct {
	done bool
	// segment and from are where it goes on: with the lane from of discoverySegments.
	segment int
	from    string
	// again is set if lanes with tasks have been passed over or forgotten: when
	// discovery has come to the end, it begins anew.
	again bool
	// floor is an id up to which the tasks of lanes that are not in memory and have
	// been passed have been seen: whoever adds one is late.
	floor int64
}

// discoverySegments are the names of lanes in the order of their priorities, the lane
// without a name being the first of the default priority.
var discoverySegments = [...]entity.LaneRange{
	{From: "0", To: defaultLanes},
	{From: "", To: "0"},
	{From: defaultLanes},
}

// defaultLanes begins the names of lanes with the default priority and a key.
const defaultLanes = string(rune('0' + entity.DefaultPriority))

func segmentOf(lane string) int {
	switch {
	case lane < discoverySegments[0].From:
		return 1
	case lane < discoverySegments[0].To:
		return 0
	}
	return 2
}

// undiscovered reports whether the store may have tasks of a lane that is not in
// memory.
func (q *queue) undiscovered(lane string) bool { return q.found.undiscovered(lane) }

func (d *discovery) undiscovered(lane string) bool {
	if d.done {
		return false
	}
	segment := segmentOf(lane)
	return segment > d.segment || segment == d.segment && lane >= d.from
}

// discoveryAt is the priority of the lanes that discovery finds next, and of those
// that it cannot find because there is no room; if it has come to its end, that of
// none.
func (q *queue) discoveryAt() int32 {
	switch {
	case q.found.done:
		return entity.PriorityLevels + 1
	case q.found.segment == 0 && q.found.from == "":
		return 1
	case q.found.from == "":
		return entity.DefaultPriority
	}
	priority, _ := entity.ParseLane(q.found.from)
	return priority
}

// roomFor reports whether a lane of the priority may be taken into memory.
func (q *queue) roomFor(priority int32) bool {
	l := q.levels[priority]
	return l == nil || l.lanes < q.m.options.LaneLimit
}

// missLane says that a lane that is not in memory has tasks in the store.
func (q *queue) missLane(lane string) {
	if q.undiscovered(lane) {
		return
	}
	if q.found.done {
		q.found = discovery{}
		return
	}
	q.found.again = true
}

const (
	// discoveryPage is about how many tasks discovery reads at once, and
	// discoveryTasks how many of each lane.
	discoveryPage  = 1000
	discoveryTasks = 50
)

// discover reads on in the names of lanes.
func (q *queue) discover() error {
	q.mu.Lock()
	lanes := discoverySegments[q.found.segment]
	lanes.From = max(lanes.From, q.found.from)
	q.mu.Unlock()
	found, err := q.m.source.ReadLanes(q.m.ctx, q.key.Queue, lanes, discoveryTasks, discoveryPage)
	if err != nil {
		return err
	}
	count, missed := 0, make([]int64, len(found.Pages))
	for i := range found.Pages {
		page := &found.Pages[i]
		count += len(page.Tasks)
		page.Tasks, missed[i] = q.m.keepNormal(page.Tasks)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.left = max(0, q.left-int64(count))
	if q.found.segment == 0 && q.found.from == "" {
		q.found.floor = found.Through
	}
	for i, page := range found.Pages {
		q.found.from = page.Lane
		if ln := q.lanes[page.Lane]; ln != nil {
			ln.miss(missed[i])
			continue
		}
		if len(page.Tasks) == 0 && !page.More && missed[i] == 0 {
			continue
		}
		if priority, _ := entity.ParseLane(page.Lane); !q.roomFor(priority) {
			return nil
		}
		ln := q.newLane(page.Lane, page.Through, page.More)
		ln.missed = missed[i]
		for _, task := range page.Tasks {
			q.keepOnce(task)
		}
		q.review(ln)
	}
	switch {
	case found.More:
		q.found.from = found.Next
	case q.found.segment+1 < len(discoverySegments):
		q.found.segment++
		q.found.from = ""
	default:
		q.found = discovery{done: !q.found.again, floor: q.found.floor}
	}
	q.match()
	return nil
}
