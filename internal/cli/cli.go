// Package cli is the command line of the perdure binary.
//
// There is one file per command. Commands write what a program or a person asked
// for to standard output, as text or, with --output json, as JSON whose fields
// stay as they are; logs and errors go to standard error. The exit code is 0 if
// all went well, 1 if something failed, and 2 if the command line makes no sense.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/server"
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
	return Run(ctx, args, stdout, stderr)
}

// Run runs the command line until it is done or the context ends, and returns
// the exit code.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := Root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	var usage *usageError
	isUsage := errors.As(err, &usage) || !command.Runnable()
	fmt.Fprintf(stderr, "Error: %v\n", err)
	if isUsage {
		fmt.Fprintf(stderr, "\nRun '%s --help' for usage.\n", command.CommandPath())
		return exitUsage
	}
	return exitFailed
}

// usageError is an error in the command line itself.
type usageError struct{ error }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// Root returns the tree of all commands.
func Root() *cobra.Command {
	var out output
	root := &cobra.Command{
		Use:   "perdure",
		Short: "Durable execution in one binary",
		Long: `Perdure runs workflows that survive crashes, deploys and months of waiting.

The server speaks the public Temporal gRPC API. Programs written with a Temporal
SDK run on it unchanged if they keep to what is there: workflows, activities,
timers, child workflows, signals, queries. Updates, schedules, Nexus and the
listing of workflows are not there yet, and calling them says so (Unimplemented).
The README has the whole table.

It needs no other service. Its data are in one directory.`,
		Example: `  # A server to develop against, in memory, on 127.0.0.1:7233
  perdure server start-dev

  # A server that keeps its data, each acknowledged write synced to disk
  perdure server start --data-dir /var/lib/perdure`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("perdure {{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.PersistentFlags().VarP(&out, "output", "o", "format of what is printed to standard output: text or json")
	root.AddCommand(newServerCommand(&out), newAdminCommand(&out), newVersionCommand(&out))
	addVersion(root)
	return root
}

// addVersion gives a command and all below it the flag --version.
func addVersion(command *cobra.Command) {
	command.Version = server.Version
	for _, sub := range command.Commands() {
		addVersion(sub)
	}
}

func newServerCommand(out *output) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Run a server",
		Example: `  perdure server start-dev
  perdure server start --data-dir /var/lib/perdure`,
		Args: commandsOnly,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newStartCommand(out), newStartDevCommand(out), newDynamicConfigCommand(out))
	return cmd
}

// commandsOnly are the Args of a command that only has commands below it.
func commandsOnly(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("unknown command %q for %q", args[0], cmd.CommandPath())
	}
	return nil
}

// output is the --output flag.
type output string

const (
	outputText output = "text"
	outputJSON output = "json"
)

// String implements pflag.Value.
func (o *output) String() string {
	if *o == "" {
		return string(outputText)
	}
	return string(*o)
}

// Set implements pflag.Value.
func (o *output) Set(value string) error {
	switch output(value) {
	case outputText, outputJSON:
		*o = output(value)
		return nil
	}
	return fmt.Errorf("must be text or json, not %q", value)
}

// Type implements pflag.Value.
func (o *output) Type() string { return "format" }

func writeJSON(w io.Writer, value any) error {
	encoded, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", encoded)
	return err
}
