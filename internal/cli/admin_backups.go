package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/backup"
	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
)

func newBackupsCommand(app *command.App) *cobra.Command {
	out := &app.Output
	cmd := command.NewParent("backups", "List, check and remove backups", `List, check and remove the backups in a directory. No server is needed.`,
		`  perdure admin backups list --dir /backups/perdure
  perdure admin backups verify --dir /backups/perdure
  perdure admin backups prune --dir /backups/perdure --keep 7`)
	cmd.AddCommand(newBackupsListCommand(out), newBackupsVerifyCommand(out), newBackupsPruneCommand(out))
	return cmd
}

// backupRow is what `perdure admin backups list --output json` prints of each backup.
type backupRow struct {
	Name    string `json:"name"`
	State   string `json:"state"` // "whole", "unfinished" or "damaged"
	Time    string `json:"time,omitempty"`
	Version string `json:"version,omitempty"`
	Bytes   int64  `json:"bytes"`
	Copied  int64  `json:"copied"`
	Files   int    `json:"files"`
	Error   string `json:"error,omitempty"`
}

func newBackupsListCommand(out *output.Options) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:     "list --dir DIR",
		Short:   "List the backups in a directory, the oldest first",
		Example: `  perdure admin backups list --dir /backups/perdure`,
		Args:    command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := backup.List(dir)
			if err != nil {
				return err
			}
			rows := make([]backupRow, len(list))
			for i, e := range list {
				rows[i] = rowOf(e)
			}
			if out.IsJSON() {
				return out.Printer(cmd.OutOrStdout()).Value(rows)
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "NAME\tSTATE\tSIZE\tCOPIED\tFILES")
			for _, r := range rows {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\n", r.Name, r.State, mebibytes(uint64(r.Bytes)), mebibytes(uint64(r.Copied)), r.Files)
			}
			return t.Flush()
		},
	}
	addBackupsDir(cmd, &dir)
	return cmd
}

func rowOf(e backup.Entry) backupRow {
	switch {
	case e.Partial:
		return backupRow{Name: e.Name, State: "unfinished"}
	case e.Err != nil:
		return backupRow{Name: e.Name, State: "damaged", Error: e.Err.Error()}
	}
	m := e.Manifest
	return backupRow{Name: e.Name, State: "whole", Time: m.Time.Format(time.RFC3339Nano), Version: m.Version, Bytes: m.Bytes, Copied: m.Copied, Files: len(m.Files)}
}

// backupCheck is what `perdure admin backups verify --output json` prints.
type backupCheck struct {
	Name     string   `json:"name"`
	Files    int      `json:"files"`
	Bytes    int64    `json:"bytes"`
	Problems []string `json:"problems"`
}

func newBackupsVerifyCommand(out *output.Options) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "verify --dir DIR",
		Short: "Compare all files of a backup with their checksums",
		Long: `Compare all files of a backup with their checksums: of one backup, or of the last one in a
directory of backups. The exit code is 1 if there is anything wrong.

'perdure admin verify --backup DIR' looks closer: it reads the workflows in it.`,
		Example: `  perdure admin backups verify --dir /backups/perdure`,
		Args:    command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, m, err := backup.Find(dir)
			if err != nil {
				return err
			}
			show := newProgress(cmd.ErrOrStderr())
			problems, err := backup.Check(cmd.Context(), path, m, func(done int64) { show.show("verify", done, m.Bytes) })
			show.end()
			if err != nil {
				return err
			}
			check := backupCheck{Name: m.Name, Files: len(m.Files), Bytes: m.Bytes, Problems: []string{}}
			for _, p := range problems {
				check.Problems = append(check.Problems, p.Error())
				fmt.Fprintln(cmd.ErrOrStderr(), p.Error())
			}
			if out.IsJSON() {
				err = out.Printer(cmd.OutOrStdout()).Value(check)
			} else {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d files (%s): %d problems.\n", path, check.Files, mebibytes(uint64(check.Bytes)), len(problems))
			}
			if err == nil && len(problems) > 0 {
				err = fmt.Errorf("%d of %d files of %s are not as they were made: use another backup, and make a new one to another directory", len(problems), len(m.Files), path)
			}
			return err
		},
	}
	addBackupsDir(cmd, &dir)
	return cmd
}

func newBackupsPruneCommand(out *output.Options) *cobra.Command {
	var (
		dir  string
		keep int
	)
	cmd := &cobra.Command{
		Use:     "prune --dir DIR --keep N",
		Short:   "Remove all backups in a directory but the last N",
		Long:    `Remove all backups in a directory but the last N, and what is left of backups that were not finished.`,
		Example: `  perdure admin backups prune --dir /backups/perdure --keep 7`,
		Args:    command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if keep < 1 {
				return usagef("--keep must be at least 1")
			}
			removed, err := backup.Prune(dir, keep)
			if err != nil {
				return err
			}
			if out.IsJSON() {
				return out.Printer(cmd.OutOrStdout()).Value(struct {
					Removed []string `json:"removed"`
				}{append([]string{}, removed...)})
			}
			if len(removed) == 0 {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "Nothing to remove.")
			} else {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "Removed %s.\n", strings.Join(removed, ", "))
			}
			return err
		},
	}
	addBackupsDir(cmd, &dir)
	cmd.Flags().IntVar(&keep, "keep", 0, "how many backups are kept; required")
	_ = cmd.MarkFlagRequired("keep")
	return cmd
}

func addBackupsDir(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "dir", "", "directory of the backups, or one of them; required")
	_ = cmd.MarkFlagRequired("dir")
}
