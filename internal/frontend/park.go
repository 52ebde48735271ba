package frontend

import (
	"context"
	"sync/atomic"
)

// That a worker has a workflow task is not written down: a server that ends takes it back, and the worker's answer is refused by
// the next one. So a server that can choose when it ends gives out no more tasks, and waits for the answers to those that workers have.

// parking keeps polls from getting tasks, and counts the workflow tasks that workers have. A task whose worker
// does not answer is counted to the end: it is about how long to wait, not about what is right.
type parking struct {
	parked context.Context
	park   context.CancelFunc
	inHand atomic.Int64
	// answered tells whoever waits that inHand is less.
	answered chan struct{}
}

func newParking() *parking {
	p := &parking{answered: make(chan struct{}, 1)}
	p.parked, p.park = context.WithCancel(context.Background())
	return p
}

// given notes that a worker has got a workflow task, took that it has answered one.
func (p *parking) given() { p.inHand.Add(1) }

func (p *parking) took() {
	if p.inHand.Add(-1) <= 0 && p.parked.Err() != nil {
		select {
		case p.answered <- struct{}{}:
		default:
		}
	}
}

// stay returns when the server drains, or the caller has gone; at once if polls are not parked.
func (p *parking) stay(ctx, draining context.Context) {
	if p.parked.Err() == nil {
		return
	}
	select {
	case <-draining.Done():
	case <-ctx.Done():
	}
}

// Park has polls wait without being given tasks, from now on, and returns when workers have answered the workflow tasks that
// they have, or the context ends. Drain ends the polls.
func (s *Service) Park(ctx context.Context) {
	p := s.waits.parking
	p.park()
	for p.inHand.Load() > 0 {
		select {
		case <-p.answered:
		case <-ctx.Done():
			return
		}
	}
}
