package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/internal/config"
)

func newStartDevCommand(out *output.Options) *cobra.Command {
	s := newSettings(config.Development)
	logConfig := false
	cmd := &cobra.Command{
		Use:   "start-dev",
		Short: "Run a server to develop and test against",
		Long: `Run a server in memory, ready in a blink. It takes the flags of
'temporal server start-dev', so that whatever starts that one can start this one.

With --db-filename the data are kept, in a directory of that name; they are synced
to disk as those of 'perdure server start' are.

The web UI is at port 8233, or 1000 above --port; --headless leaves it away.`,
		Example: `  perdure server start-dev

  # Keep the data, register two namespaces
  perdure server start-dev --db-filename dev.db --namespace orders --namespace billing

  # For tests: any free port, told in one line of JSON
  perdure server start-dev --port 0 --headless --output json`,
		Args: command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger, err := s.load(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("sqlite-pragma") {
				logger.Info("The data are not kept in SQLite; --sqlite-pragma has no effect.")
			}
			if logConfig {
				if err := printConfig(cmd.ErrOrStderr(), s.Config); err != nil {
					return err
				}
			}
			options := s.options(logger)
			options.DynamicConfigPresets = devSettings
			return s.run(cmd.Context(), options, nil, cmd.OutOrStdout(), out)
		},
	}
	s.addTo(cmd)
	cmd.Flags().BoolVar(&logConfig, "log-config", false, "print the settings, and where each is from, to standard error")
	acceptFlags(cmd.Flags())
	return cmd
}

// acceptFlags adds flags that tools made for the Temporal CLI pass.
func acceptFlags(flags *pflag.FlagSet) {
	flags.StringArray("sqlite-pragma", nil, "accepted; the data are not kept in SQLite")
}
