package flow

// cancelHook is called when a context is cancelled, in the order in which the
// hooks of that context were armed.
type cancelHook struct {
	done *channel
	ctx  Context
	r    receiver
	call func()
}

// onCancel returns a hook for the cancellation of ctx, nil if it can not be.
func onCancel(ctx Context, call func()) *cancelHook {
	done, ok := ctx.Done().(*channel)
	if !ok {
		return nil
	}
	h := &cancelHook{done: done, ctx: ctx, call: call}
	h.r.deliver = func(any, bool) bool {
		if h.ctx.Err() != nil {
			h.call()
		}
		return false
	}
	return h
}

// arm makes the hook wait, or calls it if the context is cancelled already.
func (h *cancelHook) arm() {
	if h == nil {
		return
	}
	if _, _, more := h.done.receive(); !more {
		h.r.deliver(nil, false)
		return
	}
	h.done.await(&h.r)
}

// remove makes the hook forget. It may be nil.
func (h *cancelHook) remove() {
	if h != nil {
		h.done.forget(&h.r)
	}
}
