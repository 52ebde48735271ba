package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/perdure/perdure/internal/api/admin"
	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
)

func newVisibilityCommand(out *output.Options) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "visibility",
		Short:   "Look after the index by which a running server finds workflows",
		Example: `  perdure admin visibility rebuild --address 127.0.0.1:7233`,
		Args:    command.CommandsOnly,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newVisibilityRebuildCommand(out))
	return cmd
}

// visibilityRebuildInfo is what `perdure admin visibility rebuild --output json` prints.
type visibilityRebuildInfo struct {
	Rows        int64   `json:"rows"`
	TookSeconds float64 `json:"tookSeconds"`
}

func newVisibilityRebuildCommand(out *output.Options) *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Have a running server build its visibility index anew",
		Long: `Have a running server build its visibility index anew, from the records of all workflows.

Workflows go on, and lists are answered from the old index until the new one is ready. The
command shows how far it is; when it is interrupted the server goes on building. A server whose
index is lost or damaged does this by itself.`,
		Example: `  perdure admin visibility rebuild --address 127.0.0.1:7233`,
		Args:    command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				return usagef("--address %s: %v", address, err)
			}
			defer conn.Close()
			start := time.Now()
			show := newProgress(cmd.ErrOrStderr())
			state, err := rebuildVisibility(cmd.Context(), admin.Client{Conn: conn}, show)
			show.end()
			if err != nil {
				return fmt.Errorf("server at %s: %w", address, err)
			}
			took := time.Since(start)
			if out.IsJSON() {
				return out.Printer(cmd.OutOrStdout()).Value(visibilityRebuildInfo{state.Rows, took.Seconds()})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "The visibility index has been built: %d rows in %v.\n", state.Rows, took.Round(time.Millisecond))
			return err
		},
	}
	cmd.Flags().StringVar(&address, "address", "127.0.0.1:7233", "host:port of the server")
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
