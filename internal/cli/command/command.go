// Package command is what the commands have in common that talk to a server: the flags of
// the root ([App]), the flags of a group ([Group]), and the session in which one of them
// runs ([Session]).
//
// A command is a function that makes a [cobra.Command], with its flags in variables and
// a function of what it does as RunE:
//
//	func newCount(g *command.Group) *cobra.Command {
//		var query string
//		cmd := &cobra.Command{Use: "count", Short: …, Example: …}
//		cmd.RunE = g.Run(func(ctx context.Context, s *command.Session) error {
//			…
//		})
//		cmd.Flags().StringVarP(&query, "query", "q", "", "…")
//		return cmd
//	}
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/cli/connect"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/internal/similar"
	"github.com/perdure/perdure/sdk/client"
)

// App are the flags of the root, which all commands share.
type App struct {
	Output  output.Options
	Profile connect.Profile
	// Environment has values of flags that are not given.
	Environment connect.Environment
	timeout     flags.Duration
}

// AddTo adds the flags.
func (a *App) AddTo(set *pflag.FlagSet) {
	a.Output.AddTo(set)
	a.Profile.AddTo(set)
	a.Environment.AddTo(set)
	set.Var(&a.timeout, "command-timeout", "how long a command may take that talks to a server; no limit if not given")
}

// ClientFlags are the names of the flags that mean nothing to commands which do not talk to
// a server.
func ClientFlags() []string {
	return slices.Concat(connect.ProfileFlags, connect.EnvironmentFlags, []string{"command-timeout"})
}

// Group is a command with others below it that talk to a server.
type Group struct {
	App   *App
	flags connect.Flags
}

// NewGroup gives a command the flags of a connection, for all commands below it.
func (a *App) NewGroup(cmd *cobra.Command) *Group {
	g := &Group{App: a}
	g.flags.AddTo(cmd.PersistentFlags())
	return g
}

// Session is one run of a command: a client, and where to print.
type Session struct {
	client.Client
	Namespace, Identity string
	Out                 *output.Printer
	Err                 io.Writer
	In                  io.Reader
}

// Complete gives the flags of a command that talks to a server the values of the environment
// that is chosen. Others have none.
func (a *App) Complete(cmd *cobra.Command) error {
	if cmd.Flags().Lookup("grpc-meta") == nil {
		return nil
	}
	return a.Environment.Apply(cmd.Flags())
}

// Run makes the RunE of a command that needs a server.
func (g *Group) Run(run func(context.Context, *Session) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		ctx, cancel := g.App.Context(cmd.Context())
		defer cancel()
		c, target, err := g.flags.Dial(ctx, &g.App.Profile)
		if err != nil {
			return explain(ctx, err)
		}
		defer c.Close()
		return explain(ctx, run(ctx, &Session{
			Client:    c,
			Namespace: target.Namespace,
			Identity:  target.Identity,
			Out:       g.App.Output.Printer(cmd.OutOrStdout()),
			Err:       cmd.ErrOrStderr(),
			In:        cmd.InOrStdin(),
		}))
	}
}

// errTimedOut is why the context of a command has ended.
var errTimedOut = errors.New("the command took longer than --command-timeout allows")

// Context is the context of a command, which ends after --command-timeout.
func (a *App) Context(ctx context.Context) (context.Context, context.CancelFunc) {
	if a.timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, time.Duration(a.timeout), errTimedOut)
}

// explain makes of an error what a person can do something with.
func explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		if errors.Is(cause, errTimedOut) {
			return errTimedOut
		}
		return errors.New("interrupted")
	}
	return plain(err)
}

// plain is an error without the words of gRPC around it.
func plain(err error) error {
	var unimplemented *serviceerror.Unimplemented
	if errors.As(err, &unimplemented) {
		return fmt.Errorf("the server cannot do this: %w", err)
	}
	if s, ok := status.FromError(err); ok && s.Message() != "" {
		if converted := serviceerror.FromStatus(s); converted != nil {
			return &wrapped{text: textOf(err, s.Message()), err: converted}
		}
	}
	return err
}

// wrapped is an error with another text.
type wrapped struct {
	text string
	err  error
}

func (w *wrapped) Error() string { return w.text }
func (w *wrapped) Unwrap() error { return w.err }

// textOf leaves what was being done when an error came, and the message of its status.
func textOf(err error, message string) string {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		if _, ok := inner.(interface{ GRPCStatus() *status.Status }); ok {
			before := err.Error()
			if n := len(before) - len(inner.Error()); n > 0 && before[n:] == inner.Error() {
				return before[:n] + message
			}
			return message
		}
	}
	return err.Error()
}

// NewParent makes a command that only has others below it.
func NewParent(use, short, long, example string) *cobra.Command {
	return &cobra.Command{
		Use:     use,
		Short:   short,
		Long:    long,
		Example: example,
		Args:    CommandsOnly,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
}

// CommandsOnly are the Args of a command that only has others below it.
func CommandsOnly(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	message := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	if near := similar.To(args[0], names); near != "" {
		message += fmt.Sprintf("; did you mean %q?", near)
	}
	return flags.Usagef("%s", message)
}

// NoArguments are the Args of a command that takes none.
func NoArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return flags.Usagef("%q takes no arguments, got %q", cmd.CommandPath(), args[0])
	}
	return nil
}
