// Package typeddefinitions: the compiler checks what goes in and what comes out.
//
// A definition of package typed says the name on the wire and the types once, and
// everybody uses it: registration, calls in workflows, clients. It mixes with the
// classic calls, of which it is a thin layer.
package typeddefinitions

import (
	"context"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/typed"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// The definitions, usually in a package that both sides import.
var (
	Mix   = typed.NewWorkflow[Recipe, Colour]("mix")
	Blend = typed.NewActivity[typed.Args2[Colour, Colour], Colour]("blend")
	Stir  = typed.NewUpdate[int, string]("stir")
	Pour  = typed.NewSignal[typed.None]("pour")
)

type (
	Colour string
	Recipe struct{ A, B Colour }
)

var Lesson = lesson.Lesson{
	Name: "typeddefinitions", Title: "the compiler checks inputs and outputs",
	Register: func(r worker.Registry) {
		Mix.Register(r, mix)
		Blend.Register(r, blend)
	},
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		run, err := Mix.Start(ctx, c, lesson.Options("typeddefinitions"), Recipe{"blue", "yellow"})
		if err != nil {
			return err
		}
		stirred, err := Stir.Execute(ctx, c, run.GetID(), 3)
		if err != nil {
			return err
		}
		say("%s", stirred)
		if err := Pour.Send(ctx, c, run.GetID(), "", typed.None{}); err != nil {
			return err
		}
		colour, err := run.Get(ctx) // a Colour
		if err != nil {
			return err
		}
		say("%s", colour)
		return nil
	},
	Says: []string{"stirred 3 times", "blue-yellow"},
}

func mix(ctx workflow.Context, recipe Recipe) (Colour, error) {
	err := Stir.Handle(ctx, func(_ workflow.Context, times int) (string, error) {
		return "stirred " + string(rune('0'+times)) + " times", nil
	})
	if err != nil {
		return "", err
	}
	Pour.Receive(ctx)
	return Blend.Execute(lesson.Quick(ctx), typed.Args2[Colour, Colour]{First: recipe.A, Second: recipe.B})
}

func blend(_ context.Context, colours typed.Args2[Colour, Colour]) (Colour, error) {
	return colours.First + "-" + colours.Second, nil
}
