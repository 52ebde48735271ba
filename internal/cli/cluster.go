package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/api/admin"
	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
)

func newClusterCommand(app *command.App) *cobra.Command {
	cmd := command.NewParent("cluster", "Look after the nodes of a cluster",
		`Look after the nodes of a cluster: see which there are and what they hold, and empty one
before it is taken away. Any node answers.`,
		`  perdure cluster status --address node1:7233
  perdure cluster drain node2
  perdure cluster undrain node2
  perdure cluster reshard --shards 128`)
	g := app.NewGroup(cmd)
	cmd.AddCommand(newClusterStatusCommand(g), newDrainCommand(g), newUndrainCommand(g), newClusterReshardCommand(g))
	return cmd
}

// oneNode are the Args of a command that takes the name of a node.
func oneNode(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return flags.Usagef("%q takes the name or the id of a node, got %q", cmd.CommandPath(), args)
	}
	return nil
}

// drainInfo is what `perdure cluster drain --output json` prints.
type drainInfo struct {
	Node     string `json:"node"`
	Draining bool   `json:"draining"`
	Shards   int32  `json:"shards"`
}

func newDrainCommand(g *command.Group) *cobra.Command {
	var noWait bool
	cmd := &cobra.Command{
		Use:   "drain NODE",
		Short: "Have a node give its shards to the others",
		Long: `Have a node give its shards to the others and take no more, and wait until it holds none.

The node goes on to answer calls, by way of the others; after this it can be stopped
without a pause for anybody. A node that is stopped in order (SIGTERM) gives its shards away as well: this is
for doing it before, or for keeping a node empty. It holds until 'perdure cluster undrain', or until the node
is started again. When the command is interrupted the node goes on.`,
		Example: `  perdure cluster drain node2
  perdure cluster drain node2 --no-wait --address node1:7233`,
		Args: oneNode,
	}
	var node string
	run := g.Run(func(ctx context.Context, s *command.Session) error {
		client, err := adminOf(s)
		if err != nil {
			return err
		}
		if _, err := client.DrainNode(ctx, &admin.DrainNodeRequest{Node: node}); err != nil {
			return err
		}
		info := drainInfo{Node: node, Draining: true}
		show := newProgress(s.Err)
		info.Shards, err = awaitDrained(ctx, client, node, !noWait, show)
		show.end()
		if err != nil {
			return err
		}
		if s.Out.JSON() {
			return s.Out.Value(info)
		}
		if info.Shards == 0 {
			s.Out.Printf("Node %s holds no shards any more.", node)
		} else {
			s.Out.Printf("Node %s gives its shards away; it holds %d.", node, info.Shards)
		}
		return nil
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		node = args[0]
		return run(cmd, args)
	}
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "return at once")
	return cmd
}

// drainLook is how often a node that drains is looked at.
const drainLook = 250 * time.Millisecond

// awaitDrained waits until the node holds no shards, unless it is not to wait, and returns
// how many it holds. A node that has gone holds none.
func awaitDrained(ctx context.Context, client admin.Client, node string, wait bool, show *progress) (shards int32, err error) {
	most := int32(0)
	for {
		state, err := client.DescribeCluster(ctx, &admin.DescribeClusterRequest{})
		if err != nil {
			return 0, err
		}
		shards, others := int32(0), false
		for _, n := range state.GetNodes() {
			switch {
			case n.GetName() == node || n.GetId() == node:
				shards = n.GetShards()
			case !n.GetDraining():
				others = true
			}
		}
		switch {
		case shards == 0 || !wait:
			return shards, nil
		case !others:
			return shards, errors.New("there is no other node that takes its shards: it keeps them until there is one")
		}
		most = max(most, shards)
		show.count("shards", int64(most-shards), int64(most))
		select {
		case <-time.After(drainLook):
		case <-ctx.Done():
			return shards, ctx.Err()
		}
	}
}

func newUndrainCommand(g *command.Group) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "undrain NODE",
		Short:   "Have a node take shards again",
		Long:    `Have a node that was drained take its share of the shards again, step by step.`,
		Example: `  perdure cluster undrain node2`,
		Args:    oneNode,
	}
	var node string
	run := g.Run(func(ctx context.Context, s *command.Session) error {
		client, err := adminOf(s)
		if err != nil {
			return err
		}
		if _, err := client.DrainNode(ctx, &admin.DrainNodeRequest{Node: node, Undrain: true}); err != nil {
			return err
		}
		if s.Out.JSON() {
			return s.Out.Value(drainInfo{Node: node})
		}
		s.Out.Printf("Node %s takes shards again.", node)
		return nil
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		node = args[0]
		return run(cmd, args)
	}
	return cmd
}

// plural is a count of things.
func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
