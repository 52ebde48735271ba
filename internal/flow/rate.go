package flow

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
)

// The rate of a gate is a bucket of tokens, which is written with each step that takes one: a gate
// that is loaded after a crash has as many as it would have had without.

// room reports whether one more may run, as far as the number of those that run goes.
func (g *Gate) room() bool {
	l := g.head.Limits
	return l.GetDeleted() || l == nil || l.MaxRunning == nil || int64(len(g.items)) < *l.MaxRunning
}

// rate is how many a second are let in; 0: any number.
func (g *Gate) rate() float64 {
	if l := g.head.Limits; l != nil && !l.Deleted {
		return l.PerSecond
	}
	return 0
}

// tokens is how many could be let in now by the rate.
func (g *Gate) tokens(now time.Time) float64 {
	burst := float64(g.head.Limits.GetBurst())
	if g.head.TokensAt == nil {
		return burst
	}
	return min(burst, g.head.Tokens+g.rate()*max(0, now.Sub(g.head.TokensAt.AsTime()).Seconds()))
}

// almost makes up for what is lost by rounding times to nanoseconds.
const almost = 1e-6

// token reports whether one could be let in now by the rate.
func (g *Gate) token(now time.Time) bool { return g.rate() <= 0 || g.tokens(now) >= 1-almost }

// spend takes a token.
func (g *Gate) spend(now time.Time) {
	if g.rate() <= 0 {
		return
	}
	g.head.Tokens, g.head.TokensAt = max(0, g.tokens(now)-1), timestamppb.New(now)
	g.headChanged = true
}

// tokensReach is when there will be so many tokens.
func (g *Gate) tokensReach(n float64, now time.Time) time.Time {
	missing := n - g.tokens(now)
	if missing <= 0 {
		return now
	}
	return now.Add(time.Duration(missing/g.rate()*float64(time.Second)) + time.Nanosecond)
}

// forgetRate drops the bucket when it is full, or when there is no rate any more.
func (g *Gate) forgetRate(now time.Time) {
	if g.head.TokensAt != nil && (g.rate() <= 0 || g.tokens(now) >= float64(g.head.Limits.GetBurst())-almost) {
		g.head.Tokens, g.head.TokensAt, g.headChanged = 0, nil, true
	}
}

// next is when something happens to the gate of itself; zero if nothing does.
func (g *Gate) next(now time.Time) (at time.Time) {
	switch {
	case g.unfinished:
		return now.Add(time.Microsecond)
	case !g.lanes.empty() && g.room() && g.rate() > 0:
		at = g.tokensReach(1, now)
	case len(g.items) == 0 && g.lanes.empty() && g.head.TokensAt != nil:
		at = g.tokensReach(float64(g.head.Limits.GetBurst()), now) // the gate can go then
	}
	for _, until := range g.kept {
		if at.IsZero() || until.Before(at) {
			at = until
		}
	}
	return at
}

// arm sees to it that the timer of the gate fires in time. One that fires too early does no harm, and is
// left where it is: it may be needed yet.
func (g *Gate) arm(step *entity.Step) {
	g.forgetRate(step.Now)
	at := g.next(step.Now)
	if armed := g.head.WakeAt; armed != nil && armed.AsTime().After(step.Now) {
		if at.IsZero() && g.rate() > 0 || !at.IsZero() && !at.Before(armed.AsTime()) {
			return
		}
	}
	g.disarm(step)
	if !at.IsZero() {
		step.SetTimer(gateTimer, at)
		g.head.WakeAt, g.headChanged = timestamppb.New(at), true
	}
}

func (g *Gate) disarm(step *entity.Step) {
	if g.head.WakeAt != nil {
		step.ClearTimer(gateTimer, g.head.WakeAt.AsTime())
		g.head.WakeAt, g.headChanged = nil, true
	}
}
