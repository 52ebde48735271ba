// Package cli is the command line of the perdure binary: its root, and the commands
// that run a server or work on its data (server, admin, version).
//
// The commands that talk to a server are in packages below, one for each group:
// internal/cli/workflow, internal/cli/operator, …, with what they share in
// internal/cli/command, internal/cli/flags, internal/cli/connect and
// internal/cli/output. Their names, flags and JSON are those of the Temporal CLI.
//
// Commands write what a program or a person asked for to standard output, as text or,
// with --output json, as JSON whose fields stay as they are; logs and errors go to
// standard error. The exit code is 0 if all went well, 1 if something failed, and 2 if
// the command line makes no sense.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/perdure/perdure/internal/cli/activity"
	"github.com/perdure/perdure/internal/cli/batch"
	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/config"
	"github.com/perdure/perdure/internal/cli/env"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/flow"
	"github.com/perdure/perdure/internal/cli/operator"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/internal/cli/schedule"
	"github.com/perdure/perdure/internal/cli/taskqueue"
	"github.com/perdure/perdure/internal/cli/worker"
	"github.com/perdure/perdure/internal/cli/workflow"
	"github.com/perdure/perdure/internal/server"
	"github.com/perdure/perdure/internal/similar"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	// exitSignal is what a second signal ends the process with: 128 + SIGINT.
	exitSignal = 130
)

// Main runs the command line and returns the exit code. The first SIGINT or
// SIGTERM ends it in order; one that comes a second later, or more, ends it at once.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	done := make(chan struct{})
	defer close(done)
	go watchSignals(signals, done, cancel, func(s os.Signal) {
		fmt.Fprintf(stderr, "Stopped at once by a second signal (%v).\n", s)
		os.Exit(exitSignal)
	})
	return Run(ctx, args, os.Stdin, stdout, stderr)
}

// Run runs the command line until it is done or the context ends, and returns
// the exit code.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := Root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	ran, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	var usage *flags.UsageError
	isUsage := errors.As(err, &usage) || !ran.Runnable()
	fmt.Fprintf(stderr, "Error: %v\n", err)
	if isUsage {
		fmt.Fprintf(stderr, "\nRun '%s --help' for usage.\n", ran.CommandPath())
		return exitUsage
	}
	return exitFailed
}

// usagef is an error in the command line itself.
func usagef(format string, args ...any) error { return flags.Usagef(format, args...) }

// Root returns the tree of all commands.
func Root() *cobra.Command {
	app := &command.App{}
	root := command.NewParent("perdure", "Durable execution in one binary",
		`Perdure runs workflows that survive crashes, deploys and months of waiting.

The server speaks the public Temporal gRPC API, so programs written with a Temporal SDK
run on it. It needs no other service; its data are in one directory. What of the API is
there is in the table of the README; a call that is not done says so (Unimplemented).

The other commands talk to a server, this one or a Temporal server, and are those of the
Temporal CLI: their flags and their JSON are the same, so that scripts carry over.`,
		`  # A server to develop against, in memory, on 127.0.0.1:7233
  perdure server start-dev

  # A server that keeps its data, each acknowledged write synced to disk
  perdure server start --data-dir /var/lib/perdure

  # Start a workflow, wait for its result, look at what has happened
  perdure workflow execute --type OrderWorkflow --task-queue orders --input '{"item": 17}'
  perdure workflow list`)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetVersionTemplate("perdure {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.SetUsageFunc(usage)
	root.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		if err := app.Complete(cmd); err != nil {
			return err
		}
		return checkRequired(cmd, args)
	}
	app.AddTo(root.PersistentFlags())
	out := &app.Output
	for title, commands := range map[string][]*cobra.Command{
		groupServer: {newServerCommand(out), newAdminCommand(app), newClusterCommand(app), newVersionCommand(out)},
		groupClient: {workflow.New(app), activity.New(app), schedule.New(app), batch.New(app), taskqueue.New(app), worker.New(app), flow.New(app), operator.New(app), config.New(app), env.New(app)},
	} {
		for _, cmd := range commands {
			cmd.GroupID = title
			root.AddCommand(cmd)
		}
	}
	root.AddGroup(
		&cobra.Group{ID: groupClient, Title: "Commands that talk to a server:"},
		&cobra.Group{ID: groupServer, Title: "Commands that are, or look after, a server:"},
	)
	addVersion(root)
	return root
}

const (
	groupClient = "client"
	groupServer = "server"
)

// addVersion gives a command and all below it the flag --version.
func addVersion(command *cobra.Command) {
	command.Version = server.Version
	for _, sub := range command.Commands() {
		addVersion(sub)
	}
}

// checkRequired says which flags are missing, as an error in the command line.
func checkRequired(cmd *cobra.Command, _ []string) error {
	var missing []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if required := f.Annotations[cobra.BashCompOneRequiredFlag]; len(required) > 0 && required[0] == "true" && !f.Changed {
			missing = append(missing, "--"+f.Name)
		}
	})
	switch len(missing) {
	case 0:
		return nil
	case 1:
		return usagef("%s is required", missing[0])
	}
	last := len(missing) - 1
	return usagef("%s and %s are required", strings.Join(missing[:last], ", "), missing[last])
}

// flagError is an error in a flag, with the flag that was perhaps meant.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || len(unknown.GetSpecifiedName()) < 2 {
		return flags.Usage(err)
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if near := similar.To(unknown.GetSpecifiedName(), names); near != "" {
		return usagef("%w; did you mean --%s?", err, near)
	}
	return flags.Usage(err)
}

func newServerCommand(out *output.Options) *cobra.Command {
	cmd := command.NewParent("server", "Run a server", "", `  perdure server start-dev
  perdure server start --data-dir /var/lib/perdure`)
	cmd.AddCommand(newStartCommand(out), newStartDevCommand(out), newServerConfigCommand(out), newDynamicConfigCommand(out))
	return cmd
}
