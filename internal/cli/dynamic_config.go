package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/internal/dynamicconfig"
)

// devSettings are the settings of a development server that are not the defaults.
var devSettings = []dynamicconfig.Override{
	// Whoever develops a caller runs it on the same machine.
	{Key: dynamicconfig.CallbackAddresses.Key(), Value: `[{Pattern: "*", AllowInsecure: true}]`},
}

// settingFlags are the flags by which a server is given settings.
type settingFlags struct {
	file   string
	values []string
}

func (s *settingFlags) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&s.file, "dynamic-config-file", "", "YAML file of settings that can change while the server runs, in the form that Temporal servers have; it is read again when it has changed. 'perdure server dynamic-config' lists the settings")
	flags.StringArrayVar(&s.values, "dynamic-config-value", nil, "one of these settings, as KEY=JSON; may be repeated, and goes before the file")
}

// overrides reads KEY=JSON. Keys are checked when the server starts.
func (s *settingFlags) overrides() ([]dynamicconfig.Override, error) {
	var overrides []dynamicconfig.Override
	for _, value := range s.values {
		key, text, ok := strings.Cut(value, "=")
		if !ok || key == "" {
			return nil, usagef("--dynamic-config-value must be KEY=JSON, not %q", value)
		}
		if !json.Valid([]byte(text)) {
			return nil, usagef("--dynamic-config-value %s: %q is not JSON (a string needs quotes)", key, text)
		}
		overrides = append(overrides, dynamicconfig.Override{Key: key, Value: text})
	}
	return overrides, nil
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
