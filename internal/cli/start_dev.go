package cli

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/searchattribute"
	"github.com/perdure/perdure/internal/server"
)

// devRetention is how long a development server keeps closed workflows.
const devRetention = 24 * time.Hour

// startDev are the flags of the command.
type startDev struct {
	log        logging
	ip         string
	port       int
	namespaces []string
	dbFilename string
	attributes []string
	settings   settingFlags
	pragmas    []string
}

func newStartDevCommand(out *output.Options) *cobra.Command {
	var s startDev
	cmd := &cobra.Command{
		Use:   "start-dev",
		Short: "Run a server to develop and test against",
		Long: `Run a server in memory, ready in a blink. It takes the flags of
'temporal server start-dev', so that whatever starts that one can start this one.

With --db-filename the data are kept, in a directory of that name; they are synced
to disk as those of 'perdure server start' are.`,
		Example: `  perdure server start-dev

  # Keep the data, register two namespaces
  perdure server start-dev --db-filename dev.db --namespace orders --namespace billing

  # For tests: any free port, told in one line of JSON
  perdure server start-dev --port 0 --headless --output json`,
		Args: command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options, err := s.options(cmd)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), options, cmd.OutOrStdout(), out.IsJSON() || s.log.json())
		},
	}
	s.addTo(cmd.Flags())
	return cmd
}

// addTo adds the flags to those of the command.
func (s *startDev) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&s.ip, "ip", "127.0.0.1", "address to listen on")
	flags.IntVarP(&s.port, "port", "p", DefaultPort, "port of the gRPC API; 0 picks a free one")
	flags.StringArrayVarP(&s.namespaces, "namespace", "n", nil, "namespace to register at start; may be repeated (\"default\" always is)")
	flags.StringVarP(&s.dbFilename, "db-filename", "f", "", "keep the data in this directory, which is made if it is not there (default: in memory)")
	flags.StringArrayVar(&s.attributes, "search-attribute", nil, "custom search attribute of all namespaces registered at start, as NAME=TYPE; may be repeated. Types: "+strings.Join(attributeTypes(), ", "))
	s.settings.addTo(flags)
	// What follows is accepted because tools made for the Temporal CLI pass it.
	flags.Int("http-port", 0, "accepted; there is no HTTP API yet")
	flags.Int("metrics-port", 0, "accepted; there are no metrics yet")
	flags.Int("ui-port", 0, "accepted; there is no UI yet")
	flags.Bool("headless", false, "without the UI, which is how this server runs in any case")
	flags.StringArrayVar(&s.pragmas, "sqlite-pragma", nil, "accepted; the data are not kept in SQLite")
	for _, name := range []string{"ui-ip", "ui-public-path", "ui-asset-path", "ui-codec-endpoint"} {
		flags.String(name, "", "accepted; there is no UI yet")
		_ = flags.MarkHidden(name)
	}
	flags.Bool("log-config", false, "accepted; there is no configuration to log")
	_ = flags.MarkHidden("log-config")
	s.log.addTo(flags, "warn")
}

// options checks the flags and makes the server's options of them.
func (s *startDev) options(cmd *cobra.Command) (server.Options, error) {
	logger, err := s.log.logger(cmd.ErrOrStderr())
	if err != nil {
		return server.Options{}, err
	}
	listen, err := listenAddress(s.ip, s.port, logger)
	if err != nil {
		return server.Options{}, err
	}
	if err := checkNamespaces(s.namespaces); err != nil {
		return server.Options{}, err
	}
	searchAttributes, err := parseSearchAttributes(s.attributes)
	if err != nil {
		return server.Options{}, err
	}
	overrides, err := s.settings.overrides()
	if err != nil {
		return server.Options{}, err
	}
	for _, absent := range []string{"http-port", "metrics-port", "ui-port"} {
		if cmd.Flags().Changed(absent) {
			logger.Info("This server has no such port; the flag has no effect.", "flag", "--"+absent)
		}
	}
	if len(s.pragmas) > 0 {
		logger.Info("The data are not kept in SQLite; --sqlite-pragma has no effect.")
	}
	return server.Options{
		DataDir:          s.dbFilename,
		Listen:           listen,
		Namespaces:       s.namespaces,
		SearchAttributes: searchAttributes,
		Retention:        devRetention,
		Logger:           logger,

		DynamicConfigFile:    s.settings.file,
		DynamicConfig:        overrides,
		DynamicConfigPresets: devSettings,
	}, nil
}

func checkNamespaces(names []string) error {
	for _, name := range names {
		if name == "" || len(name) > 1000 {
			return usagef("--namespace must be a name of 1 to 1000 bytes, not %q", name)
		}
		if name == namespace.System {
			return usagef("--namespace %s is reserved for the server itself; choose another name", name)
		}
	}
	return nil
}

// attributeTypes are the names of the types a custom search attribute can have.
func attributeTypes() []string { return slices.Sorted(maps.Keys(searchattribute.Types())) }

// parseSearchAttributes reads NAME=TYPE. Upper and lower case of the type are the
// same.
func parseSearchAttributes(attributes []string) (map[string]searchattribute.Type, error) {
	types := make(map[string]searchattribute.Type)
	for name, t := range searchattribute.Types() {
		types[strings.ToLower(name)] = t
	}
	parsed := make(map[string]searchattribute.Type, len(attributes))
	for _, attribute := range attributes {
		name, kind, ok := strings.Cut(attribute, "=")
		t, known := types[strings.ToLower(kind)]
		if !ok || name == "" || !known {
			return nil, usagef("--search-attribute must be NAME=TYPE with a type out of %s, not %q", strings.Join(attributeTypes(), ", "), attribute)
		}
		if searchattribute.Reserved(name) {
			return nil, usagef("--search-attribute %s: the name is reserved for the server; choose another one", name)
		}
		if other, twice := parsed[name]; twice && other != t {
			return nil, usagef("--search-attribute %s is given twice, as %s and as %s", name, other, t)
		}
		parsed[name] = t
	}
	return parsed, nil
}
