package peer

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
)

// readTimeout bounds the reading of a page on another node.
const readTimeout = 10 * time.Second

// source reads the tasks of a queue on all nodes (matching.Source). A node that is not
// linked is left out: when it is, or others have its shards, what was read is read anew.
type source struct{ *Node }

var _ matching.Source = source{}

// Source is where the queues that are at home here read their backlogs.
func (n *Node) Source() matching.Source { return source{n} }

// Startable implements matching.Source: what is not here can be started elsewhere, but for
// the server's own tasks.
func (s source) Startable(task *entity.Task) bool {
	return !internal(task.Queue) || s.runtime.Holds(task.Entity)
}

// Watermark implements matching.Source.
func (s source) Watermark() int64 {
	mark := s.runtime.Watermark()
	for _, l := range s.following.linked() {
		mark = min(mark, l.watermark.Load())
	}
	return mark
}

// all calls fn for each node that is linked, at once, and returns the first error.
func (s source) all(ctx context.Context, leaders []*leader, fn func(ctx context.Context, i int, l *link) error) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	errs := make([]error, len(leaders))
	var wg sync.WaitGroup
	for i, leader := range leaders {
		wg.Go(func() {
			l, err := s.links.to(leader.node)
			if err == nil {
				err = fn(ctx, i, l)
			}
			if err != nil && leader.linked.Load() {
				errs[i] = err
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// bounds finds an id that is not below any given so far, by all nodes.
func (s source) bounds(ctx context.Context, leaders []*leader) (bound int64, err error) {
	bounds := make([]int64, len(leaders))
	err = s.all(ctx, leaders, func(ctx context.Context, i int, l *link) error {
		resp := new(BoundResponse)
		err := l.call(ctx, methodBound, new(Nothing), resp)
		bounds[i] = resp.GetBound()
		return err
	})
	return slices.Max(append(bounds, s.runtime.Bound())), err
}

func (n *Node) bound(context.Context, *Nothing) (*BoundResponse, error) {
	return &BoundResponse{Bound: n.runtime.Bound()}, nil
}

// ReadTasks implements matching.Source.
func (s source) ReadTasks(ctx context.Context, queue entity.Queue, lane string, after int64, limit int) (tasks []*entity.Task, through int64, more bool, err error) {
	leaders := s.following.linked()
	if internal(queue) || len(leaders) == 0 {
		return s.runtime.ReadTasks(ctx, queue, lane, after, limit)
	}
	bound, err := s.bounds(ctx, leaders)
	if err != nil {
		return nil, 0, false, err
	}
	req := &ReadTasksRequest{Queue: encodeQueue(queue), Lane: lane, After: after, Limit: int32(limit), Bound: bound}
	pages := make([]*ReadTasksResponse, len(leaders))
	if err := s.all(ctx, leaders, func(ctx context.Context, i int, l *link) error {
		pages[i] = new(ReadTasksResponse)
		return l.call(ctx, methodReadTasks, req, pages[i])
	}); err != nil {
		return nil, 0, false, err
	}
	if tasks, through, more, err = s.runtime.ReadTasksTo(ctx, queue, lane, after, limit, bound); err != nil {
		return nil, 0, false, err
	}
	for _, page := range pages {
		read, err := decodeTasks(page.GetTasks())
		if err != nil {
			return nil, 0, false, err
		}
		tasks = append(tasks, read...)
		if page.GetMore() {
			through, more = min(through, page.GetThrough()), true
		}
	}
	slices.SortFunc(tasks, func(a, b *entity.Task) int { return int(max(-1, min(1, a.ID-b.ID))) })
	// Beyond what the least complete page has, there may be others in between.
	tasks = slices.DeleteFunc(tasks, func(t *entity.Task) bool { return t.ID > through })
	if len(tasks) > limit {
		tasks, more = tasks[:limit], true
		through = tasks[limit-1].ID
	}
	return tasks, through, more, nil
}

func (n *Node) readTasks(ctx context.Context, req *ReadTasksRequest) (*ReadTasksResponse, error) {
	tasks, through, more, err := n.runtime.ReadTasksTo(ctx, decodeQueue(req.GetQueue()), req.GetLane(), req.GetAfter(), int(req.GetLimit()), req.GetBound())
	if err != nil {
		return nil, err
	}
	return &ReadTasksResponse{Tasks: encodeTasks(tasks), Through: through, More: more}, nil
}

// ReadLanes implements matching.Source.
func (s source) ReadLanes(ctx context.Context, queue entity.Queue, lanes entity.LaneRange, perLane, limit int) (entity.LanePages, error) {
	leaders := s.following.linked()
	if internal(queue) || len(leaders) == 0 {
		return s.runtime.ReadLanes(ctx, queue, lanes, perLane, limit)
	}
	bound, err := s.bounds(ctx, leaders)
	if err != nil {
		return entity.LanePages{}, err
	}
	req := &ReadLanesRequest{Queue: encodeQueue(queue), From: lanes.From, To: lanes.To, PerLane: int32(perLane), Limit: int32(limit), Bound: bound}
	parts := make([]entity.LanePages, len(leaders))
	if err := s.all(ctx, leaders, func(ctx context.Context, i int, l *link) (err error) {
		resp := new(ReadLanesResponse)
		if err := l.call(ctx, methodReadLanes, req, resp); err != nil {
			return err
		}
		parts[i], err = decodeLanes(resp)
		return err
	}); err != nil {
		return entity.LanePages{}, err
	}
	here, err := s.runtime.ReadLanesTo(ctx, queue, lanes, perLane, limit, bound)
	if err != nil {
		return entity.LanePages{}, err
	}
	return entity.MergeLanePages(bound, append(parts, here)), nil
}

func decodeLanes(resp *ReadLanesResponse) (pages entity.LanePages, err error) {
	pages = entity.LanePages{Through: resp.GetThrough(), More: resp.GetMore(), Next: resp.GetNext()}
	for _, lane := range resp.GetLanes() {
		page := entity.LanePage{Lane: lane.GetName(), Through: lane.GetThrough(), More: lane.GetMore()}
		if page.Tasks, err = decodeTasks(lane.GetTasks()); err != nil {
			return pages, err
		}
		pages.Pages = append(pages.Pages, page)
	}
	return pages, nil
}

func (n *Node) readLanes(ctx context.Context, req *ReadLanesRequest) (*ReadLanesResponse, error) {
	pages, err := n.runtime.ReadLanesTo(ctx, decodeQueue(req.GetQueue()), entity.LaneRange{From: req.GetFrom(), To: req.GetTo()},
		int(req.GetPerLane()), int(req.GetLimit()), req.GetBound())
	if err != nil {
		return nil, err
	}
	resp := &ReadLanesResponse{Through: pages.Through, More: pages.More, Next: pages.Next}
	for _, page := range pages.Pages {
		resp.Lanes = append(resp.Lanes, &Lane{Name: page.Lane, Tasks: encodeTasks(page.Tasks), Through: page.Through, More: page.More})
	}
	return resp, nil
}

// EachTask implements matching.Source.
func (s source) EachTask(ctx context.Context, queue entity.Queue, visit func(lane string, id int64) bool) error {
	going := true
	if err := s.runtime.EachTask(ctx, queue, func(lane string, id int64) bool {
		going = visit(lane, id)
		return going
	}); err != nil || !going || internal(queue) {
		return err
	}
	leaders := s.following.linked()
	lists := make([]*ListTasksResponse, len(leaders))
	if err := s.all(ctx, leaders, func(ctx context.Context, i int, l *link) error {
		lists[i] = new(ListTasksResponse)
		return l.call(ctx, methodListTasks, &ListTasksRequest{Queue: encodeQueue(queue)}, lists[i])
	}); err != nil {
		return err
	}
	for _, list := range lists {
		for _, lane := range list.GetLanes() {
			for _, id := range lane.GetIds() {
				if !visit(lane.GetName(), int64(id)) {
					return nil
				}
			}
		}
	}
	return nil
}

// listLimit is how many tasks are listed at most; a backlog of more is not counted on.
const listLimit = 1_000_000

func (n *Node) listTasks(ctx context.Context, req *ListTasksRequest) (*ListTasksResponse, error) {
	resp := new(ListTasksResponse)
	var last *LaneTasks
	count := 0
	err := n.runtime.EachTask(ctx, decodeQueue(req.GetQueue()), func(lane string, id int64) bool {
		if last == nil || last.Name != lane {
			last = &LaneTasks{Name: lane}
			resp.Lanes = append(resp.Lanes, last)
		}
		last.Ids = append(last.Ids, uint64(id))
		count++
		return count < listLimit
	})
	return resp, err
}
