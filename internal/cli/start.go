package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/internal/config"
	"github.com/perdure/perdure/internal/handover"
	"github.com/perdure/perdure/internal/peer"
	"github.com/perdure/perdure/internal/server"
)

func newStartCommand(out *output.Options) *cobra.Command {
	s := newSettings(config.Production)
	cmd := &cobra.Command{
		Use:   "start --data-dir DIR",
		Short: "Run a server that keeps its data",
		Long: `Run a server whose data are in one directory, which is made if it is not there.

A write is acknowledged only once it is synced to disk: what a client has been
told is done survives a killed process and a power cut. One process can use a
directory at a time. With --store postgres they are in PostgreSQL.

SIGUSR2 starts the server anew in place: the program that is at its path by then, with the
settings as they are by then. Nobody is refused a connection meanwhile.

Each flag is a setting that may also stand in a YAML file (--config) or in a variable of
the environment: PERDURE_DATA_DIR is --data-dir. A flag goes before a variable, that
before the file. 'perdure server config' shows what holds.`,
		Example: `  perdure server start --data-dir /var/lib/perdure

  # With a file of settings, and one of them otherwise
  perdure server start --config /etc/perdure.yaml --port 7300

  # With the HTTP API and the web UI
  perdure server start --data-dir /var/lib/perdure --http-port 7243 --ui-port 8233

  # With the data in PostgreSQL
  perdure server start --store postgres --postgres-url postgres://perdure:secret@db:5432/perdure

  # One of several nodes on that database
  perdure server start --store postgres --postgres-url postgres://perdure:secret@db:5432/perdure \
      --peer-address node1:7244 --peer-cert-file node1.pem --peer-key-file node1.key --peer-ca-file nodes.pem

  # For a supervisor: logs as JSON, one JSON line on standard output when ready
  perdure server start --data-dir /var/lib/perdure --log-format json`,
		Args: command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger, err := s.load(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if s.UnsafeNoSync {
				logger.Warn("Writes are not synced to disk. A power cut or a crash of the machine loses acknowledged writes, and may damage the store.")
			}
			ports, err := handover.Take()
			if err != nil {
				return err
			}
			return s.run(cmd.Context(), s.options(logger), ports, cmd.OutOrStdout(), out)
		},
	}
	s.addTo(cmd)
	return cmd
}

// settings are those of a server that a command starts or looks at.
type settings struct {
	*config.Config
	file string
}

func newSettings(kind config.Kind) *settings { return &settings{Config: config.New(kind)} }

// addTo adds the flags to a command.
func (s *settings) addTo(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.file, config.FileFlag, "", "YAML file of settings (or "+config.FileVariable+"); 'perdure server config --example' prints one")
	s.AddFlags(cmd.Flags())
}

// read reads file, environment and flags. What is wrong with a flag is an error in the
// command line.
func (s *settings) read() (warnings []string, err error) {
	warnings, err = s.Load(s.file, os.Environ())
	var wrong *config.Error
	if errors.As(err, &wrong) && wrong.Origin.Source == config.FromFlag {
		return warnings, usagef("%w", err)
	}
	return warnings, err
}

// load reads the settings and makes the logger that they ask for.
func (s *settings) load(stderr io.Writer) (*slog.Logger, error) {
	warnings, err := s.read()
	if err != nil {
		return nil, err
	}
	logger := s.Log.Logger(stderr)
	for _, warning := range warnings {
		logger.Warn(warning)
	}
	if file := s.File(); file != "" {
		logger.Info("The settings have been read.", "file", file)
	}
	return logger, nil
}

// options makes the options of a server of the settings.
func (s *settings) options(logger *slog.Logger) server.Options {
	return server.Options{
		DataDir:        s.DataDir,
		Postgres:       server.PostgresOptions{URLs: s.Postgres.URLs, Shards: s.Postgres.Shards, Writers: s.Postgres.Writers},
		UnsafeNoSync:   s.UnsafeNoSync,
		StoreCache:     s.StoreCache,
		Listen:         s.Listen.Address(),
		InsecureListen: s.Listen.Insecure,
		Cluster: server.ClusterOptions{
			PeerAddress: s.Cluster.PeerAddress, PeerListen: s.Cluster.PeerListen, NodeName: s.Cluster.NodeName,
			TLS: peer.TLS{CertFile: s.Cluster.CertFile, KeyFile: s.Cluster.KeyFile, CAFile: s.Cluster.CAFile},
		},
		TLS:               s.tlsOptions(),
		Auth:              s.authOptions(),
		HTTP:              server.HTTPOptions{Listen: s.HTTPAddress(), AllowedOrigins: s.HTTP.AllowedOrigins},
		UI:                server.UIOptions{Listen: s.UIAddress(), PublicPath: s.UI.PublicPath, AssetPath: s.UI.AssetPath, CodecEndpoint: s.UI.CodecEndpoint, SSO: s.ssoOptions()},
		Namespaces:        s.Namespaces,
		SearchAttributes:  s.SearchAttributes,
		Retention:         s.Retention,
		DynamicConfigFile: s.DynamicConfig.File,
		DynamicConfig:     s.DynamicConfig.Values,
		Telemetry: server.TelemetryOptions{
			Listen:        s.Metrics.Address(),
			TLS:           s.Metrics.TLS,
			Auth:          s.Metrics.Auth,
			Pprof:         s.Metrics.Pprof,
			Namespaces:    s.Metrics.Namespaces,
			Types:         s.Metrics.Types,
			TaskQueues:    s.Metrics.TaskQueues,
			Tracing:       true,
			TraceEndpoint: s.Tracing.Endpoint,
		},
		Logger: logger,
	}
}

// run runs the server until the context ends. With ports it can be started anew in place.
func (s *settings) run(ctx context.Context, options server.Options, ports *handover.Ports, stdout io.Writer, out *output.Options) error {
	return serve(ctx, options, ports, stdout, out.IsJSON() || s.Log.JSON())
}
