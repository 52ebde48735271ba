// Package env are the commands below `perdure env`, which read and write environments:
// values of flags, under names. Flags, and fields of JSON output, are those of the Temporal
// CLI, and the file is the one that it reads. What is new is better kept in profiles
// (`perdure config`), which the SDKs read, too.
package env

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
)

// New makes the command.
func New(app *command.App) *cobra.Command {
	cmd := command.NewParent("env", "Keep values of flags in environments",
		`Keep values of flags in environments of a file, and choose one of them with --env or
TEMPORAL_ENV. An environment named default is used if it is there and no other is chosen.

Profiles ('perdure config') are read by the SDKs, too; use them for what is new.`,
		`  perdure env set --env prod --key address --value workflows.internal:7233
  perdure workflow list --env prod`)
	cmd.AddCommand(newDelete(app), newGet(app), newList(app), newSet(app))
	return cmd
}

// place is the environment, and perhaps the key, that a command is about.
type place struct{ key string }

func (p *place) addTo(cmd *cobra.Command, usage string) {
	cmd.Flags().StringVarP(&p.key, "key", "k", "", usage)
}

// of is the environment and the key, by flags or, as it was once done, by an argument
// ENVIRONMENT or ENVIRONMENT.KEY.
func (p *place) of(app *command.App, cmd *cobra.Command, args []string) (environment, key string, err error) {
	if strings.Contains(p.key, ".") {
		return "", "", flags.Usagef("a key has no dots: %q", p.key)
	}
	if len(args) == 0 {
		return app.Environment.Name(), p.key, nil
	}
	if p.key != "" || cmd.Flags().Changed("env") {
		return "", "", flags.Usagef("give flags or an argument, not both")
	}
	environment, key, _ = strings.Cut(args[0], ".")
	if strings.Contains(key, ".") {
		return "", "", flags.Usagef("a key has no dots: %q", key)
	}
	return environment, key, nil
}

func newSet(app *command.App) *cobra.Command {
	var p place
	var value string
	cmd := &cobra.Command{
		Use:     "set",
		Short:   "Set a value of an environment",
		Long:    `Set the value of a flag in an environment, which is made if it is not there.`,
		Example: `  perdure env set --env prod --key namespace --value orders`,
		Args:    atMost(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			environment, key, err := p.of(app, cmd, args)
			switch {
			case err != nil:
				return err
			case key == "":
				return flags.Usagef("--key is required")
			case len(args) == 1:
				return flags.Usagef("the value is missing")
			case len(args) == 2:
				value = args[1]
			}
			environments, err := app.Environment.Load()
			if err != nil {
				return err
			}
			if environments[environment] == nil {
				environments[environment] = map[string]string{}
			}
			environments[environment][key] = value
			return app.Environment.Save(environments)
		},
	}
	p.addTo(cmd, "name of a flag, without its dashes; required")
	cmd.Flags().StringVarP(&value, "value", "v", "", "value of the flag")
	return cmd
}

func newDelete(app *command.App) *cobra.Command {
	var p place
	cmd := &cobra.Command{
		Use:   "delete",
		Short: "Delete an environment, or a value of it",
		Long:  `Delete an environment, or, with --key, a value of it.`,
		Example: `  perdure env delete --env prod --key namespace
  perdure env delete --env prod`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			environments, environment, key, err := p.find(app, cmd, args)
			if err != nil {
				return err
			}
			if key != "" {
				delete(environments[environment], key)
			} else {
				delete(environments, environment)
			}
			return app.Environment.Save(environments)
		},
	}
	p.addTo(cmd, "value to delete; the whole environment if not given")
	return cmd
}

func newGet(app *command.App) *cobra.Command {
	var p place
	cmd := &cobra.Command{
		Use:     "get",
		Short:   "Show the values of an environment",
		Long:    `Show the values of an environment, or, with --key, one of them.`,
		Example: `  perdure env get --env prod`,
		Args:    atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			environments, environment, key, err := p.find(app, cmd, args)
			if err != nil {
				return err
			}
			type property struct {
				Property string `json:"property"`
				Value    string `json:"value"`
			}
			values, keys := environments[environment], []string{key}
			if key == "" {
				keys = slices.Sorted(maps.Keys(values))
			}
			properties, rows := []property{}, [][]any{}
			for _, key := range keys {
				properties = append(properties, property{key, values[key]})
				rows = append(rows, []any{key, values[key]})
			}
			out := app.Output.Printer(cmd.OutOrStdout())
			out.Table(output.Col("Property"), output.Col("Value")).Rows(rows...)
			return out.Value(properties)
		},
	}
	p.addTo(cmd, "value to show; all if not given")
	return cmd
}

// find loads the environments, of which the one that the command is about must be there.
func (p *place) find(app *command.App, cmd *cobra.Command, args []string) (all map[string]map[string]string, environment, key string, err error) {
	if environment, key, err = p.of(app, cmd, args); err != nil {
		return nil, "", "", err
	}
	if all, err = app.Environment.Load(); err != nil {
		return nil, "", "", err
	}
	if all[environment] == nil {
		return nil, "", "", fmt.Errorf("environment %q not found; 'perdure env list' shows which there are", environment)
	}
	return all, environment, key, nil
}

func newList(app *command.App) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List environments",
		Long:    `List the names of the environments that there are.`,
		Example: `  perdure env list`,
		Args:    command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			environments, err := app.Environment.Load()
			if err != nil {
				return err
			}
			type entry struct {
				Name string `json:"name"`
			}
			entries, rows := []entry{}, [][]any{}
			for _, name := range slices.Sorted(maps.Keys(environments)) {
				entries = append(entries, entry{name})
				rows = append(rows, []any{name})
			}
			out := app.Output.Printer(cmd.OutOrStdout())
			out.Table(output.Col("Name")).Rows(rows...)
			return out.Value(entries)
		},
	}
}

func atMost(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return flags.Usagef("%q takes at most %d arguments, got %q", cmd.CommandPath(), n, args)
		}
		return nil
	}
}
