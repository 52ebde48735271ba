// Package drive is a load on a server: a worker, a client, and scenarios that they run.
// Written for the public Temporal Go SDK, it is rewritten for Perdure's SDK, so that
// both do the same.
package drive

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
)

//go:generate sh -c "cd ../../test && go run ./rewrite -in ../bench/drive -out ../bench/owned -package owned"

// pollers is how many polls of each kind the worker keeps open, the same for
// all servers and SDKs; more makes none faster here.
const pollers = 16

// Driver is a client and, unless the scenario does without, a worker.
type Driver struct {
	client   client.Client
	worker   worker.Worker // nil if there is none
	queue    string
	scenario *Scenario
}

// Options of a Driver.
type Options struct {
	// Address of the server.
	Address string
	// Extras turns on what production has: metrics, an interceptor on all calls, and
	// worker heartbeats every second.
	Extras bool
	// Key is an API key to call with; empty: none.
	Key string
}

// bearer sends an API key with each call.
type bearer string

// GetHeaders implements client.HeadersProvider.
func (b bearer) GetHeaders(context.Context) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// Start connects to the server and starts the worker. Stop the Driver.
func Start(ctx context.Context, s *Scenario, options Options) (*Driver, error) {
	clientOptions := client.Options{HostPort: options.Address, Logger: quiet{}, WorkerHeartbeatInterval: -1}
	workerOptions := worker.Options{
		MaxConcurrentWorkflowTaskPollers: pollers,
		MaxConcurrentActivityTaskPollers: pollers,
	}
	if options.Extras {
		clientOptions.WorkerHeartbeatInterval = time.Second
		clientOptions.MetricsHandler = newMeters()
		clientOptions.Interceptors = clientInterceptors()
	}
	if options.Key != "" {
		clientOptions.HeadersProvider = bearer(options.Key)
	}
	c, err := client.DialContext(ctx, clientOptions)
	if err != nil {
		return nil, err
	}
	d := &Driver{client: c, queue: "bench-" + uuid.NewString()[:8], scenario: s}
	if !s.noWorker {
		d.worker = worker.New(c, d.queue, workerOptions)
		register(d.worker)
		if err := d.worker.Start(); err != nil {
			c.Close()
			return nil, err
		}
	}
	return d, nil
}

// Stop ends what Start began.
func (d *Driver) Stop() {
	if d.worker != nil {
		d.worker.Stop()
	}
	d.client.Close()
}

// Load runs the scenario's loops until the time is over and returns how long
// each run of the program took. Workflow ids begin with prefix, which no other load
// may use.
func (d *Driver) Load(ctx context.Context, prefix string, length time.Duration) ([]time.Duration, error) {
	end := time.Now().Add(length)
	return d.loops(ctx, prefix, func(n int) bool { return n == 0 || time.Now().Before(end) })
}

// Repeat runs the program about n times, in the scenario's loops, and returns how long
// each run took.
func (d *Driver) Repeat(ctx context.Context, prefix string, n int) ([]time.Duration, error) {
	each := (n + d.scenario.concurrency - 1) / d.scenario.concurrency
	return d.loops(ctx, prefix, func(n int) bool { return n < each })
}

// loops runs the scenario's loops, each as long as goOn, which is given the number of
// runs that the loop has made.
func (d *Driver) loops(ctx context.Context, prefix string, goOn func(n int) bool) ([]time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	results := make([][]time.Duration, d.scenario.concurrency)
	var loops sync.WaitGroup
	for i := range results {
		loops.Go(func() {
			for n := 0; goOn(n); n++ {
				begin := time.Now()
				if err := d.scenario.once(ctx, d.client, d.queue, fmt.Sprintf("%s-%s-%d-%d", d.queue, prefix, i, n)); err != nil {
					cancel(err)
					return
				}
				results[i] = append(results[i], time.Since(begin))
			}
		})
	}
	loops.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var all []time.Duration
	for _, r := range results {
		all = append(all, r...)
	}
	return all, nil
}

// quiet drops what the SDK logs.
type quiet struct{}

var _ sdklog.Logger = quiet{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
