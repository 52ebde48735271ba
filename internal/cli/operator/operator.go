// Package operator are the commands below `perdure operator`. Flags, and fields of JSON
// output, are those of the Temporal CLI.
package operator

import (
	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/cli/command"
)

// New makes the command.
func New(app *command.App) *cobra.Command {
	cmd := command.NewParent("operator", "Look after namespaces, search attributes, and the server",
		`Look after namespaces, search attributes, Nexus endpoints, and the server itself.`,
		`  perdure operator namespace list
  perdure operator namespace create --namespace orders --retention 7d
  perdure operator search-attribute create --name Customer --type Keyword`)
	g := app.NewGroup(cmd)
	cmd.AddCommand(newNamespace(g), newSearchAttribute(g), newCluster(g), newNexus(g))
	return cmd
}
