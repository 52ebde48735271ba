package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/auth"
	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
)

func newAPIKeyCommand(out *output.Options) *cobra.Command {
	cmd := command.NewParent("api-key", "Make, list and delete API keys",
		`API keys are one of the ways for callers to say who they are. Their hashes and roles are in
a file, the one that 'perdure server start --auth-file' names. Servers read it again within
seconds when it has changed.

A client gives its key as TEMPORAL_API_KEY, with --api-key, or with the option of its SDK.`,
		`  perdure admin api-key create ci --auth-file access.yaml --role orders:write
  perdure admin api-key list --auth-file access.yaml
  perdure admin api-key delete ci --auth-file access.yaml`)
	cmd.AddCommand(newCreateAPIKey(out), newListAPIKeys(out), newDeleteAPIKey())
	return cmd
}

// addAuthFile adds the flag of the file.
func addAuthFile(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "auth-file", "", "YAML file of API keys; required")
	_ = cmd.MarkFlagRequired("auth-file")
}

// nameArgument takes the name of a key.
func nameArgument(_ *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return usagef("the name of the key is required, as the one argument")
	}
	return nil
}

// createdKey is what is printed of a new key as JSON.
type createdKey struct {
	Name    string     `json:"name"`
	Key     string     `json:"key"`
	Roles   []string   `json:"roles"`
	Expires *time.Time `json:"expires,omitempty"`
}

func newCreateAPIKey(out *output.Options) *cobra.Command {
	var (
		file    string
		roles   []string
		expires flags.Duration
	)
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make an API key",
		Long: `Make an API key and print it. It is shown this once: the file has only its hash.

A role is NAMESPACE:ROLE, with read, write or admin; temporal-system stands for all
namespaces and the cluster. Workers and programs that start workflows need write.`,
		Example: `  perdure admin api-key create ci --auth-file access.yaml --role orders:write --role billing:read
  perdure admin api-key create ops --auth-file access.yaml --role temporal-system:admin --expires-in 90d`,
		Args: nameArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := auth.CheckRoles(roles); err != nil {
				return usagef("--role: %w", err)
			}
			now := time.Now().UTC().Truncate(time.Second)
			var end time.Time
			if expires > 0 {
				end = now.Add(time.Duration(expires))
			}
			key, entry := auth.NewAPIKey(args[0], roles, now, end)
			if err := auth.AddAPIKey(file, entry); err != nil {
				return err
			}
			if out.IsJSON() {
				created := createdKey{Name: entry.Name, Key: key, Roles: roles}
				if !end.IsZero() {
					created.Expires = &end
				}
				return out.Printer(cmd.OutOrStdout()).Value(created)
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "This is the key. It cannot be shown again; %s has only its hash.\n", file)
			_, err := fmt.Fprintln(cmd.OutOrStdout(), key)
			return err
		},
	}
	addAuthFile(cmd, &file)
	cmd.Flags().StringArrayVar(&roles, "role", nil, "what the key allows, as NAMESPACE:ROLE; may be repeated; required")
	_ = cmd.MarkFlagRequired("role")
	cmd.Flags().Var(&expires, "expires-in", "how long the key is valid, such as 90d; for ever if not given")
	return cmd
}

// listedKey is what is printed of a key as JSON.
type listedKey struct {
	Name    string     `json:"name"`
	Roles   []string   `json:"roles"`
	Created *time.Time `json:"created,omitempty"`
	Expires *time.Time `json:"expires,omitempty"`
	Expired bool       `json:"expired"`
}

func newListAPIKeys(out *output.Options) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the API keys of a file",
		Example: `  perdure admin api-key list --auth-file access.yaml`,
		Args:    command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			access, err := auth.ReadAccessFile(file)
			if err != nil {
				return err
			}
			keys := []listedKey{}
			for _, k := range access.APIKeys {
				listed := listedKey{Name: k.Name, Roles: k.Roles}
				if !k.Created.IsZero() {
					listed.Created = &k.Created
				}
				if !k.Expires.IsZero() {
					listed.Expires, listed.Expired = &k.Expires, time.Now().After(k.Expires)
				}
				keys = append(keys, listed)
			}
			if out.IsJSON() {
				return out.Printer(cmd.OutOrStdout()).Value(keys)
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintf(t, "NAME\tROLES\tEXPIRES\n")
			for _, k := range keys {
				end := "never"
				switch {
				case k.Expired:
					end = "expired"
				case k.Expires != nil:
					end = k.Expires.Format(time.RFC3339)
				}
				fmt.Fprintf(t, "%s\t%s\t%s\n", k.Name, strings.Join(k.Roles, ", "), end)
			}
			return t.Flush()
		},
	}
	addAuthFile(cmd, &file)
	return cmd
}

func newDeleteAPIKey() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:     "delete NAME",
		Short:   "Delete an API key",
		Long:    "Delete an API key. Servers that use the file refuse it within seconds.",
		Example: `  perdure admin api-key delete ci --auth-file access.yaml`,
		Args:    nameArgument,
		RunE:    func(_ *cobra.Command, args []string) error { return auth.RemoveAPIKey(file, args[0]) },
	}
	addAuthFile(cmd, &file)
	return cmd
}
