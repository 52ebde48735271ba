package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/internal/config"
)

// settingState is a setting as `perdure server config --output json` prints it.
type settingState struct {
	Key      string   `json:"key"`
	Type     string   `json:"type"`
	Values   []string `json:"values"`
	From     string   `json:"from"`
	Default  string   `json:"default"`
	Flag     string   `json:"flag"`
	Variable string   `json:"variable"`
	Doc      string   `json:"doc"`
}

func newServerConfigCommand(out *output.Options) *cobra.Command {
	s := newSettings(config.Production)
	example := false
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the settings a server would start with, and where each is from",
		Long: `Show the settings with which 'perdure server start' would start a server if it were
given the same flags, and where each value is from: the file and its line, the variable
of the environment, the flag, or nowhere, that is, the default. Secrets are not shown.

If something is not right, it says what, and fails, as the server would.`,
		Example: `  perdure server config --config /etc/perdure.yaml
  perdure server config --example > perdure.yaml`,
		Args: command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if example {
				_, err := io.WriteString(cmd.OutOrStdout(), s.Example())
				return err
			}
			warnings, wrong := s.read()
			if wrong == nil {
				options := s.options(nil)
				wrong = explain(options.CheckListen(), options)
			}
			for _, warning := range warnings {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s.\n", warning)
			}
			var err error
			if out.IsJSON() {
				err = out.Printer(cmd.OutOrStdout()).Value(settingStates(s.Config))
			} else {
				err = printConfig(cmd.OutOrStdout(), s.Config)
			}
			if wrong != nil {
				return wrong
			}
			return err
		},
	}
	s.addTo(cmd)
	cmd.Flags().BoolVar(&example, "example", false, "print a file of all settings with their defaults, to begin with")
	return cmd
}

func settingStates(c *config.Config) []settingState {
	states := []settingState{}
	for _, s := range c.Settings() {
		values := s.Shown()
		if values == nil {
			values = []string{}
		}
		states = append(states, settingState{s.Key, s.Type, values, s.Origin().String(), s.Default, "--" + s.FlagName, s.Variable(), s.Doc})
	}
	return states
}

func printConfig(w io.Writer, c *config.Config) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "SETTING\tVALUE\tFROM\n")
	for _, s := range c.Settings() {
		fmt.Fprintf(t, "%s\t%s\t%s\n", s.Key, strings.Join(s.Shown(), ", "), s.Origin())
	}
	return t.Flush()
}
