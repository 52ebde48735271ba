package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/internal/handover"
	"github.com/perdure/perdure/internal/server"
	"github.com/perdure/perdure/internal/storage/pebble"
)

// stopTimeout is how long a server may take to stop in order: its long polls end
// at once, the calls under way get this much.
const stopTimeout = 20 * time.Second

// started is what is printed once the server answers, as JSON or as the banner.
type started struct {
	Event      string   `json:"event"` // "started"
	Version    string   `json:"version"`
	Address    string   `json:"address"`               // host:port of the gRPC API
	HTTP       string   `json:"httpAddress,omitempty"` // host:port of the HTTP API
	UI         string   `json:"ui,omitempty"`          // URL of the web UI
	Metrics    string   `json:"metrics,omitempty"`     // host:port of metrics and health checks
	Namespaces []string `json:"namespaces"`
	Store      string   `json:"store"`             // "memory", "pebble" or "postgres"
	DataDir    string   `json:"dataDir,omitempty"` // "" in memory
	Synced     bool     `json:"synced"`            // each acknowledged write is on disk
	PID        int      `json:"pid"`
}

// serve starts a server, says where it listens, and stops it when ctx ends. With ports, it hands them over to a new start of
// the program when it is asked to (restart.go).
func serve(ctx context.Context, options server.Options, ports *handover.Ports, stdout io.Writer, asJSON bool) error {
	sampleHeap(options.Telemetry.Pprof)
	keepHeapFloor()
	var restart <-chan os.Signal
	if ports != nil {
		options.OpenPort = ports.Listen
		signals, end := restartSignals()
		defer end()
		restart = signals
	}
	s, err := server.Start(ctx, options)
	if err != nil {
		if ctx.Err() != nil {
			return nil // asked to stop before it was up
		}
		return explain(err, options)
	}
	if err := announce(stdout, s, options, asJSON); err != nil {
		options.Logger.Warn("Where the server listens could not be printed.", "error", err)
	}
	defer giveBackPages()()
	if awaitEnd(ctx, restart, options.Logger) {
		return startAnew(s, ports, options.Logger)
	}
	options.Logger.Info("Stopping: open polls end, calls under way finish.")
	stopCtx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := s.Stop(stopCtx); err != nil {
		return fmt.Errorf("stopping the server: %w", err)
	}
	options.Logger.Info("Stopped.")
	return nil
}

func announce(w io.Writer, s *server.Server, options server.Options, asJSON bool) error {
	info := started{
		Event:      "started",
		Version:    server.Version,
		Address:    s.Address(),
		HTTP:       s.HTTPAddress(),
		UI:         s.UIURL(),
		Metrics:    s.MetricsAddress(),
		Namespaces: s.Namespaces(),
		Store:      "memory",
		DataDir:    options.DataDir,
		PID:        os.Getpid(),
	}
	switch {
	case len(options.Postgres.URLs) > 0:
		info.Store, info.Synced = "postgres", true
	case options.DataDir != "":
		info.Store, info.Synced = "pebble", !options.UnsafeNoSync
	}
	if asJSON {
		return output.Line(w, info)
	}
	data := "in memory; gone when the server stops"
	switch {
	case info.Store == "postgres":
		data = "in PostgreSQL"
	case info.Synced:
		data = info.DataDir + " (each write is synced to disk)"
	case info.DataDir != "":
		data = info.DataDir + " (NOT synced: a power cut loses acknowledged writes)"
	}
	names := info.Namespaces
	more := ""
	if len(names) > 5 {
		names, more = names[:5], fmt.Sprintf(" and %d more", len(names)-5)
	}
	metrics := ""
	if info.Metrics != "" {
		metrics = "http://" + info.Metrics + "/metrics"
		if options.Telemetry.TLS {
			metrics = "https://" + info.Metrics + "/metrics"
		}
	}
	var banner strings.Builder
	fmt.Fprintf(&banner, "Perdure %s\n\n", info.Version)
	for _, line := range [][2]string{
		{"Web UI", info.UI},
		{"gRPC API", info.Address},
		{"HTTP API", info.HTTP},
		{"Metrics", metrics},
		{"Namespaces", strings.Join(names, ", ") + more},
		{"Data", data},
	} {
		if line[1] != "" {
			fmt.Fprintf(&banner, "  %-12s %s\n", line[0], line[1])
		}
	}
	banner.WriteString("\nCtrl-C stops the server.\n")
	_, err := io.WriteString(w, banner.String())
	return err
}

// explain says what to do about the errors that people run into when they start
// a server.
func explain(err error, options server.Options) error {
	address, portFlag, ipFlag := options.Listen, "--port", "--ip"
	if port := (*server.PortError)(nil); errors.As(err, &port) {
		address, portFlag, ipFlag = port.Address, "--"+port.Name+"-port", "--"+port.Name+"-ip"
	}
	var insecure *server.InsecureListenError
	switch {
	case errors.As(err, &insecure):
		return fmt.Errorf("%w. Set a certificate (--tls-cert-file, --tls-key-file), or say with --insecure-listen that this is wanted", err)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is in use by another process: stop that one, or choose another port with %s (%s)", address, portFlag, freePort(portFlag))
	case errors.Is(err, syscall.EACCES) && strings.Contains(err.Error(), "listen"):
		return fmt.Errorf("may not listen on %s: choose a port above 1023 with %s", address, portFlag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s is not an address of this machine: choose another one with %s", address, ipFlag)
	case len(options.Postgres.URLs) > 0:
		return err // says what to do
	case errors.Is(err, pebble.ErrInUse):
		return fmt.Errorf("data directory %s is in use by another server: stop that one, or choose another directory", options.DataDir)
	}
	return err
}

// freePort says how to do without a port of one's own choice.
func freePort(flag string) string {
	if flag == "--ui-port" {
		return "off starts the server without the web UI"
	}
	return "0 picks a free one"
}
