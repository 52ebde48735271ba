package flow

import (
	"errors"
	"reflect"
	"slices"

	commonpb "go.temporal.io/api/common/v1"
)

// future implements Future and Settable.
type future struct {
	value   any
	err     error
	ready   bool
	waiters []*receiver // told when it is ready, in order
	chained []*future
	// converter, if set, decodes the value, which is encoded then.
	converter DataConverter
}

// anyFuture is what all futures of this package are.
type anyFuture interface{ base() *future }

func (f *future) base() *future { return f }

// baseOf is the future behind one that the user holds.
func baseOf(f Future) *future {
	known, ok := f.(anyFuture)
	if !ok {
		panic("cannot chain Future that wasn't created with workflow.NewFuture")
	}
	return known.base()
}

// NewFuture returns a future and what sets it.
func NewFuture(ctx Context) (Future, Settable) {
	enterMutable(ctx)
	f := &future{}
	return f, f
}

// failed is a future that has failed.
func failed(err error) *future { return &future{err: err, ready: true} }

func (f *future) IsReady() bool { return f.ready }

func (f *future) Get(ctx Context, valuePtr any) error {
	t := enterMutable(ctx)
	if !f.ready {
		t.coroutine.Block("Future", "Get", func() bool { return f.ready })
	}
	if f.err != nil || f.value == nil || valuePtr == nil {
		return f.err
	}
	target := reflect.ValueOf(valuePtr)
	if target.Kind() != reflect.Pointer {
		return errors.New("valuePtr parameter is not a pointer")
	}
	if payloads, ok := f.value.(*commonpb.Payloads); ok {
		dc := f.converter
		if _, raw := valuePtr.(**commonpb.Payloads); !raw || dc != nil {
			if dc == nil {
				dc = dataConverterOf(ctx)
			}
			return dc.FromPayloads(payloads, valuePtr)
		}
	}
	value := reflect.ValueOf(f.value)
	if value.Kind() == reflect.Pointer && value.Type() == target.Type() {
		target.Elem().Set(value.Elem())
	} else {
		target.Elem().Set(value)
	}
	return nil
}

func (f *future) Set(value any, err error) {
	if f.ready {
		panic("already set")
	}
	f.value, f.err, f.ready = value, err, true
	waiters := f.waiters
	f.waiters = nil
	for _, w := range waiters {
		w.deliver(nil, false)
	}
	chained := f.chained
	f.chained = nil
	for _, c := range chained {
		c.Set(value, err)
	}
}

// setPayloads sets an encoded value. A nil list is no value at all.
func (f *future) setPayloads(payloads *commonpb.Payloads, err error) {
	if payloads == nil {
		f.Set(nil, err)
		return
	}
	f.Set(payloads, err)
}

func (f *future) SetValue(value any) { f.Set(value, nil) }

func (f *future) SetError(err error) { f.Set(nil, err) }

func (f *future) Chain(other Future) {
	if f.ready {
		panic("already set")
	}
	o := baseOf(other)
	if o.ready {
		f.Set(o.value, o.err)
		return
	}
	o.chained = append(o.chained, f)
}

func (f *future) await(r *receiver) { f.waiters = append(f.waiters, r) }

func (f *future) forget(r *receiver) {
	if i := slices.Index(f.waiters, r); i >= 0 {
		f.waiters = slices.Delete(f.waiters, i, i+1)
	}
}
