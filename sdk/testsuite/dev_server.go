package testsuite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/temporal"
)

// CachedDownload says where a server's binary is downloaded from; this SDK does not
// download.
type CachedDownload struct {
	// Version of the binary. It is not used.
	Version string
	// DestDir is where the binary goes. It is not used.
	DestDir string
}

// DevServerOptions are options of StartDevServer. The zero value works if the perdure
// binary is on the PATH.
type DevServerOptions struct {
	// ExistingPath is the server's binary: perdure, or the Temporal CLI. The default is
	// perdure, then temporal, on the PATH.
	ExistingPath string
	// CachedDownload is not used: nothing is downloaded.
	CachedDownload CachedDownload
	// ClientOptions of the client that is made. Its namespace, "default" by default, is
	// created; its HostPort is what the server listens at, by default a free port of
	// 127.0.0.1.
	ClientOptions *client.Options
	// DBFilename is where the server keeps its data: for perdure a directory, for
	// Temporal a file of SQLite. By default nothing is kept.
	DBFilename string
	// EnableUI has the Temporal CLI serve its web interface.
	EnableUI bool
	// UIPort is the port of the web interface. By default the server chooses.
	UIPort string
	// LogFormat is how the server writes its log: "json" or "pretty". The default is the
	// server's.
	LogFormat string
	// LogLevel is from which level on the server logs, such as "warn". The default is the
	// server's.
	LogLevel string
	// SearchAttributes that workflows may have.
	SearchAttributes temporal.SearchAttributes
	// ExtraArgs are added to the command line.
	ExtraArgs []string
	// Stdout and Stderr are the server's. The default is those of this process.
	Stdout io.Writer
	Stderr io.Writer
}

// DevServer is a running server.
type DevServer struct {
	command  *exec.Cmd
	client   client.Client
	hostPort string
	exited   chan struct{}
	err      error // of the process, once exited is closed
}

// readyTimeout is how long a server may take to start, interval how often it is tried.
const (
	readyTimeout  = time.Minute
	readyInterval = 50 * time.Millisecond
)

// StartDevServer starts a server as a process, waits until it serves, and connects. Stop it
// at the end of the test. It fails if there is no binary, or if the server ends or does not
// answer within a minute, or until ctx ends.
func StartDevServer(ctx context.Context, options DevServerOptions) (*DevServer, error) {
	path, err := options.binary()
	if err != nil {
		return nil, err
	}
	var clientOptions client.Options
	if options.ClientOptions != nil {
		clientOptions = *options.ClientOptions
	}
	if clientOptions.Namespace == "" {
		clientOptions.Namespace = "default"
	}
	if clientOptions.Logger == nil {
		clientOptions.Logger = logger.NewDefault()
	}
	if clientOptions.HostPort == "" {
		if clientOptions.HostPort, err = freeHostPort(); err != nil {
			return nil, err
		}
	}
	host, port, err := net.SplitHostPort(clientOptions.HostPort)
	if err != nil {
		return nil, fmt.Errorf("invalid HostPort: %w", err)
	}
	s := &DevServer{hostPort: clientOptions.HostPort, exited: make(chan struct{})}
	s.command = exec.Command(path, options.arguments(host, port, clientOptions.Namespace)...)
	s.command.Stdout, s.command.Stderr = os.Stdout, os.Stderr
	if options.Stdout != nil {
		s.command.Stdout = options.Stdout
	}
	if options.Stderr != nil {
		s.command.Stderr = options.Stderr
	}
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	go func() {
		s.err = s.command.Wait()
		close(s.exited)
	}()
	if err := s.connect(ctx, clientOptions); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (o *DevServerOptions) binary() (string, error) {
	if o.ExistingPath != "" {
		return o.ExistingPath, nil
	}
	for _, name := range []string{"perdure", "temporal"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no server to start: put the perdure binary on the PATH, or set DevServerOptions.ExistingPath; nothing is downloaded")
}

func (o *DevServerOptions) arguments(host, port, namespace string) []string {
	args := []string{"server", "start-dev", "--ip", host, "--port", port, "--namespace", namespace}
	if o.LogLevel != "" {
		args = append(args, "--log-level", o.LogLevel)
	}
	if o.LogFormat != "" {
		args = append(args, "--log-format", o.LogFormat)
	}
	if !o.EnableUI {
		args = append(args, "--headless")
	}
	if o.DBFilename != "" {
		args = append(args, "--db-filename", o.DBFilename)
	}
	if o.UIPort != "" {
		args = append(args, "--ui-port", o.UIPort)
	}
	for key := range o.SearchAttributes.GetUntypedValues() {
		args = append(args, "--search-attribute", key.GetName()+"="+key.GetValueType().String())
	}
	return append(args, o.ExtraArgs...)
}

func freeHostPort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// connect waits until the server answers.
func (s *DevServer) connect(ctx context.Context, options client.Options) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	ticker := time.NewTicker(readyInterval)
	defer ticker.Stop()
	for {
		c, err := client.DialContext(ctx, options)
		if err == nil {
			s.client = c
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("%s ended before it served; it has written why to standard error", s.command.Path)
		case <-ctx.Done():
			return fmt.Errorf("connecting to %s: %w", s.hostPort, err)
		case <-ticker.C:
		}
	}
}

// Stop asks the server to stop and waits until it has. The error is that of its process.
func (s *DevServer) Stop() error {
	if s.client != nil {
		s.client.Close()
	}
	select {
	case <-s.exited:
		return s.err
	default:
	}
	if err := interrupt(s.command.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping the server: %w", err)
	}
	<-s.exited
	return s.err
}

// Client returns the client that is connected to the server. Stop closes it.
func (s *DevServer) Client() client.Client { return s.client }

// FrontendHostPort returns where the server listens.
func (s *DevServer) FrontendHostPort() string { return s.hostPort }
