package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"github.com/perdure/perdure/internal/api/admin"
	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/storage/pebble"
)

func newAdminCommand(app *command.App) *cobra.Command {
	out := &app.Output
	cmd := &cobra.Command{
		Use:   "admin",
		Short: "Back up and restore a server's data, verify them, and more that operators do",
		Example: `  perdure admin backup --to /backups/perdure
  perdure admin restore --from /backups/perdure --data-dir /var/lib/perdure
  perdure admin verify --data-dir /var/lib/perdure
  perdure admin copy --from /var/lib/perdure --to postgres://perdure@db/perdure
  perdure admin import --from temporal.example.com:7233 --namespace orders --dry-run
  perdure admin reshard --data-dir /var/lib/perdure --shards 64
  perdure admin api-key create ci --auth-file access.yaml --role orders:write
  perdure admin visibility rebuild --address 127.0.0.1:7233`,
		Args: command.CommandsOnly,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBackupCommand(app), newBackupsCommand(app), newRestoreCommand(out), newImportCommand(app),
		newReshardCommand(out), newCopyCommand(out), newVerifyCommand(out), newVisibilityCommand(app), newAPIKeyCommand(out))
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

// adminOf calls the AdminService of the server that a session is with.
func adminOf(s *command.Session) (admin.Client, error) {
	client, ok := s.Client.(interface {
		Conn() grpc.ClientConnInterface
	})
	if !ok {
		return admin.Client{}, errors.New("the client has no connection of its own")
	}
	return admin.Client{Conn: client.Conn()}, nil
}
