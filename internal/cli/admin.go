package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/internal/storage/pebble"
)

func newAdminCommand(out *output.Options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "admin",
		Short: "Work on the data of a stopped server, and on the index of a running one",
		Example: `  perdure admin verify --data-dir /var/lib/perdure
  perdure admin reshard --data-dir /var/lib/perdure --shards 64
  perdure admin visibility rebuild --address 127.0.0.1:7233`,
		Args: command.CommandsOnly,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newReshardCommand(out), newVerifyCommand(out), newVisibilityCommand(out))
	return cmd
}

// explainStopped says what to do about a store that cannot be opened because it
// is not that of a stopped server.
func explainStopped(err error, dir string) error {
	switch {
	case errors.Is(err, pebble.ErrInUse):
		return fmt.Errorf("data directory %s is in use: stop the server that uses it first", dir)
	case errors.Is(err, pebble.ErrNoStore):
		return fmt.Errorf("there is no data of a Perdure server in %s: check --data-dir", dir)
	}
	return err
}
