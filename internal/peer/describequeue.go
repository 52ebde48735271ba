package peer

import (
	"context"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
)

// Describe is matching.Describe at the home of the queue.
func (q *Queues) Describe(ctx context.Context, queue entity.Queue, sticky string) (d matching.Description, err error) {
	home, n := homeKey(queue), q.node
	if sticky != "" {
		return q.describeSticky(ctx, queue, sticky)
	}
	describe := func() (matching.Description, error) {
		d, err := q.Matching.Describe(ctx, queue, "")
		if err != nil {
			return d, err
		}
		return n.withBranches(ctx, queue, d), nil
	}
	if n.runtime.Holds(home) {
		return describe()
	}
	here := false
	resp := new(DescribeQueueResponse)
	err = n.elsewhere(ctx, home, func() (err error) {
		here = true
		d, err = describe()
		return err
	}, methodDescribe, &DescribeQueueRequest{Queue: encodeQueue(queue), Version: queue.Version}, resp)
	if err != nil || here {
		return d, err
	}
	return n.described(queue, resp)
}

// describeSticky describes a sticky queue where it is.
func (q *Queues) describeSticky(ctx context.Context, queue entity.Queue, sticky string) (matching.Description, error) {
	if to := q.node.stickyNode(stickyQueue{queue.Namespace, sticky}); to != nil {
		resp := new(DescribeQueueResponse)
		if _, err := q.node.ask(ctx, to, methodDescribe, &DescribeQueueRequest{Queue: encodeQueue(queue), Sticky: sticky}, resp); err == nil {
			return q.node.described(entity.Queue{}, resp)
		}
	}
	return q.Matching.Describe(ctx, queue, sticky)
}

// described is what another node has told of a queue; of one that is sticky, the queue is the zero value.
func (n *Node) described(queue entity.Queue, resp *DescribeQueueResponse) (d matching.Description, err error) {
	parts := make(map[string]matching.Description, len(resp.GetParts()))
	for _, part := range resp.GetParts() {
		if parts[part.GetName()], err = decodePart(part); err != nil {
			return d, err
		}
	}
	var routes *deployment.Routes
	if n.options.Routes != nil && queue.Name != "" && queue.Version == "" {
		routes = n.options.Routes(queue)
	}
	return matching.Whole(routes, parts), nil
}

func (n *Node) describeQueue(ctx context.Context, req *DescribeQueueRequest) (*DescribeQueueResponse, error) {
	queue := decodeQueue(req.GetQueue())
	queue.Version = req.GetVersion()
	if req.GetBranches() {
		return n.describeBranches(queue)
	}
	if home := homeKey(queue); req.GetSticky() == "" && !n.runtime.Holds(home) {
		return nil, refuse(ctx, n.runtime.NotHeld(home))
	}
	d, err := n.matching.Describe(ctx, queue, req.GetSticky())
	if err != nil {
		return nil, err
	}
	if req.GetSticky() == "" {
		d = n.withBranches(ctx, queue, d)
	}
	resp := new(DescribeQueueResponse)
	for name, part := range d.Parts() {
		encoded, err := encodePart(name, part)
		if err != nil {
			return nil, err
		}
		resp.Parts = append(resp.Parts, encoded)
	}
	return resp, nil
}

func encodePart(name string, d matching.Description) (*QueuePart, error) {
	part := &QueuePart{Name: name, Rate: d.Rate, RateSource: int32(d.RateSource), RateLimited: d.RateLimited}
	for priority, s := range d.Stats {
		part.Stats = append(part.Stats, &PriorityStats{
			Priority: priority, BacklogCount: s.BacklogCount, BacklogAgeNs: int64(s.BacklogAge), AddRate: s.AddRate, DispatchRate: s.DispatchRate})
	}
	for _, p := range d.Pollers {
		poller := &Poller{Identity: p.Identity, LastAccessNs: p.LastAccess.UnixNano(), Rate: p.Rate}
		var err error
		if p.Capabilities != nil {
			if poller.Capabilities, err = proto.Marshal(p.Capabilities); err != nil {
				return nil, err
			}
		}
		if p.Deployment != nil {
			if poller.Deployment, err = proto.Marshal(p.Deployment); err != nil {
				return nil, err
			}
		}
		part.Pollers = append(part.Pollers, poller)
	}
	return part, nil
}

func decodePart(part *QueuePart) (matching.Description, error) {
	d := matching.Description{Rate: part.GetRate(), RateSource: matching.LimitSource(part.GetRateSource()), RateLimited: part.GetRateLimited(), Stats: make(map[int32]matching.Stats)}
	for _, s := range part.GetStats() {
		d.Stats[s.GetPriority()] = matching.Stats{BacklogCount: s.GetBacklogCount(), BacklogAge: time.Duration(s.GetBacklogAgeNs()), AddRate: s.GetAddRate(), DispatchRate: s.GetDispatchRate()}
	}
	for _, p := range part.GetPollers() {
		poller := matching.Poller{Identity: p.GetIdentity(), LastAccess: time.Unix(0, p.GetLastAccessNs()), Rate: p.Rate}
		if len(p.GetCapabilities()) > 0 {
			poller.Capabilities = new(commonpb.WorkerVersionCapabilities)
			if err := proto.Unmarshal(p.GetCapabilities(), poller.Capabilities); err != nil {
				return d, err
			}
		}
		if len(p.GetDeployment()) > 0 {
			poller.Deployment = new(deploymentpb.WorkerDeploymentOptions)
			if err := proto.Unmarshal(p.GetDeployment(), poller.Deployment); err != nil {
				return d, err
			}
		}
		d.Pollers = append(d.Pollers, poller)
	}
	return d, nil
}
