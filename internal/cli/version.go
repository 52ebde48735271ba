package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/internal/frontend"
	"github.com/perdure/perdure/internal/server"
)

// versionInfo is what `perdure version --output json` prints.
type versionInfo struct {
	Version           string `json:"version"`
	CompatibleVersion string `json:"compatibleVersion"` // of the Temporal server
	Go                string `json:"go"`
	Platform          string `json:"platform"`
}

func newVersionCommand(out *output.Options) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Example: `  perdure version
  perdure version --output json`,
		Args: command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			info := versionInfo{
				Version:           server.Version,
				CompatibleVersion: frontend.CompatibleVersion,
				Go:                runtime.Version(),
				Platform:          runtime.GOOS + "/" + runtime.GOARCH,
			}
			if out.IsJSON() {
				return out.Printer(cmd.OutOrStdout()).Value(info)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "perdure %s (compatible with Temporal server %s, %s, %s)\n",
				info.Version, info.CompatibleVersion, info.Go, info.Platform)
			return err
		},
	}
}
