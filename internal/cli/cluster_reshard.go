package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/api/admin"
	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cluster"
)

// clusterReshardInfo is what `perdure cluster reshard --output json` prints.
type clusterReshardInfo struct {
	From        int32   `json:"from"`
	Shards      int32   `json:"shards"`
	Wanted      int32   `json:"wanted"`
	TookSeconds float64 `json:"tookSeconds"`
}

// clusterReshard is a call of the command.
type clusterReshard struct {
	shards            int
	stop, yes, noWait bool
}

func newClusterReshardCommand(g *command.Group) *cobra.Command {
	var o clusterReshard
	cmd := &cobra.Command{
		Use:   "reshard --shards N",
		Short: "Have the nodes that run make more shards",
		Long: fmt.Sprintf(`Have the nodes of a cluster make more shards, %d at most, while they run, and wait until there are as many.

Shards are split one after the other, each by the node that holds it: half of it is copied while it works, and
calls on what is in it wait for a moment when the copy takes its place. What is interrupted, by the death of a
node or of all of them, goes on by itself.

When the command is interrupted the nodes go on; the same command shows how far they are. With --stop they
make no more than there are then. A store has no fewer shards by this command: see docs/cluster.md.`, cluster.MaxShards),
		Example: `  perdure cluster reshard --shards 128
  perdure cluster reshard --shards 128 --yes --no-wait --address node1:7233
  perdure cluster reshard --stop`,
		Args: command.NoArguments,
	}
	run := g.Run(o.run)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if asked := cmd.Flags().Changed("shards"); asked == o.stop {
			return flags.Usagef("either --shards, the new number of shards, or --stop is required")
		}
		if !o.stop && (o.shards < 1 || o.shards > cluster.MaxShards) {
			return flags.Usagef("--shards must be between 1 and %d", cluster.MaxShards)
		}
		return run(cmd, args)
	}
	set := cmd.Flags()
	set.IntVar(&o.shards, "shards", 0, "how many shards there are to be")
	set.BoolVar(&o.stop, "stop", false, "make no more shards than there are")
	set.BoolVar(&o.noWait, "no-wait", false, "return at once")
	set.BoolVarP(&o.yes, "yes", "y", false, "do not ask whether to go on")
	return cmd
}

func (o *clusterReshard) run(ctx context.Context, s *command.Session) error {
	client, err := adminOf(s)
	if err != nil {
		return err
	}
	before, err := client.DescribeCluster(ctx, &admin.DescribeClusterRequest{})
	if err != nil {
		return err
	}
	if !o.stop && int(before.GetShards()) < o.shards && int(before.GetShardsWanted()) != o.shards {
		question := fmt.Sprintf("There are %d shards, of which %d are made, one by one, and never fewer again while nodes run. Go on? y/N", before.GetShards(), o.shards)
		if err := s.Confirm(question, o.yes); err != nil {
			return err
		}
	}
	began := time.Now()
	begun, err := client.ReshardCluster(ctx, &admin.ReshardClusterRequest{Shards: int32(o.shards), Stop: o.stop})
	if err != nil {
		return err
	}
	info := clusterReshardInfo{From: before.GetShards(), Shards: begun.GetShards(), Wanted: begun.GetWanted()}
	if !o.noWait {
		show := newProgress(s.Err)
		info.Shards, info.Wanted, err = awaitShards(ctx, client, info, show)
		show.end()
		if ctx.Err() != nil {
			_, _ = fmt.Fprintf(s.Err, "There are %d shards, and the nodes go on. To stop them: perdure cluster reshard --stop\n", info.Shards)
		}
		if err != nil {
			return err
		}
	}
	info.TookSeconds = time.Since(began).Seconds()
	if s.Out.JSON() {
		return s.Out.Value(info)
	}
	switch {
	case info.Shards >= info.Wanted:
		s.Out.Printf("There are %d shards.", info.Shards)
	case o.noWait:
		s.Out.Printf("There are %d shards, and the nodes make %d of them.", info.Shards, info.Wanted)
	}
	return nil
}

const (
	// splitLook is how often nodes that split shards are looked at, and splitPatience how long it may be that none of them answers.
	splitLook     = 250 * time.Millisecond
	splitPatience = 30 * time.Second
)

// awaitShards waits until there are as many shards as are wanted, or no more are made. It returns how many there are,
// and are to be.
func awaitShards(ctx context.Context, client admin.Client, info clusterReshardInfo, show *progress) (now, wanted int32, err error) {
	answered := time.Now()
	for now, wanted = info.Shards, info.Wanted; now < wanted; {
		state, err := client.DescribeCluster(ctx, &admin.DescribeClusterRequest{})
		switch {
		case err == nil:
			now, answered = state.GetShards(), time.Now()
			if state.GetShardsWanted() == 0 && now < wanted {
				return now, wanted, fmt.Errorf("somebody has stopped it: there are %d shards, and no more are made", now)
			}
			show.count("shards", int64(now-info.From), int64(wanted-info.From))
		case ctx.Err() != nil || time.Since(answered) > splitPatience:
			return now, wanted, err
		}
		select {
		case <-time.After(splitLook):
		case <-ctx.Done():
			return now, wanted, ctx.Err()
		}
	}
	return now, wanted, nil
}
