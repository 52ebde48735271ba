package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/internal/dynamicconfig"
)

// devSettings are the settings of a development server that are not the defaults.
var devSettings = []dynamicconfig.Override{
	// Whoever develops a caller runs it on the same machine.
	{Key: dynamicconfig.CallbackAddresses.Key(), Value: `[{Pattern: "*", AllowInsecure: true}]`},
	// What there is can be tried.
	{Key: dynamicconfig.StandaloneNexus.Key(), Value: "true"},
	{Key: dynamicconfig.ActivityCallbacks.Key(), Value: "true"},
}

// settingInfo is a setting as `perdure server dynamic-config --output json` prints it.
type settingInfo struct {
	Key       string `json:"key"`
	Type      string `json:"type"`
	Default   string `json:"default"`
	DependsOn string `json:"dependsOn"`
	Doc       string `json:"doc"`
}

func newDynamicConfigCommand(out *output.Options) *cobra.Command {
	return &cobra.Command{
		Use:   "dynamic-config",
		Short: "List the settings that can change while a server runs",
		Long: `List the settings that can change while a server runs, with their types and defaults.

They are given in a YAML file (--dynamic-config-file) that has a list of values for
each key, and is read again when it has changed:

  limit.blobSize.error:
    - value: 4194304
      constraints:
        namespace: archive
    - value: 1048576

Constraints are namespace, taskQueueName and taskType; the value that fits best counts.`,
		Example: `  perdure server dynamic-config
  perdure server start --data-dir /var/lib/perdure --dynamic-config-file settings.yaml`,
		Args: command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !out.IsJSON() {
				return printSettings(cmd.OutOrStdout())
			}
			infos := []settingInfo{}
			for _, s := range dynamicconfig.All() {
				infos = append(infos, settingInfo{s.Key, s.Type, s.Default, s.Scope.String(), s.Doc})
			}
			return out.Printer(cmd.OutOrStdout()).Value(infos)
		},
	}
}

func printSettings(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "KEY\tTYPE\tDEFAULT\tDEPENDS ON\n")
	for _, s := range dynamicconfig.All() {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", s.Key, s.Type, s.Default, s.Scope)
	}
	return t.Flush()
}
