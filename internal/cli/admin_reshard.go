package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/internal/reshard"
	"github.com/perdure/perdure/internal/storage/pebble"
)

func newReshardCommand(out *output.Options) *cobra.Command {
	var (
		log     logging
		dataDir string
		shards  int
	)
	cmd := &cobra.Command{
		Use:   "reshard --data-dir DIR --shards N",
		Short: "Change the number of shards of a stopped server's data",
		Long: fmt.Sprintf(`Change the number of shards of the data of a stopped server, from 1 to %d.

All data are copied inside the directory, the copy is compared with what it was
made from, and only then takes its place, at once. The disk needs space for it, which is
checked first. Killed at any moment, the command can be run again: it goes on where
it stopped. Until it has ended, servers refuse the directory; running the
command with the old number of shards takes everything back.

More shards let more nodes share the work; a single server gains nothing by them.
Make a copy of the directory first, if you can.`, pebble.MaxShards),
		Example: `  perdure admin reshard --data-dir /var/lib/perdure --shards 64`,
		Args:    command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger := log.logger(cmd.ErrOrStderr())
			if dataDir == "" {
				return usagef("--data-dir is required: the directory of the stopped server's data")
			}
			if shards < 1 || shards > pebble.MaxShards {
				return usagef("--shards is required and must be between 1 and %d", pebble.MaxShards)
			}
			show := newProgress(cmd.ErrOrStderr())
			report, err := reshard.Run(cmd.Context(), reshard.Options{
				Dir:      dataDir,
				Shards:   shards,
				Progress: func(p reshard.Progress) { show.show(string(p.Phase), p.Done, p.Total) },
				Logger:   logger,
			})
			show.end()
			if err != nil {
				return explainStopped(err, dataDir)
			}
			if out.IsJSON() {
				return out.Printer(cmd.OutOrStdout()).Value(resharded(report))
			}
			return printReshard(cmd.OutOrStdout(), report)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&dataDir, "data-dir", "", "directory of the stopped server's data; required")
	flags.IntVar(&shards, "shards", 0, "new number of shards; required")
	log.addTo(flags, "warn")
	return cmd
}

// reshardedInfo is what `perdure admin reshard --output json` prints.
type reshardedInfo struct {
	Outcome     string  `json:"outcome"` // "resharded", "taken back" or "unchanged"
	From        int     `json:"from"`
	To          int     `json:"to"`
	Resumed     bool    `json:"resumed"`
	Kept        int64   `json:"kept"` // pairs that an earlier run had copied
	Pairs       int64   `json:"pairs"`
	Bytes       int64   `json:"bytes"`
	DiskBefore  uint64  `json:"diskBefore"`
	DiskAfter   uint64  `json:"diskAfter"`
	TookSeconds float64 `json:"tookSeconds"`
}

func resharded(r *reshard.Report) reshardedInfo {
	info := reshardedInfo{
		Outcome: string(r.Outcome), From: r.From, To: r.To, Resumed: r.Resumed, Kept: r.Kept,
		DiskBefore: r.DiskBefore, DiskAfter: r.DiskAfter, TookSeconds: r.Took.Seconds(),
	}
	if r.After != nil {
		info.Pairs, info.Bytes = r.After.Pairs(), r.After.Bytes()
	}
	return info
}

func printReshard(w io.Writer, r *reshard.Report) error {
	switch r.Outcome {
	case reshard.Unchanged:
		_, err := fmt.Fprintf(w, "The store has %d shards already; nothing was changed.\n", r.From)
		return err
	case reshard.TakenBack:
		_, err := fmt.Fprintf(w, "The resharding that had been begun was taken back; the store has %d shards.\n", r.From)
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\tbefore\tafter\t\n")
	fmt.Fprintf(t, "shards\t%d\t%d\t\n", r.From, r.To)
	for _, space := range slices.Sorted(maps.Keys(r.Before.Spaces)) {
		before, after := r.Before.Spaces[space], r.After.Spaces[space]
		fmt.Fprintf(t, "pairs: %s\t%d\t%d\t\n", before.Name, before.Pairs, after.Pairs)
	}
	fmt.Fprintf(t, "bytes\t%d\t%d\t\n", r.Before.Bytes(), r.After.Bytes())
	fmt.Fprintf(t, "pairs in the smallest shard\t%d\t%d\t\n", slices.Min(r.Before.PerShard), slices.Min(r.After.PerShard))
	fmt.Fprintf(t, "pairs in the largest shard\t%d\t%d\t\n", slices.Max(r.Before.PerShard), slices.Max(r.After.PerShard))
	fmt.Fprintf(t, "on disk\t%s\t%s\t\n", mebibytes(r.DiskBefore), mebibytes(r.DiskAfter))
	if err := t.Flush(); err != nil {
		return err
	}
	resumed := ""
	if r.Resumed {
		resumed = fmt.Sprintf(" (%d pairs had been copied by an earlier run)", r.Kept)
	}
	_, err := fmt.Fprintf(w, "Counts and checksums are equal. Done in %v, %.0f pairs a second%s.\n",
		r.Took.Round(time.Millisecond), float64(r.After.Pairs())/r.Took.Seconds(), resumed)
	return err
}
