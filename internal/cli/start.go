package cli

import (
	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/internal/server"
)

// DefaultPort is where Temporal clients look for a server.
const DefaultPort = 7233

func newStartCommand(out *output.Options) *cobra.Command {
	var (
		log        logging
		dataDir    string
		ip         string
		port       int
		namespaces []string
		noSync     bool
		settings   settingFlags
	)
	cmd := &cobra.Command{
		Use:   "start --data-dir DIR",
		Short: "Run a server that keeps its data",
		Long: `Run a server whose data are in one directory, which is made if it is not there.

A write is acknowledged only once it is synced to disk: what a client has been
told is done survives a killed process and a power cut. One process can use a
directory at a time; a backup is a copy of it made while the server is stopped.`,
		Example: `  perdure server start --data-dir /var/lib/perdure

  # On all addresses. There is no authentication: use it behind a firewall.
  perdure server start --data-dir /var/lib/perdure --ip 0.0.0.0

  # For a supervisor: logs as JSON, one JSON line on standard output when ready
  perdure server start --data-dir /var/lib/perdure --log-format json`,
		Args: command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger, err := log.logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if dataDir == "" {
				return usagef("--data-dir is required: the directory the data are kept in (a server without one is 'perdure server start-dev')")
			}
			listen, err := listenAddress(ip, port, logger)
			if err != nil {
				return err
			}
			if err := checkNamespaces(namespaces); err != nil {
				return err
			}
			overrides, err := settings.overrides()
			if err != nil {
				return err
			}
			if noSync {
				logger.Warn("Writes are not synced to disk. A power cut or a crash of the machine loses acknowledged writes, and may damage the store.")
			}
			return serve(cmd.Context(), server.Options{
				DataDir:      dataDir,
				UnsafeNoSync: noSync,
				Listen:       listen,
				Namespaces:   namespaces,
				Logger:       logger,

				DynamicConfigFile: settings.file,
				DynamicConfig:     overrides,
			}, cmd.OutOrStdout(), out.IsJSON() || log.json())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&dataDir, "data-dir", "", "directory the data are kept in; required")
	flags.StringVar(&ip, "ip", "127.0.0.1", "address to listen on; 0.0.0.0 for all")
	flags.IntVarP(&port, "port", "p", DefaultPort, "port of the gRPC API; 0 picks a free one")
	flags.StringArrayVarP(&namespaces, "namespace", "n", nil, "namespace to register if it is not there; may be repeated (\"default\" always is)")
	flags.BoolVar(&noSync, "unsafe-no-fsync", false, "leave it to the operating system when writes reach the disk. Faster, and UNSAFE: a power cut or a crash of the machine loses acknowledged writes and may damage the store. For data you can lose")
	settings.addTo(flags)
	log.addTo(flags, "info")
	return cmd
}
