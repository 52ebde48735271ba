// Package signals: a running workflow is told something.
//
// A signal is a message without an answer. It is kept in the workflow's history from
// the moment on that the call returns, whether a worker is there or not, and arrives
// in a channel.
package signals

import (
	"context"
	"strings"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "signals", Title: "tell a running workflow something",
	Register: func(r worker.Registry) { r.RegisterWorkflow(Cart) },
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		// Signal with start: whoever comes first starts the workflow.
		options := lesson.Options("signals")
		run, err := c.SignalWithStartWorkflow(ctx, options.ID, "add", "tea", options, Cart)
		if err != nil {
			return err
		}
		for _, item := range []string{"milk", "sugar"} {
			if err := c.SignalWorkflow(ctx, options.ID, "", "add", item); err != nil {
				return err
			}
		}
		if err := c.SignalWorkflow(ctx, options.ID, "", "checkout", nil); err != nil {
			return err
		}
		var bill string
		if err := run.Get(ctx, &bill); err != nil {
			return err
		}
		say("the bill: %s", bill)
		return nil
	},
	Says: []string{"the bill: tea, milk, sugar"},
}

// Cart collects items until checkout.
func Cart(ctx workflow.Context) (string, error) {
	add, checkout := workflow.GetSignalChannel(ctx, "add"), workflow.GetSignalChannel(ctx, "checkout")
	var items []string
	item := func(channel workflow.ReceiveChannel, _ bool) {
		var name string
		channel.Receive(ctx, &name)
		items = append(items, name)
	}
	done := false
	selector := workflow.NewSelector(ctx)
	selector.AddReceive(add, item)
	selector.AddReceive(checkout, func(channel workflow.ReceiveChannel, _ bool) {
		channel.Receive(ctx, nil)
		done = true
	})
	for !done {
		selector.Select(ctx)
	}
	// Signals of one name keep their order, those of two names are two channels:
	// take what has arrived before saying that this is all.
	for {
		var name string
		if !add.ReceiveAsync(&name) {
			return strings.Join(items, ", "), nil
		}
		items = append(items, name)
	}
}
