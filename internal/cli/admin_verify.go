package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/backup"
	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/internal/server"
	"github.com/perdure/perdure/internal/storage/pebble"
	"github.com/perdure/perdure/internal/storage/postgres"
	"github.com/perdure/perdure/internal/storecopy"
	"github.com/perdure/perdure/internal/verify"
	"github.com/perdure/perdure/internal/visibility"
	pgindex "github.com/perdure/perdure/internal/visibility/postgres"
	"github.com/perdure/perdure/internal/visibility/sqlite"
)

// verifyInfo is what `perdure admin verify --output json` prints.
type verifyInfo struct {
	Shards      int     `json:"shards"`
	Pairs       int64   `json:"pairs"`
	Bytes       int64   `json:"bytes"`
	Entities    int64   `json:"entities"`
	Unknown     int64   `json:"unknown"` // entities of kinds that this release does not know
	Rows        int64   `json:"rows"`    // of the index that were compared
	Problems    int64   `json:"problems"`
	TookSeconds float64 `json:"tookSeconds"`
}

func newVerifyCommand(out *output.Options) *cobra.Command {
	var (
		log                  logging
		dataDir, backed, url string
	)
	cmd := &cobra.Command{
		Use:   "verify --data-dir DIR | --backup DIR | --postgres-url URL",
		Short: "Read all of a stopped server's data, or of a backup, and tell what is wrong",
		Long: `Read all data of a stopped server, or of a backup, decode it as a server would, and check that
everything is where a server looks for it: the history of each workflow makes its state, whatever is pending has
its timer or task, and the index by which workflows are found has what there is. Nothing is written. --backup is a
backup, or a directory of backups, of which the last one is read; that is the way to verify the data of a server that
runs.

Each problem is one line on standard error that names the workflow (or what else it
is about), and the exit code is 1 if there are any.`,
		Example: `  perdure admin verify --data-dir /var/lib/perdure
  perdure admin verify --backup /backups/perdure
  perdure admin verify --postgres-url postgres://perdure@db/perdure`,
		Args: command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger := log.logger(cmd.ErrOrStderr())
			var store storecopy.Stopped
			dir, err := url, error(nil)
			if url == "" {
				dir, err = verifyDir(dataDir, backed)
			} else if dataDir != "" || backed != "" {
				err = usagef("--postgres-url excludes --data-dir and --backup")
			} else if store, err = storecopy.Open(cmd.Context(), url, logger); err == nil {
				dir = "the database"
				defer func() { _ = store.Close() }()
			}
			if err != nil {
				return err
			}
			show := newProgress(cmd.ErrOrStderr())
			options := verify.Options{
				Dir:      dir,
				Machines: server.Machines(),
				Problem: func(p verify.Problem) {
					show.end()
					fmt.Fprintln(cmd.ErrOrStderr(), p.Error())
				},
				Progress: func(bytes int64) { show.show("verify", bytes, 0) },
				Logger:   logger,
			}
			if store != nil {
				options.Store = store
			}
			options.Index = indexOf(store, dataDir)
			report, err := verify.Run(cmd.Context(), options)
			show.end()
			if errors.Is(err, pebble.ErrInUse) {
				return fmt.Errorf("data directory %s is in use: stop the server that uses it, or make a backup of it ('perdure admin backup') and verify that (--backup)", dir)
			}
			if err != nil {
				return explainStopped(err, dir)
			}
			if report.IndexStale != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "The index was not compared: %v.\n", report.IndexStale)
			}
			if out.IsJSON() {
				err = out.Printer(cmd.OutOrStdout()).Value(verifyInfo{
					report.Shards, report.Pairs, report.Bytes, report.Entities, report.Unknown, report.Rows, report.Problems, report.Took.Seconds(),
				})
			} else {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d pairs (%s) of %d entities in %d shards read, %d rows of the index compared, in %v: %d problems.\n",
					report.Pairs, mebibytes(uint64(report.Bytes)), report.Entities, report.Shards, report.Rows, report.Took.Round(time.Millisecond), report.Problems)
			}
			return errors.Join(err, adviceOn(report, dir))
		},
	}
	cmd.Flags().StringVar(&dataDir, "data-dir", "", "directory of the stopped server's data")
	cmd.Flags().StringVar(&backed, "backup", "", "backup, or directory of backups")
	cmd.Flags().StringVar(&url, "postgres-url", "", "URL of the database with the stopped servers' data; several with commas between them")
	log.addTo(cmd.Flags(), "warn")
	return cmd
}

// indexOf returns what opens the index of a store in a database, or else of the one in a data directory; nil if there
// is none, which is so for backups.
func indexOf(store storecopy.Stopped, dataDir string) func(context.Context) (verify.Index, error) {
	if database, ok := store.(*postgres.Store); ok {
		return func(ctx context.Context) (verify.Index, error) {
			index, err := pgindex.OpenStopped(ctx, database.URL())
			if err != nil || index == nil {
				return nil, err
			}
			return index, nil
		}
	}
	if dataDir == "" {
		return nil
	}
	return func(ctx context.Context) (verify.Index, error) {
		index, err := sqlite.OpenStopped(ctx, filepath.Join(dataDir, visibility.Dir))
		if err != nil || index == nil {
			return nil, err
		}
		return index, nil
	}
}

// adviceOn says what to do about problems; nil if there are none.
func adviceOn(report *verify.Report, dir string) error {
	switch {
	case report.Problems == 0:
		return nil
	case report.Problems == report.IndexProblems:
		return fmt.Errorf("%d problems in the index of %s, none in the data: start the server and run 'perdure admin visibility rebuild'", report.Problems, dir)
	}
	return fmt.Errorf("%d problems in %s: restore it from a backup, or end the workflows that are named and begin them anew", report.Problems, dir)
}

// verifyDir is the data directory that the flags mean.
func verifyDir(dataDir, backed string) (string, error) {
	switch {
	case dataDir == "" && backed == "":
		return "", usagef("--data-dir is required, the directory of the stopped server's data, or --backup")
	case dataDir != "" && backed != "":
		return "", usagef("--data-dir and --backup exclude each other")
	case dataDir != "":
		return dataDir, nil
	}
	dir, _, err := backup.Find(backed)
	return backup.DataDir(dir), err
}
