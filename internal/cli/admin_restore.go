package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/backup"
	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
)

// restoreInfo is what `perdure admin restore --output json` prints.
type restoreInfo struct {
	Name        string    `json:"name"`
	Time        time.Time `json:"time"`
	Version     string    `json:"version"` // of the server that made the backup
	Bytes       int64     `json:"bytes"`
	Files       int       `json:"files"`
	TookSeconds float64   `json:"tookSeconds"`
}

func newRestoreCommand(out *output.Options) *cobra.Command {
	var from, dataDir string
	cmd := &cobra.Command{
		Use:   "restore --from DIR --data-dir NEW",
		Short: "Make a data directory of a backup",
		Long: `Make a data directory of a backup. --from is a backup, or a directory of backups, of which
the last one is taken.

Every file is compared with its checksum. The new directory must be empty, or not exist; if anything is
wrong, it is left as it was. Interrupted, the command can be run again. The backup itself is only
read, and what becomes of the new data does not touch it.

A server that starts on the restored data builds its visibility index anew, and goes on from the moment the
backup is of: what workflows have done since then is not known to it, and activities that were
pending then run again.`,
		Example: `  perdure admin restore --from /backups/perdure --data-dir /var/lib/perdure
  perdure admin restore --from /backups/perdure/20261129T200405.123Z --data-dir /var/lib/perdure`,
		Args: command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			start := time.Now()
			show := newProgress(cmd.ErrOrStderr())
			m, err := backup.Restore(cmd.Context(), backup.RestoreOptions{
				From: from, DataDir: dataDir,
				Progress: func(done, total int64) { show.show("restore", done, total) },
			})
			show.end()
			if err != nil {
				return err
			}
			if out.IsJSON() {
				return out.Printer(cmd.OutOrStdout()).Value(restoreInfo{m.Name, m.Time, m.Version, m.Bytes, len(m.Files), time.Since(start).Seconds()})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s restored to %s: %s in %d files, as of %s.\n",
				m.Name, dataDir, mebibytes(uint64(m.Bytes)), len(m.Files), m.Time.Format(time.RFC3339))
			return err
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "backup, or directory of backups; required")
	cmd.Flags().StringVar(&dataDir, "data-dir", "", "directory the data are restored to; required")
	_ = cmd.MarkFlagRequired("from")
	_ = cmd.MarkFlagRequired("data-dir")
	return cmd
}
