package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/api/admin"
	"github.com/perdure/perdure/internal/cli/command"
)

func newVisibilityCommand(app *command.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "visibility",
		Short:   "Look after the index by which a running server finds workflows",
		Example: `  perdure admin visibility rebuild --address 127.0.0.1:7233`,
		Args:    command.CommandsOnly,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newVisibilityRebuildCommand(app.NewGroup(cmd)))
	return cmd
}

// visibilityRebuildInfo is what `perdure admin visibility rebuild --output json` prints.
type visibilityRebuildInfo struct {
	Rows        int64   `json:"rows"`
	TookSeconds float64 `json:"tookSeconds"`
}

func newVisibilityRebuildCommand(g *command.Group) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Have a running server build its visibility index anew",
		Long: `Have a running server build its visibility index anew, from the records of all workflows.

Workflows go on, and lists are answered from the old index until the new one is ready. The
command shows how far it is; when it is interrupted the server goes on building. A server whose
index is lost or damaged does this by itself.`,
		Example: `  perdure admin visibility rebuild --address 127.0.0.1:7233`,
		Args:    command.NoArguments,
	}
	cmd.RunE = g.Run(func(ctx context.Context, s *command.Session) error {
		client, err := adminOf(s)
		if err != nil {
			return err
		}
		start := time.Now()
		show := newProgress(s.Err)
		state, err := rebuildVisibility(ctx, client, show)
		show.end()
		if err != nil {
			return err
		}
		took := time.Since(start)
		if s.Out.JSON() {
			return s.Out.Value(visibilityRebuildInfo{state.Rows, took.Seconds()})
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "The visibility index has been built: %d rows in %v.\n", state.Rows, took.Round(time.Millisecond))
		return err
	})
	return cmd
}

// rebuildVisibility asks for a new index and waits until it is there.
func rebuildVisibility(ctx context.Context, client admin.Client, show *progress) (*admin.DescribeVisibilityResponse, error) {
	begun, err := client.RebuildVisibility(ctx, &admin.RebuildVisibilityRequest{})
	if err != nil {
		return nil, err
	}
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		state, err := client.DescribeVisibility(ctx, &admin.DescribeVisibilityRequest{})
		switch {
		case err != nil:
			return nil, err
		case state.Builds > begun.Builds:
			return state, nil
		case !state.Building && state.Error != "":
			return nil, errors.New(state.Error)
		}
		show.count("shards", int64(state.Shards), int64(state.ShardsTotal))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
