package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/internal/storecopy"
)

// copyInfo is what `perdure admin copy --output json` prints.
type copyInfo struct {
	Shards      int     `json:"shards"`
	Pairs       int64   `json:"pairs"`
	Bytes       int64   `json:"bytes"`
	TookSeconds float64 `json:"tookSeconds"`
}

func newCopyCommand(out *output.Options) *cobra.Command {
	var (
		log     logging
		options storecopy.Options
	)
	cmd := &cobra.Command{
		Use:   "copy --from DIR|URL --to DIR|URL",
		Short: "Copy the data of a stopped server to PostgreSQL, or back",
		Long: `Copy the data of stopped servers from a data directory to PostgreSQL, back, or from one database to
another. A URL looks like postgres://user:password@host:5432/database; several, with commas between them,
are the databases that one store is spread over.

What was written is read again and compared with what it was made from, and only then becomes
data that a server can be started on. Killed at any moment, the command can be run again.
What is copied from stays as it is; start no server on both.

The number of shards stays the same. If nodes are to share the work, give a data directory 64 with
'perdure admin reshard' first; in PostgreSQL nodes that run make more ('perdure cluster reshard').`,
		Example: `  perdure admin copy --from /var/lib/perdure --to postgres://perdure:secret@db/perdure
  perdure admin copy --from postgres://perdure:secret@db/perdure --to /var/lib/perdure`,
		Args: command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options.Logger = log.logger(cmd.ErrOrStderr())
			if options.From == "" || options.To == "" {
				return usagef("--from and --to are required: a data directory, or the URL of a database")
			}
			show := newProgress(cmd.ErrOrStderr())
			options.Progress = func(phase string, bytes int64) { show.show(phase, bytes, 0) }
			report, err := storecopy.Run(cmd.Context(), options)
			show.end()
			if err != nil {
				return explainStopped(err, options.From)
			}
			if out.IsJSON() {
				return out.Printer(cmd.OutOrStdout()).Value(copyInfo{report.Shards, report.Pairs, report.Bytes, report.Took.Seconds()})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d pairs (%s) in %d shards copied and compared in %v.\n",
				report.Pairs, mebibytes(uint64(report.Bytes)), report.Shards, report.Took.Round(time.Millisecond))
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&options.From, "from", "", "data directory or URL to copy from; required")
	flags.StringVar(&options.To, "to", "", "data directory or URL to copy to, where nothing is yet; required")
	log.addTo(flags, "warn")
	return cmd
}
