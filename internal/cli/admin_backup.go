package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/api/admin"
	"github.com/perdure/perdure/internal/backup"
	"github.com/perdure/perdure/internal/cli/command"
)

// backupInfo is what `perdure admin backup --output json` prints.
type backupInfo struct {
	Name        string  `json:"name"`
	Path        string  `json:"path"`
	Time        string  `json:"time"`
	Bytes       int64   `json:"bytes"`
	Copied      int64   `json:"copied"`
	TookSeconds float64 `json:"tookSeconds"`
}

func newBackupCommand(app *command.App) *cobra.Command {
	var (
		directory string
		rate      float64
	)
	cmd := &cobra.Command{
		Use:   "backup --to DIR",
		Short: "Have a running server make a backup of its data",
		Long: `Have a running server make a backup of its data in a directory on its machine.

The backup is of one moment, just after the command began: everything that was
acknowledged before is in it. Workflows go on meanwhile. What an earlier backup in the same
directory has already is linked, not copied, so a further one costs what has changed. A
relative path is one from where the command runs, as if the server were there.

The command shows how far it is; when it is interrupted, the server breaks the backup off and
removes what it has made. 'perdure admin restore' makes a data directory of a backup,
'perdure admin backups' lists, checks and removes them.`,
		Example: `  perdure admin backup --to /backups/perdure
  perdure admin backup --to /backups/perdure --max-rate 20 --address db.example.com:7233`,
		Args: command.NoArguments,
	}
	g := app.NewGroup(cmd)
	cmd.RunE = g.Run(func(ctx context.Context, s *command.Session) error {
		path, err := filepath.Abs(directory)
		if err != nil {
			return err
		}
		client, err := adminOf(s)
		if err != nil {
			return err
		}
		request := &admin.StartBackupRequest{Directory: path, BytesPerSecond: int64(rate * (1 << 20))}
		if cmd.Flags().Changed("max-rate") && request.BytesPerSecond <= 0 {
			request.BytesPerSecond = -1
		}
		start := time.Now()
		show := newProgress(s.Err)
		state, err := makeBackup(ctx, client, request, show)
		show.end()
		if err != nil {
			return err
		}
		info := backupInfo{state.Name, filepath.Join(path, state.Name), state.Time, state.BytesTotal, state.BytesCopied, time.Since(start).Seconds()}
		if s.Out.JSON() {
			return s.Out.Value(info)
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "Backup %s: %s, of which %s were copied, in %v.\n",
			info.Path, mebibytes(uint64(info.Bytes)), mebibytes(uint64(info.Copied)), time.Since(start).Round(time.Millisecond))
		return err
	})
	flags := cmd.Flags()
	flags.StringVar(&directory, "to", "", "directory of the backups; required")
	flags.Float64Var(&rate, "max-rate", backup.DefaultBytesPerSecond>>20, "how many MiB are copied in a second at most; 0: as many as go")
	_ = cmd.MarkFlagRequired("to")
	return cmd
}

// makeBackup has the server make a backup and waits until it is finished. When the
// context ends, it has the server break it off.
func makeBackup(ctx context.Context, client admin.Client, request *admin.StartBackupRequest, show *progress) (*admin.DescribeBackupResponse, error) {
	begun, err := client.StartBackup(ctx, request)
	if err != nil {
		return nil, err
	}
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		state, err := client.DescribeBackup(ctx, &admin.DescribeBackupRequest{})
		switch {
		case ctx.Err() != nil:
			return nil, errors.Join(ctx.Err(), cancelBackup(ctx, client))
		case err != nil:
			return nil, err
		case state.Number != begun.Number:
			return nil, errors.New("the server has been restarted, or makes another backup already; 'perdure admin backups list' shows whether this one was finished")
		case !state.Running && state.Error != "":
			return nil, errors.New(state.Error)
		case !state.Running:
			return state, nil
		}
		show.show("backup", state.Bytes, state.BytesTotal)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// cancelBackup breaks the backup off though the context has ended.
func cancelBackup(ctx context.Context, client admin.Client) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, err := client.CancelBackup(ctx, &admin.CancelBackupRequest{})
	return err
}
