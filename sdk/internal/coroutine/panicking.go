package coroutine

import (
	"runtime"
	"sync"
)

// panicking looks for a panic on the stack: deferred functions run above it. A
// deferred function that blocked would hide the panic, and leave behind the
// commands of a workflow task that has to fail.
//
// It is asked before every wait, so it must be quick: it compares return
// addresses with those of the one function of the runtime that runs deferred
// functions in a panic, and asks for no names.
func panicking() bool {
	gopanic := gopanicRange()
	var pcs [24]uintptr
	n := runtime.Callers(3, pcs[:])
	for _, pc := range pcs[:n] {
		if gopanic.low < pc && pc <= gopanic.high {
			return true
		}
	}
	return false
}

type pcRange struct{ low, high uintptr }

// gopanicRange is where the code of runtime.gopanic is, found out by a panic.
var gopanicRange = sync.OnceValue(func() (r pcRange) {
	defer func() {
		_ = recover()
		var pcs [16]uintptr
		n := runtime.Callers(1, pcs[:])
		for _, pc := range pcs[:n] {
			f := runtime.FuncForPC(pc - 1)
			if f == nil || f.Name() != "runtime.gopanic" {
				continue
			}
			r.low = f.Entry()
			r.high = pc
			for next := runtime.FuncForPC(r.high); next != nil && next.Entry() == r.low; next = runtime.FuncForPC(r.high) {
				r.high++
			}
			return
		}
	}()
	panic("looking for the runtime's panic function")
})
