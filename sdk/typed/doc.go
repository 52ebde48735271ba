// Package typed lets the compiler check what goes into workflows and activities
// and what comes out of them, from their definition over their registration to
// the places that call them.
//
// A definition is a value that both sides share: the name on the wire, which is
// the author's to choose, and the types of input and output.
//
//	var (
//		Transfer = typed.NewWorkflow[Order, Receipt]("transfer")
//		Charge   = typed.NewActivity[Order, Receipt]("charge")
//		Approve  = typed.NewSignal[Approval]("approve")
//		State    = typed.NewQuery[typed.None, Status]("state")
//		AddItem  = typed.NewUpdate[Item, int]("add-item")
//		Price    = typed.NewNexusOperation[Item, Money]("shop", "price")
//	)
//
// A worker registers functions for definitions, workflow code and clients call
// them:
//
//	Transfer.Register(w, func(ctx workflow.Context, order Order) (Receipt, error) {
//		return Charge.Execute(ctx, order)
//	})
//	receipt, err := Transfer.Execute(ctx, c, client.StartWorkflowOptions{TaskQueue: "orders"}, order)
//
// A program that passes an Item where an Order is due does not compile.
//
// Definitions are a thin layer over the packages client, worker and workflow, and
// mix with them freely: options are those of the classic calls, given to the same
// functions or in the same workflow.Context, and everything that intercepts,
// traces, mocks or replays the classic calls does the same with these. On the wire
// nothing differs either: the other side may be an untyped program, in any
// language, or the other half of a program that is being converted.
//
// An input is one argument. [None] stands for no argument or no result, and
// [Args2] and [Args3] for workflows and activities of other programs that take two
// or three. One struct is better: it can gain fields later.
package typed
