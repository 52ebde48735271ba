package flow

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/metrics"
)

// channel implements Channel. Who waits at it is told of values by callback,
// in order of arrival, so that what a selector decides does not depend on when
// its coroutine gets its turn.
type channel struct {
	name      string
	size      int
	buffer    []any
	senders   []*sender
	receivers []*receiver
	closed    bool
	// held is a value given to a selector that has yet to receive it.
	held    any
	hasHeld bool

	run       *run
	converter DataConverter
	owner     *cancelContext // of a Done channel
	// signal are the options of a signal channel that code has asked for, else nil.
	signal *SignalChannelOptions
}

// receiver waits for a value. deliver says whether it takes it; more is false
// when the channel was closed, and there is none.
type receiver struct {
	deliver func(value any, more bool) bool
}

// sender waits with a value. accept says whether it is still offered.
type sender struct {
	value  any
	accept func() bool
}

func newChannel(ctx Context, name string, size int) *channel {
	r := runOf(ctx)
	return &channel{name: name, size: size, run: r, converter: dataConverterOf(ctx)}
}

// NewChannel returns an unbuffered channel.
func NewChannel(ctx Context) Channel {
	r := enterMutable(ctx).run
	r.channels++
	return newChannel(ctx, "chan-"+strconv.Itoa(r.channels), 0)
}

// NewNamedChannel returns an unbuffered channel with a name, which stack
// traces show.
func NewNamedChannel(ctx Context, name string) Channel { return newChannel(ctx, name, 0) }

// NewBufferedChannel returns a channel with a buffer for size values.
func NewBufferedChannel(ctx Context, size int) Channel { return newChannel(ctx, "", size) }

// NewNamedBufferedChannel returns a channel with a name and a buffer.
func NewNamedBufferedChannel(ctx Context, name string, size int) Channel {
	return newChannel(ctx, name, size)
}

func (c *channel) Name() string { return c.name }

func (c *channel) Len() int {
	n := len(c.buffer) + len(c.senders)
	if c.hasHeld {
		n++
	}
	return n
}

func (c *channel) canReceive() bool {
	return c.hasHeld || len(c.buffer) > 0 || len(c.senders) > 0 || c.closed
}

func (c *channel) canSend() bool { return len(c.buffer) < c.size || len(c.receivers) > 0 }

// receive takes a value if there is one. ok says so; more is false when there
// will never be one.
func (c *channel) receive() (value any, ok, more bool) {
	if c.hasHeld {
		value = c.held
		c.held, c.hasHeld = nil, false
		return value, true, true
	}
	if len(c.buffer) > 0 {
		value = c.buffer[0]
		c.buffer[0] = nil
		c.buffer = c.buffer[1:]
		if s := c.nextSender(); s != nil {
			c.buffer = append(c.buffer, s.value)
		}
		return value, true, true
	}
	if c.closed {
		return nil, false, false
	}
	if s := c.nextSender(); s != nil {
		return s.value, true, true
	}
	return nil, false, true
}

func (c *channel) nextSender() *sender {
	for len(c.senders) > 0 {
		s := c.senders[0]
		c.senders[0] = nil
		c.senders = c.senders[1:]
		if s.accept() {
			return s
		}
	}
	return nil
}

// hold puts a value back to be received next.
func (c *channel) hold(value any) { c.held, c.hasHeld = value, true }

func (c *channel) await(r *receiver) { c.receivers = append(c.receivers, r) }

func (c *channel) forget(r *receiver) {
	if i := slices.Index(c.receivers, r); i >= 0 {
		c.receivers = slices.Delete(c.receivers, i, i+1)
	}
}

func (c *channel) forgetSender(s *sender) {
	if i := slices.Index(c.senders, s); i >= 0 {
		c.senders = slices.Delete(c.senders, i, i+1)
	}
}

func (c *channel) Receive(ctx Context, valuePtr any) (more bool) {
	t := enterMutable(ctx)
	for {
		value, ok, open := c.receive()
		if !ok && !open {
			return false
		}
		if !ok {
			got := false
			more := false
			c.await(&receiver{deliver: func(v any, m bool) bool {
				value, more, got = v, m, true
				return true
			}})
			t.coroutine.Block(c.name, "Receive", func() bool { return got })
			if !more {
				return false
			}
		}
		if c.assign(value, valuePtr) == nil {
			t.coroutine.Progress()
			return true
		}
	}
}

func (c *channel) ReceiveWithTimeout(ctx Context, timeout time.Duration, valuePtr any) (ok, more bool) {
	arrived, err := AwaitWithTimeout(ctx, timeout, func() bool { return c.Len() > 0 })
	if err != nil || !arrived {
		return false, true
	}
	return c.ReceiveAsyncWithMoreFlag(valuePtr)
}

func (c *channel) ReceiveAsync(valuePtr any) (ok bool) {
	ok, _ = c.ReceiveAsyncWithMoreFlag(valuePtr)
	return ok
}

func (c *channel) ReceiveAsyncWithMoreFlag(valuePtr any) (ok, more bool) {
	for {
		value, ok, more := c.receive()
		if !ok || c.assign(value, valuePtr) == nil {
			return ok, more
		}
	}
}

func (c *channel) Send(ctx Context, v any) {
	t := enter(ctx)
	if c.SendAsync(v) {
		t.coroutine.Progress()
		return
	}
	taken := false
	c.senders = append(c.senders, &sender{value: v, accept: func() bool {
		taken = true
		return true
	}})
	t.coroutine.Block(c.name, "Send", func() bool { return taken || c.closed })
	if !taken {
		panic("Closed channel")
	}
}

func (c *channel) SendAsync(v any) (ok bool) {
	if c.closed {
		panic("Closed channel")
	}
	for len(c.receivers) > 0 {
		r := c.receivers[0]
		c.receivers[0] = nil
		c.receivers = c.receivers[1:]
		if r.deliver(v, true) {
			return true
		}
	}
	if len(c.buffer) < c.size {
		c.buffer = append(c.buffer, v)
		return true
	}
	return false
}

func (c *channel) Close() {
	c.closed = true
	// A receiver may add or remove others.
	for _, r := range slices.Clone(c.receivers) {
		r.deliver(nil, false)
	}
}

// assign puts a received value into what valuePtr points to.
func (c *channel) assign(value, valuePtr any) error {
	err := assignValue(c.converter, value, valuePtr)
	if err != nil {
		c.run.metricsHandler().Counter(metrics.CorruptedSignals).Inc(1)
		c.run.log().Error("Deserialization error. Corrupted signal received on channel "+c.name+".", logtag.Error, err)
	}
	return err
}

// assignValue puts value, which may be encoded, into what valuePtr points to.
func assignValue(dc DataConverter, value, valuePtr any) error {
	if valuePtr == nil {
		return nil
	}
	target := reflect.ValueOf(valuePtr)
	if target.Kind() != reflect.Pointer {
		return errors.New("value parameter provided is not a pointer")
	}
	if payloads, ok := value.(*commonpb.Payloads); ok {
		return dc.FromPayloads(payloads, valuePtr)
	}
	from := reflect.ValueOf(value)
	if !from.IsValid() {
		return nil
	}
	to := target.Elem()
	switch {
	case from.Type().AssignableTo(to.Type()):
		to.Set(from)
	case from.Kind() == reflect.Pointer && from.Type().Elem() == to.Type() && !from.IsNil():
		to.Set(from.Elem())
	default:
		return fmt.Errorf("%s is not assignable to %s", from.Type(), to.Type())
	}
	return nil
}
