package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
)

// Measurement is what one scenario did on one server.
type Measurement struct {
	Runs      int
	PerSecond float64
	P50, P99  time.Duration
	// ServerCPU and DriverCPU are CPU time per run of the program.
	ServerCPU, DriverCPU time.Duration
}

// pollers is how many polls of each kind the worker keeps open, the same for
// both servers; more makes neither faster here.
const pollers = 16

// measure runs the scenario on the server for about the given length, after a
// tenth of it to warm up.
func measure(ctx context.Context, s *server, sc scenario, length time.Duration) (Measurement, error) {
	c, err := client.DialContext(ctx, client.Options{HostPort: s.address, Logger: quiet{}})
	if err != nil {
		return Measurement{}, err
	}
	defer c.Close()
	queue := "bench-" + uuid.NewString()[:8]
	if !sc.noWorker {
		w := worker.New(c, queue, worker.Options{
			MaxConcurrentWorkflowTaskPollers: pollers,
			MaxConcurrentActivityTaskPollers: pollers,
		})
		register(w)
		if err := w.Start(); err != nil {
			return Measurement{}, err
		}
		defer w.Stop()
	}
	if _, err := load(ctx, c, sc, queue+"-warm", queue, length/10); err != nil {
		return Measurement{}, err
	}
	serverBefore, driverBefore, begin := s.cpu(), driverCPU(), time.Now()
	latencies, err := load(ctx, c, sc, queue, queue, length)
	if err != nil {
		return Measurement{}, err
	}
	elapsed := time.Since(begin)
	n := len(latencies)
	slices.Sort(latencies)
	return Measurement{
		Runs:      n,
		PerSecond: float64(n) / elapsed.Seconds(),
		P50:       latencies[n/2],
		P99:       latencies[min(n-1, n*99/100)],
		ServerCPU: (s.cpu() - serverBefore) / time.Duration(n),
		DriverCPU: (driverCPU() - driverBefore) / time.Duration(n),
	}, nil
}

// load runs the scenario's loops until the time is over and returns how long
// each run of the program took.
func load(ctx context.Context, c client.Client, sc scenario, prefix, queue string, length time.Duration) ([]time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	end := time.Now().Add(length)
	results := make([][]time.Duration, sc.concurrency)
	var loops sync.WaitGroup
	for i := range results {
		loops.Go(func() {
			for n := 0; n == 0 || time.Now().Before(end); n++ {
				begin := time.Now()
				if err := sc.once(ctx, c, queue, fmt.Sprintf("%s-%d-%d", prefix, i, n)); err != nil {
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
	return slices.Concat(results...), nil
}

// quiet drops what the SDK logs.
type quiet struct{}

var _ sdklog.Logger = quiet{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
