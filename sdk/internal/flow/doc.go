// Package flow runs workflow code.
//
// It joins two packages that know nothing of each other: coroutine, which runs
// the threads of a workflow in a fixed order, and replay, which walks through
// its history. What workflow code sees of them is the API of the public package
// workflow: contexts, futures, channels and the calls that schedule work. All of
// it is here, and workflow only gives it its name.
//
// # Instances
//
// A worker makes an Instance for each run that it gets tasks of. HandleTask
// returns what to respond; the instance keeps the run's state for the next
// task, until Close. If an instance and a task do not fit together, HandleTask
// says ErrStale, and the worker begins anew with an instance and the whole
// history. After an Outcome with Evict, or a response that the server did not
// accept, the instance is ahead of the history or broken: close it.
//
// While local activities run there is no response yet: the worker waits for
// Ready and calls Continue, or Heartbeat before the task times out.
//
// A coroutine holds the goroutine that resumed it, so guard (deadlock.go) runs
// workflow code on a goroutine of its own and watches it. Code that does not yield
// within Options.DeadlockTimeout fails its task, and its goroutine is left to
// unwind the run when it gets that far.
//
// # The way of a call
//
//	workflow code ──> public function ──> interceptors ──> outbound ──> Machine
//	Machine ──> run (replay.Workflow) ──> interceptors ──> inbound ──> workflow code
//
// A run has two chains of interceptors (chain.go), of which outbound and inbound
// are the ends. Without interceptors they are all there is, and a call costs one
// method call through an interface. The chain's interfaces (interceptor.go) are
// those of the Temporal SDK; interceptors see names of activities and workflows,
// not functions, so what is to be known of the function is checked before.
//
// Machine (machine.go) is the part of replay.Machine that runs use. An Instance
// has the whole of it; a test environment may give a run another.
//
// # Rules
//
//   - What changes the workflow's state enters by mutableCalls or enterMutable,
//     which refuse it in queries, side effects and outside of coroutines, and end
//     the coroutine if the run is being closed.
//   - Whatever a callback of the Machine or a cancellation makes happen must happen
//     in the same order in every replay: no ranging over maps.
//   - Behaviour that changes what a workflow asks for needs an SDK flag
//     (replay.Flag), so that old histories replay.
//
// # How to add an SDK call
//
// For a call out of workflow code, such as another kind of activity:
//
//  1. replay: a file with its state machine and a method of Machine that asks for
//     it; its events in event.go, its command in match.go.
//  2. flow/machine.go: that method.
//  3. flow/interceptor.go and interceptor_base.go: the method of
//     WorkflowOutboundInterceptor, under the name that the Temporal SDK has.
//  4. flow: a file with the public function, which checks what needs the caller's
//     own values and calls the chain (through run.outgoing if it sends a header),
//     and with the method of outbound, which asks the Machine.
//  5. workflow: the function that gives it its name and documentation.
//
// For a call into workflow code, such as an update: the method of
// replay.Workflow, implemented by run in a file of its own with the method of
// inbound beside it, and steps 1, 3 and 5.
package flow
