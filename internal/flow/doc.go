// Package flow is flow control: policies say how many workflows or activities of a namespace may
// run at once, and how many are let in each second; what is more waits in order.
//
// # Policies
//
// The policies of a namespace are one entity, Policies, with a record for each. A Registry has
// them in memory for those who start something, as a View that is never changed: which policies
// match, and the value of the key of each (match.go, key.go). A namespace without policies has no
// View, which is all that flow control costs it.
//
// # Gates
//
// A policy with one value of its key is a gate, an entity of its own (gate.go): what runs, what
// waits, and how many tokens the rate has left. What matches asks to be let in by a message, is
// answered by one, and says when it is done (pass.go):
//
//	run or activity --FlowAsk--> gate
//	                <--FlowAnswer-- (that it waits; that it is let in)
//	                --FlowDone-->
//
// All three are messages of steps, so they are as durable as the steps. They are delivered at
// least once and in order, and known again by the id of the ticket, which is used once.
//
// Where it can, the gate takes part in the step of who asks or ends (entity.Step.Join), and there is a message only for one that has
// waited: what both write is one write.
//
// Invariant: who runs is among the gate's items from before it is told so until after it has
// ended, both durably. So no more run than there are items, whatever crashes when, and there are
// never more items than the limit, unless it has been made smaller since. What is lost is never a place: one that has
// asked and ended says so until the gate has heard it, and a gate that lets in what has ended is told.
//
// What is under several policies asks one gate after the other, in the order of their names. As all do
// so in the same order, they cannot wait for each other in a circle.
//
// # Order
//
// Waiting items are in lanes by priority and fairness key (lanes.go). Of the lanes of the best
// priority, each is served by its weight; within a lane the oldest goes first. Of each lane only
// the first few are in memory, the rest are records in the order of the lane, and of those that run the ids; so a gate takes as much memory
// when a million wait as when a hundred do. A step costs the same in both cases.
//
// Which lane is next is in memory only: after a crash the shares begin anew, which is a matter of
// a few items.
//
// # Changes
//
// A gate keeps the limits that it goes by, with their revision. It hears of new ones from
// the Registry at each step, and from who asks, if his node knows more than this one. When policies
// change, the Refresher gives each gate of the namespace a step. A policy that has been deleted lets all in.
package flow
