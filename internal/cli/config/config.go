// Package config are the commands below `perdure config`, which read and write the profiles
// of the configuration file that all tools of the ecosystem share. Flags, names of
// properties and fields of JSON output are those of the Temporal CLI.
package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/sdk/contrib/envconfig"
)

// New makes the command.
func New(app *command.App) *cobra.Command {
	cmd := command.NewParent("config", "Keep addresses, namespaces and keys in profiles",
		`Keep how to reach a server in profiles of a configuration file, and choose one of them with
--profile or TEMPORAL_PROFILE. The file is the one that the SDKs and other tools read, too.

Properties are address, namespace, api_key, authority, tls, tls.client_cert_path, …, codec.endpoint,
codec.auth, and grpc_meta.NAME.`,
		`  perdure config set --profile production --prop address --value workflows.internal:7233
  perdure config set --profile production --prop namespace --value orders
  perdure workflow list --profile production`)
	cmd.AddCommand(newList(app), newGet(app), newSet(app), newDelete(app), newDeleteProfile(app))
	return cmd
}

// file is a configuration file. Keys of profiles that are not known here are kept.
type file struct {
	path       string
	config     envconfig.ClientConfig
	additional map[string]map[string]any
}

func load(app *command.App) (*file, error) {
	f := &file{
		path:       cmp.Or(app.Profile.ConfigFile, os.Getenv("TEMPORAL_CONFIG_FILE"), envconfig.DefaultConfigFilePath()),
		additional: map[string]map[string]any{},
	}
	if f.path == "" {
		return nil, errors.New("there is no directory for your user's configuration; say where the file is with --config-file")
	}
	content, err := os.ReadFile(f.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	if err := f.config.FromTOML(content, envconfig.ClientConfigFromTOMLOptions{AdditionalProfileFields: f.additional}); err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	if f.config.Profiles == nil {
		f.config.Profiles = map[string]*envconfig.ClientConfigProfile{}
	}
	return f, nil
}

// save replaces the file, which only its owner may read: there are keys in it.
func (f *file) save() error {
	content, err := f.config.ToTOML(envconfig.ClientConfigToTOMLOptions{AdditionalProfileFields: f.additional})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	temporary := f.path + ".new"
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	return os.Rename(temporary, f.path)
}

func profileName(app *command.App) string {
	return cmp.Or(app.Profile.Name, os.Getenv("TEMPORAL_PROFILE"), envconfig.DefaultConfigFileProfile)
}

// profile is the profile that is chosen, which must be there.
func (f *file) profile(app *command.App) (*envconfig.ClientConfigProfile, error) {
	if p := f.config.Profiles[profileName(app)]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("profile %q not found in %s; 'perdure config list' shows which there are", profileName(app), f.path)
}

func propFlag(cmd *cobra.Command, prop *string, required bool) {
	usage := "property, such as address or tls.client_cert_path"
	if required {
		usage += "; required"
	}
	cmd.Args = command.NoArguments
	cmd.Flags().StringVarP(prop, "prop", "p", "", usage)
	if required {
		_ = cmd.MarkFlagRequired("prop")
	}
}

// shownProperty is a property in JSON.
type shownProperty struct {
	Property string `json:"property"`
	Value    any    `json:"value"`
}

func newList(app *command.App) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List profiles",
		Long:    `List the profiles of the configuration file.`,
		Example: `  perdure config list`,
		Args:    command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := load(app)
			if err != nil {
				return err
			}
			type profile struct {
				Name string `json:"name"`
			}
			profiles := []profile{}
			out := app.Output.Printer(cmd.OutOrStdout())
			table := out.Table(output.Col("Name"), output.Col("Address"), output.Col("Namespace"))
			for _, name := range slices.Sorted(maps.Keys(f.config.Profiles)) {
				profiles = append(profiles, profile{name})
				table.Rows([]any{name, f.config.Profiles[name].Address, f.config.Profiles[name].Namespace})
			}
			if len(profiles) == 0 {
				out.Printf("There are no profiles in %s; 'perdure config set' makes one.", f.path)
			}
			return out.Value(profiles)
		},
	}
}

func newGet(app *command.App) *cobra.Command {
	var prop string
	cmd := &cobra.Command{
		Use:   "get",
		Short: "Show a profile, or one property of it",
		Long:  `Show a profile, or one property of it.`,
		Example: `  perdure config get --profile production
  perdure config get --profile production --prop address`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := load(app)
			if err != nil {
				return err
			}
			p, err := f.profile(app)
			if err != nil {
				return err
			}
			out := app.Output.Printer(cmd.OutOrStdout())
			table := out.Table(output.Col("Property"), output.Col("Value"))
			if prop != "" {
				access, err := find(p, prop)
				if err != nil {
					return err
				}
				value := access.get()
				if value == nil {
					value = ""
				}
				table.Rows([]any{prop, value})
				return out.Value(shownProperty{prop, value})
			}
			if out.JSON() {
				return whole(out, f, profileName(app))
			}
			var rows [][]any
			for _, name := range names(p) {
				access, err := find(p, name)
				if err != nil {
					return err
				}
				if value := access.get(); value != nil && value != "" && value != false {
					rows = append(rows, []any{name, value})
				}
			}
			table.Rows(rows...)
			return nil
		},
	}
	propFlag(cmd, &prop, false)
	return cmd
}

// whole prints a profile as the file has it.
func whole(out *output.Printer, f *file, name string) error {
	content, err := f.config.ToTOML(envconfig.ClientConfigToTOMLOptions{AdditionalProfileFields: f.additional})
	if err != nil {
		return err
	}
	var parsed struct {
		Profiles map[string]any `toml:"profile"`
	}
	if _, err := toml.NewDecoder(bytes.NewReader(content)).Decode(&parsed); err != nil {
		return err
	}
	return out.Value(parsed.Profiles[name])
}

func newSet(app *command.App) *cobra.Command {
	var prop, value string
	cmd := &cobra.Command{
		Use:   "set",
		Short: "Set a property of a profile",
		Long:  `Set a property of a profile, which is made if it is not there.`,
		Example: `  perdure config set --prop address --value 127.0.0.1:7233
  perdure config set --profile production --prop tls --value true
  perdure config set --profile production --prop grpc_meta.team --value payments`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := load(app)
			if err != nil {
				return err
			}
			p := f.config.Profiles[profileName(app)]
			if p == nil {
				p = &envconfig.ClientConfigProfile{}
				f.config.Profiles[profileName(app)] = p
			}
			access, err := find(p, prop)
			if err != nil {
				return err
			}
			if err := access.set(value); err != nil {
				return flags.Usagef("--value of %s %w", prop, err)
			}
			return f.save()
		},
	}
	propFlag(cmd, &prop, true)
	cmd.Flags().StringVarP(&value, "value", "v", "", "value; required")
	_ = cmd.MarkFlagRequired("value")
	return cmd
}

func newDelete(app *command.App) *cobra.Command {
	var prop string
	cmd := &cobra.Command{
		Use:     "delete",
		Short:   "Take a property out of a profile",
		Long:    `Take a property out of a profile.`,
		Example: `  perdure config delete --profile production --prop api_key`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := load(app)
			if err != nil {
				return err
			}
			p, err := f.profile(app)
			if err != nil {
				return err
			}
			access, err := find(p, prop)
			if err != nil {
				return err
			}
			if value := access.get(); value == nil && strings.HasPrefix(prop, "grpc_meta.") {
				return fmt.Errorf("gRPC meta key %q not found", strings.TrimPrefix(prop, "grpc_meta."))
			}
			access.clear()
			return f.save()
		},
	}
	propFlag(cmd, &prop, true)
	return cmd
}

func newDeleteProfile(app *command.App) *cobra.Command {
	return &cobra.Command{
		Use:     "delete-profile",
		Short:   "Delete a profile",
		Long:    `Delete a profile, which has to be named with --profile.`,
		Example: `  perdure config delete-profile --profile production`,
		Args:    command.NoArguments,
		RunE: func(*cobra.Command, []string) error {
			f, err := load(app)
			if err != nil {
				return err
			}
			if app.Profile.Name == "" {
				return flags.Usagef("to delete an entire profile, --profile must be provided explicitly")
			}
			if _, err := f.profile(app); err != nil {
				return err
			}
			delete(f.config.Profiles, app.Profile.Name)
			delete(f.additional, app.Profile.Name)
			return f.save()
		},
	}
}
