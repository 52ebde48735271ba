package peer

import (
	"context"
	"errors"
	"fmt"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/runtime"
)

var _ runtime.Remote = (*Node)(nil)

// Deliver implements runtime.Remote: it brings a message of the outbox to the node of its
// receiver.
func (n *Node) Deliver(ctx context.Context, from, to entity.Key, body []byte, done func(error)) {
	go func() { // the runtime has few messages on their way at a time, and waits for none
		resp := new(Delivered)
		err := n.elsewhere(ctx, to, func() error { return n.runtime.Receive(ctx, from, to, body) },
			methodDeliver, &Message{From: from.Encode(nil), To: to.Encode(nil), Body: body}, resp)
		if err == nil && resp.GetUnknown() {
			err = fmt.Errorf("%w, on the node of the receiver: %s", entity.ErrUnknownMessage, resp.GetReason())
		}
		done(err)
	}()
}

func (n *Node) deliver(ctx context.Context, m *Message) (*Delivered, error) {
	from, _, err := entity.DecodeKey(m.GetFrom())
	if err != nil {
		return nil, err
	}
	to, _, err := entity.DecodeKey(m.GetTo())
	if err != nil {
		return nil, err
	}
	err = n.runtime.Receive(ctx, from, to, m.GetBody())
	if errors.Is(err, entity.ErrUnknownMessage) {
		return &Delivered{Unknown: true, Reason: err.Error()}, nil
	}
	if err != nil {
		return nil, refuse(ctx, err)
	}
	return new(Delivered), nil
}
