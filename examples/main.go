// Command examples runs the lessons: small programs, each of which shows one thing.
// The lesson is in the folder of its name; read it, run it, change it.
//
//	go run ./examples              lists the lessons
//	go run ./examples saga         runs one
//	go run ./examples all          runs them all
//
// It starts a server of its own, in memory; with --address it uses one that is
// running. examples/hello is a program that stands alone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"

	"github.com/perdure/perdure"
	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	sdklog "github.com/perdure/perdure/sdk/log"
	"github.com/perdure/perdure/sdk/worker"
)

func main() {
	address := flag.String("address", "", "host:port of a running server; by default the program starts its own")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "Usage: go run ./examples [--address HOST:PORT] [LESSON | all]")
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *address, flag.Arg(0), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "examples:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address, name string, out io.Writer) error {
	if name == "" {
		for _, l := range lessons {
			fmt.Fprintf(out, "%-18s %s\n", l.Name, l.Title)
		}
		return nil
	}
	found := false
	for _, l := range lessons {
		if l.Name != name && name != "all" {
			continue
		}
		found = true
		fmt.Fprintf(out, "# %s: %s\n", l.Name, l.Title)
		if err := give(ctx, address, l, out); err != nil {
			return fmt.Errorf("lesson %s: %w", l.Name, err)
		}
	}
	if !found {
		return fmt.Errorf("there is no lesson %q; without arguments the program lists them", name)
	}
	return nil
}

// give runs one lesson, with a worker of its own.
func give(ctx context.Context, address string, l lesson.Lesson, out io.Writer) error {
	options := client.Options{HostPort: address, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))}
	if address == "" {
		server, err := perdure.Start(ctx, perdure.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			return err
		}
		defer server.Close()
		options.ConnectionOptions.Conn = server.ClientConn()
	}
	if l.Client != nil {
		l.Client(&options)
	}
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return err
	}
	defer c.Close()
	w := worker.New(c, lesson.TaskQueue, l.Worker)
	l.Register(w)
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()
	err = l.Run(ctx, c, func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) })
	return errors.Join(err, ctx.Err())
}
