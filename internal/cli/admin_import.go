package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/connect"
	"github.com/perdure/perdure/internal/importer"
	"github.com/perdure/perdure/sdk/client"
)

// importInfo is what `perdure admin import --output json` prints.
type importInfo struct {
	Imported       int               `json:"imported"`
	Checked        int               `json:"couldBeImported"`
	Closed         int               `json:"closedThere"`
	Left           int               `json:"leftThere"`
	NamespaceMade  bool              `json:"namespaceMade"`
	AttributesMade []string          `json:"searchAttributesMade"`
	Runs           []importer.Result `json:"runs"`
}

// importSource are the flags that say which server is imported from.
type importSource struct {
	address, profile, apiKey string
	tls                      bool
}

func newImportCommand(app *command.App) *cobra.Command {
	var (
		source         importSource
		query          string
		dryRun, closed bool
		parallel       int
	)
	cmd := &cobra.Command{
		Use:   "import --from HOST:PORT",
		Short: "Take running workflows over from a Temporal server",
		Long: `Take the running workflows of a namespace over from a Temporal server. They go on here, under
the same workflow and run ids, from where they were there.

For each workflow: its history is copied and checked, it is terminated there, what it did
meanwhile is copied as well, and it is made to run here. A workflow and its children are taken over
together. Timers fire when they would have fired, activities that were pending are offered
anew with the heartbeats they had, signals are kept. What cannot be taken over is left there
as it is, with the reason.

Interrupted at any moment, or if a server does not answer any more, the command can be run
again: it goes on where it stopped. --dry-run tells what would be taken over and what not, and changes
nothing there. Workers have to poll this server for workflows to go on here.

--address, --namespace and the like are about this server; the namespace has the same name there.`,
		Example: `  perdure admin import --from temporal.example.com:7233 --namespace orders --dry-run
  perdure admin import --from temporal.example.com:7233 --namespace orders
  perdure admin import --from temporal.example.com:7233 --namespace orders --query "TaskQueue = 'billing'"`,
		Args: command.NoArguments,
	}
	g := app.NewGroup(cmd)
	cmd.RunE = g.Run(func(ctx context.Context, s *command.Session) error {
		from, name, err := source.dial(ctx, app, s.Namespace)
		if err != nil {
			return err
		}
		defer from.Close()
		here, err := adminOf(s)
		if err != nil {
			return err
		}
		info := importInfo{Runs: []importer.Result{}, AttributesMade: []string{}}
		show := newProgress(s.Err)
		report, err := importer.Run(ctx, importer.Options{
			From:      importer.Server{Workflow: from.WorkflowService(), Operator: from.OperatorService(), Name: name},
			To:        importer.Server{Workflow: s.WorkflowService(), Operator: s.OperatorService(), Name: "this server"},
			Admin:     here,
			Namespace: s.Namespace,
			Query:     query,
			DryRun:    dryRun,
			Closed:    closed,
			Parallel:  parallel,
			Progress:  func(done, total int) { show.count("families of workflows", int64(done), int64(total)) },
			Result: func(r importer.Result) {
				info.Runs = append(info.Runs, r)
				if r.Outcome == importer.Left {
					fmt.Fprintf(s.Err, "%s (%s) is left there: %s\n", r.WorkflowID, r.RunID, r.Reason)
				}
			},
		})
		show.end()
		if err != nil {
			return err
		}
		info.Imported, info.Checked, info.Closed, info.Left = report.Imported, report.Checked, report.Closed, report.Left
		info.NamespaceMade, info.AttributesMade = report.NamespaceMade, append(info.AttributesMade, report.AttributesMade...)
		if s.Out.JSON() {
			return s.Out.Value(info)
		}
		return printImport(cmd, info, dryRun)
	})
	source.addTo(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&query, "query", "q", "", "which workflows, in the language of lists; all that are running if not given")
	flags.BoolVar(&dryRun, "dry-run", false, "tell what would be taken over, and take over nothing")
	flags.BoolVar(&closed, "closed", false, "copy closed workflows as well, which stay there as they are")
	flags.IntVar(&parallel, "parallel", 8, "how many families of workflows are worked on at once")
	return cmd
}

func printImport(cmd *cobra.Command, info importInfo, dryRun bool) error {
	out := cmd.OutOrStdout()
	if info.NamespaceMade && dryRun {
		_, err := fmt.Fprintln(out, "The namespace is not here. It would be made; then more could be said.")
		return err
	}
	if info.NamespaceMade {
		fmt.Fprintln(out, "The namespace was made.")
	}
	for _, name := range info.AttributesMade {
		fmt.Fprintf(out, "Search attribute %s was not here.\n", name)
	}
	if dryRun {
		_, err := fmt.Fprintf(out, "%d workflows could be imported, %d could not.\n", info.Checked, info.Left)
		return err
	}
	_, err := fmt.Fprintf(out, "%d workflows imported, %d left there; %d had closed there before.\n", info.Imported, info.Left, info.Closed)
	return err
}

func (f *importSource) addTo(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.address, "from", "", "host:port of the server to import from; required unless its profile says it")
	flags.StringVar(&f.profile, "from-profile", "", "profile of the configuration file by which that server is reached")
	flags.StringVar(&f.apiKey, "from-api-key", "", "API key for that server")
	flags.BoolVar(&f.tls, "from-tls", false, "use TLS to reach that server")
}

// dial connects to the server that is imported from.
func (f *importSource) dial(ctx context.Context, app *command.App, namespace string) (client.Client, string, error) {
	options := client.Options{}
	if f.profile != "" {
		p := connect.Profile{Name: f.profile, ConfigFile: app.Profile.ConfigFile, DisableEnv: true}
		loaded, err := p.ClientOptions()
		if err != nil {
			return nil, "", err
		}
		options = loaded
	}
	options.HostPort = cmp.Or(f.address, options.HostPort)
	if options.HostPort == "" {
		return nil, "", usagef("--from is required, the address of the server to import from, or --from-profile")
	}
	options.Namespace = namespace
	if f.apiKey != "" {
		options.Credentials = client.NewAPIKeyStaticCredentials(f.apiKey)
	}
	if f.tls && options.ConnectionOptions.TLS == nil {
		options.ConnectionOptions.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	options.Logger = connect.Quiet()
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, "", fmt.Errorf("the server to import from, %s, does not answer: %w", options.HostPort, err)
	}
	return c, options.HostPort, nil
}
