// Command peer runs a Temporal server with its in-memory SQLite store on a
// loopback port, for the interop tests and the benchmarks to compare with. It
// prints the address of its frontend on standard output, and on a second line that of its HTTP port,
// without which its Nexus operations reach no worker. It has the namespace
// "default", and stops on SIGINT and SIGTERM. With -postgres its data are in that PostgreSQL, and
// it has no HTTP port. With -dynamic-config it has the settings of that file, by which parts of it
// are turned on that are off by default.
//
// It is a module of its own so that nothing else has to download or build the
// Temporal server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/common/testing/freeport"
	"go.temporal.io/server/temporal"
	"go.temporal.io/server/temporaltest"
	"google.golang.org/protobuf/types/known/durationpb"
)

func main() {
	log.SetFlags(0)
	postgres := flag.String("postgres", "", "URL of a PostgreSQL in which to make databases for the data")
	settings := flag.String("dynamic-config", "", "YAML file of dynamic configuration, for a server with its data in memory")
	flag.Parse()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)

	address, http, err := "", "", error(nil)
	if *postgres != "" {
		address, err = startOnPostgres(*postgres)
	} else {
		address, http, err = startInMemory(*settings)
	}
	if err != nil {
		log.Fatal(err)
	}
	if err := registerDefault(address); err != nil {
		log.Fatalf("register namespace default: %v", err)
	}
	fmt.Println(address)
	if http != "" {
		fmt.Println(http)
	}
	<-stop
	// The process holds nothing worth keeping: exit without the server's slow stop.
}

// startInMemory starts a server with its data in memory, an HTTP port, and the dynamic configuration of
// a file, if one is named.
func startInMemory(settings string) (address, http string, err error) {
	port := freeport.MustGetFreePort()
	// The test server makes its own configuration. This option is one that is shown it before it is used.
	withHTTP := temporal.WithClaimMapper(func(cfg *config.Config) authorization.ClaimMapper {
		frontend := cfg.Services[string(primitives.FrontendService)]
		frontend.RPC.HTTPPort = port
		cfg.Services[string(primitives.FrontendService)] = frontend
		return authorization.NewNoopClaimMapper()
	})
	options := []temporal.ServerOption{withHTTP}
	if settings != "" {
		values, err := readSettings(settings)
		if err != nil {
			return "", "", err
		}
		options = append(options, temporal.WithDynamicConfigClient(values))
	}
	server := temporaltest.NewServer(temporaltest.WithBaseServerOptions(options...))
	return server.GetFrontendHostPort(), fmt.Sprintf("127.0.0.1:%d", port), nil
}

// readSettings reads a file of dynamic configuration. What the test server sets itself stays.
func readSettings(file string) (dynamicconfig.StaticClient, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	read := dynamicconfig.LoadYamlFile(text)
	if err := errors.Join(append(read.Errors, read.Warnings...)...); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	values := dynamicconfig.StaticClient{dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): true}
	for key, constrained := range read.Map {
		values[key] = constrained
	}
	return values, nil
}

// registerDefault registers the namespace "default" and waits until it can be used.
func registerDefault(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := client.NewNamespaceClient(client.Options{HostPort: address})
	if err != nil {
		return err
	}
	defer c.Close()
	err = c.Register(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace:                        "default",
		WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	if exists := (*serviceerror.NamespaceAlreadyExists)(nil); err != nil && !errors.As(err, &exists) {
		return err
	}
	for {
		if _, err := c.Describe(ctx, "default"); err == nil {
			break
		} else if ctx.Err() != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	// The history and matching services learn of a namespace from a cache that
	// is refreshed every two seconds, and starts fail until it is.
	w, err := client.Dial(client.Options{HostPort: address})
	if err != nil {
		return err
	}
	defer w.Close()
	for {
		_, err := w.DescribeWorkflowExecution(ctx, "no-such-workflow", "")
		if notFound := (*serviceerror.NotFound)(nil); errors.As(err, &notFound) {
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}
