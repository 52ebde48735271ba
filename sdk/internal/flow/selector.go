package flow

import (
	"strconv"

	"github.com/perdure/perdure/sdk/internal/replay"
)

// selector implements Selector.
type selector struct {
	name     string
	cases    []*selectorCase
	fallback func()
}

// selectorCase is a case: a receive, a send or a future.
type selectorCase struct {
	channel *channel
	receive func(c ReceiveChannel, more bool) // nil once the channel was seen closed

	send  func()
	value any

	future *future
	given  Future         // as the user passed it
	get    func(f Future) // nil once taken
}

// NewSelector returns a selector.
func NewSelector(ctx Context) Selector {
	r := enterMutable(ctx).run
	r.selectors++
	return &selector{name: "selector-" + strconv.Itoa(r.selectors)}
}

// NewNamedSelector returns a selector with a name, which stack traces show.
func NewNamedSelector(ctx Context, name string) Selector {
	enterMutable(ctx)
	return &selector{name: name}
}

func (s *selector) AddReceive(c ReceiveChannel, f func(c ReceiveChannel, more bool)) Selector {
	s.cases = append(s.cases, &selectorCase{channel: c.(*channel), receive: f})
	return s
}

func (s *selector) AddSend(c SendChannel, v any, f func()) Selector {
	s.cases = append(s.cases, &selectorCase{channel: c.(*channel), send: f, value: v})
	return s
}

func (s *selector) AddFuture(f Future, fn func(f Future)) Selector {
	s.cases = append(s.cases, &selectorCase{future: baseOf(f), given: f, get: fn})
	return s
}

func (s *selector) AddDefault(f func()) { s.fallback = f }

func (s *selector) HasPending() bool {
	for _, c := range s.cases {
		switch {
		case c.receive != nil && c.channel.canReceive(),
			c.send != nil && c.channel.canSend(),
			c.get != nil && c.future.ready:
			return true
		}
	}
	return false
}

// selection is one call of Select. Once a case is chosen the callbacks of the
// others decline.
type selection struct {
	chosen  func()
	cleanup []func()
}

func (s *selector) Select(ctx Context) {
	t := enterMutable(ctx)
	var sel selection
	defer func() {
		for _, f := range sel.cleanup {
			f()
		}
	}()
	for _, c := range s.cases {
		var now func()
		switch {
		case c.receive != nil:
			now = s.tryReceive(t.run, c, &sel)
		case c.send != nil:
			now = c.trySend(&sel)
		case c.get != nil:
			now = c.tryGet(&sel)
		}
		if now != nil {
			sel.chosen = now
			now()
			return
		}
	}
	if s.fallback != nil {
		s.fallback()
		return
	}
	t.coroutine.Block(s.name, "Select", func() bool { return sel.chosen != nil })
	sel.chosen()
	t.coroutine.Progress()
}

// tryReceive returns what to do if the case is ready, or else waits for it.
func (s *selector) tryReceive(r *run, c *selectorCase, sel *selection) func() {
	ch, f := c.channel, c.receive
	value, ok, more := ch.receive()
	if ok {
		return func() {
			ch.hold(value)
			f(ch, more)
		}
	}
	if !more {
		return func() {
			c.receive = nil
			f(ch, more)
		}
	}
	hasDefault := s.fallback != nil
	w := &receiver{}
	w.deliver = func(value any, more bool) bool {
		if sel.chosen != nil {
			return false
		}
		// When the value becomes visible in the channel is part of what old
		// histories depend on.
		keep := r.machine.UseFlag(replay.FlagBlockedSelectorReceive)
		narrow := r.machine.UseFlag(replay.FlagNewChannelLostMessages)
		holdNow := keep && (!narrow || hasDefault)
		if holdNow {
			ch.hold(value)
		}
		sel.chosen = func() {
			if !holdNow {
				ch.hold(value)
			}
			f(ch, more)
		}
		return true
	}
	ch.await(w)
	sel.cleanup = append(sel.cleanup, func() { ch.forget(w) })
	return nil
}

func (c *selectorCase) trySend(sel *selection) func() {
	if c.channel.SendAsync(c.value) {
		return c.send
	}
	w := &sender{value: c.value, accept: func() bool {
		if sel.chosen != nil {
			return false
		}
		sel.chosen = c.send
		return true
	}}
	c.channel.senders = append(c.channel.senders, w)
	sel.cleanup = append(sel.cleanup, func() { c.channel.forgetSender(w) })
	return nil
}

func (c *selectorCase) tryGet(sel *selection) func() {
	take := func() {
		f := c.get
		c.get = nil
		f(c.given)
	}
	if c.future.ready {
		return take
	}
	w := &receiver{}
	w.deliver = func(any, bool) bool {
		if sel.chosen != nil {
			return false
		}
		sel.chosen = take
		return true
	}
	c.future.await(w)
	sel.cleanup = append(sel.cleanup, func() { c.future.forget(w) })
	return nil
}
