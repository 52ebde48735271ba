package main

import (
	"context"
	"runtime"
	"slices"
	"time"

	"github.com/perdure/perdure/bench/drive"
	"github.com/perdure/perdure/bench/owned"
)

// Measurement is what one scenario did on one server, driven by one SDK.
type Measurement struct {
	Runs      int
	PerSecond float64
	P50, P99  time.Duration
	// ServerCPU and DriverCPU are CPU time per run of the program, and DatabaseCPU that of the
	// database, if there is one.
	ServerCPU, DriverCPU, DatabaseCPU time.Duration
}

// driver is a load on a server, by one of the SDKs.
type driver interface {
	// Load runs the program again and again and returns how long each run took.
	Load(ctx context.Context, prefix string, length time.Duration) ([]time.Duration, error)
	// Repeat runs the program about n times.
	Repeat(ctx context.Context, prefix string, n int) ([]time.Duration, error)
	// Cache starts n workflows and waits until they wait.
	Cache(ctx context.Context, n int) error
	Stop()
}

// An sdk starts a driver of the scenario with the given index. extras turns on metrics,
// an interceptor, and worker heartbeats.
type sdk func(ctx context.Context, address string, scenario int, extras bool) (driver, error)

func temporalSDK(ctx context.Context, address string, scenario int, extras bool) (driver, error) {
	return drive.Start(ctx, drive.Scenarios[scenario], drive.Options{Address: address, Extras: extras})
}

func perdureSDK(ctx context.Context, address string, scenario int, extras bool) (driver, error) {
	return owned.Start(ctx, owned.Scenarios[scenario], owned.Options{Address: address, Extras: extras})
}

// measure runs the scenario on the server for about the given length, after a
// tenth of it to warm up.
func measure(ctx context.Context, s *server, with sdk, scenario int, extras bool, length time.Duration) (Measurement, error) {
	d, err := with(ctx, s.address, scenario, extras)
	if err != nil {
		return Measurement{}, err
	}
	defer d.Stop()
	if _, err := d.Load(ctx, "warm", length/10); err != nil {
		return Measurement{}, err
	}
	runtime.GC() // what others have left behind is not of this measurement
	serverBefore, databaseBefore, driverBefore, begin := s.cpu(), s.database.cpu(), driverCPU(), time.Now()
	latencies, err := d.Load(ctx, "measured", length)
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

		DatabaseCPU: (s.database.cpu() - databaseBefore) / time.Duration(n),
	}, nil
}
