//go:build linux

package cluster

import (
	"fmt"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
)

// request is a call on a workflow id.
type request struct {
	method method
	id     string
}

// method is what a call does.
type method string

const (
	start           method = "start"
	signalWithStart method = "signal with start"
	terminate       method = "terminate"
	describe        method = "describe"
	update          method = "update"
)

// reply is what a call was answered.
type reply struct {
	// unknown: nothing is known; it may have taken effect, may yet, or never will.
	unknown bool
	// done: it did what it is for, and was not refused. For describe: there is such a workflow.
	done bool
	// run is the id of the run that the answer is about.
	run string
	// running: the run that describe tells of is; or, of signal with start, was already.
	running bool
	// value is what the update has returned.
	value int
}

// register is what a workflow id is to the model: its current run, and how often that was signalled and updated.
type register struct {
	exists, running bool
	run             string // "" if nobody has been told yet
	value           int
	earlier         string // runs that are over, each with a comma behind it
}

// is reports whether the current run can be that with the id, and notes that it is.
func (r register) is(run string) (register, bool) {
	if r.run == "" && !strings.Contains(r.earlier, run+",") {
		r.run = run
	}
	return r, r.exists && r.run == run
}

// next is the register with a new run.
func (r register) next(run string, value int) (register, bool) {
	earlier := r.earlier
	if r.run != "" {
		earlier += r.run + ","
	}
	return register{exists: true, running: true, run: run, value: value, earlier: earlier}, run == "" || !strings.Contains(earlier, run+",")
}

// step is what the call makes of the register; false if it cannot have been answered so.
func (r register) step(method method, a reply) (register, bool) {
	if a.unknown {
		return r.stepUnknown(method), true
	}
	switch method {
	case start:
		if a.done {
			next, ok := r.next(a.run, 0)
			return next, ok && !r.running
		}
		next, ok := r.is(a.run)
		return next, ok && r.running
	case signalWithStart:
		if !a.running {
			next, ok := r.next(a.run, 1)
			return next, ok && !r.running
		}
		next, ok := r.is(a.run)
		next.value++
		return next, ok && r.running
	case terminate:
		was := r.running
		r.running = false
		return r, was == a.done
	case describe:
		if !a.done {
			return r, !r.exists
		}
		next, ok := r.is(a.run)
		return next, ok && r.running == a.running
	default: // update
		if !a.done {
			return r, !r.running
		}
		next, ok := r.is(a.run)
		next.value++
		return next, ok && r.running && next.value == a.value
	}
}

// stepUnknown is what a call makes of the register that takes effect, and is not answered. One that takes no effect
// is last of all.
func (r register) stepUnknown(method method) register {
	switch {
	case method == describe, method != start && method != signalWithStart && !r.running, method == start && r.running:
	case method == terminate:
		r.running = false
	case r.running:
		r.value++
	default:
		r, _ = r.next("", map[bool]int{true: 1}[method == signalWithStart])
	}
	return r
}

// registers is the model: calls on an id take effect one after the other, each at some moment while it is under way.
var registerModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) (parts [][]porcupine.Operation) {
		at := map[string]int{}
		for _, op := range history {
			id := op.Input.(request).id
			if _, there := at[id]; !there {
				at[id] = len(parts)
				parts = append(parts, nil)
			}
			parts[at[id]] = append(parts[at[id]], op)
		}
		return parts
	},
	Init: func() any { return register{} },
	Step: func(state, in, out any) (bool, any) {
		next, ok := state.(register).step(in.(request).method, out.(reply))
		return ok, next
	},
	DescribeOperation: func(in, out any) string { return fmt.Sprintf("%s: %+v", in.(request).method, out.(reply)) },
}

// The model must find what it is there for.
func TestTheModelOfCallsRefusesWhatAClusterMustNotAnswer(t *testing.T) {
	op := func(from, to int64, m method, a reply) porcupine.Operation {
		return porcupine.Operation{Input: request{m, "id"}, Call: from, Output: a, Return: to}
	}
	started := op(0, 1, start, reply{done: true, run: "a"})
	ended := op(2, 3, terminate, reply{done: true})
	lost := op(2, 100, terminate, reply{unknown: true})
	for _, c := range []struct {
		what     string
		possible bool
		history  []porcupine.Operation
	}{
		{"a read of what is over", false, []porcupine.Operation{started, ended, op(4, 5, describe, reply{done: true, run: "a", running: true})}},
		{"a read while it ends", true, []porcupine.Operation{started, ended, op(2, 5, describe, reply{done: true, run: "a", running: true})}},
		{"two runs at once", false, []porcupine.Operation{started, op(2, 3, start, reply{done: true, run: "b"})}},
		{"a start that is lost", false, []porcupine.Operation{started, op(2, 3, describe, reply{})}},
		{"an end that is forgotten", false, []porcupine.Operation{started, ended, op(4, 5, signalWithStart, reply{done: true, run: "a", running: true})}},
		{"a run that comes back", false, []porcupine.Operation{started, ended, op(4, 5, signalWithStart, reply{done: true, run: "a"})}},
		{"an update that is done twice", false, []porcupine.Operation{started, op(2, 3, update, reply{done: true, run: "a", value: 2})}},
		{"a signal that is lost", false, []porcupine.Operation{started, op(2, 3, signalWithStart, reply{done: true, run: "a", running: true}),
			op(4, 5, update, reply{done: true, run: "a", value: 1})}},
		{"a call without an answer that takes effect later", true, []porcupine.Operation{started, lost,
			op(4, 5, describe, reply{done: true, run: "a", running: true}), op(6, 7, describe, reply{done: true, run: "a"})}},
		{"a call without an answer that is undone", false, []porcupine.Operation{started, lost,
			op(4, 5, describe, reply{done: true, run: "a"}), op(6, 7, describe, reply{done: true, run: "a", running: true})}},
		{"a start without an answer", true, []porcupine.Operation{op(0, 100, start, reply{unknown: true}),
			op(2, 3, describe, reply{}), op(4, 5, update, reply{done: true, run: "b", value: 1})}},
	} {
		if porcupine.CheckOperations(registerModel, c.history) != c.possible {
			t.Errorf("%s: taken for possible: %v", c.what, !c.possible)
		}
	}
}
