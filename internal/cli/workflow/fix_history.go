package workflow

import (
	"bytes"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/sdk/client"
)

func newFixHistoryJSON() *cobra.Command {
	var source, target string
	cmd := &cobra.Command{
		Use:   "fix-history-json",
		Short: "Bring a history from an old file into today's form",
		Long: `Read a history that an old tool has written as JSON, and write it in the form that
replayers read today. No server is needed.`,
		Example: `  perdure workflow fix-history-json --source old.json --target new.json`,
		Args:    command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			content, err := os.ReadFile(source)
			if err != nil {
				return err
			}
			history, err := client.HistoryFromJSON(bytes.NewReader(content), client.HistoryJSONOptions{})
			if err != nil {
				return fmt.Errorf("%s: %w", source, err)
			}
			fixed, err := protojson.MarshalOptions{Indent: "  "}.Marshal(history)
			if err != nil {
				return err
			}
			if target == "" || target == "-" {
				_, err = cmd.OutOrStdout().Write(append(fixed, '\n'))
				return err
			}
			return os.WriteFile(target, fixed, 0o666)
		},
	}
	cmd.Flags().StringVarP(&source, "source", "s", "", "file to read; required")
	cmd.Flags().StringVarP(&target, "target", "t", "", "file to write; standard output if not given")
	_ = cmd.MarkFlagRequired("source")
	return cmd
}
