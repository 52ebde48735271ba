package main

import (
	"context"
	"flag"
	"runtime"
	"testing"

	"github.com/perdure/perdure/bench/drive"
	"github.com/perdure/perdure/bench/owned"
)

var perdureBinary = flag.String("perdure", "", "path of the perdure binary, for the benchmarks that need a server")

var sdks = []struct {
	name   string
	start  sdk
	replay func(events int) func() error
}{
	{"temporal", temporalSDK, drive.NewReplay},
	{"perdure", perdureSDK, owned.NewReplay},
}

// BenchmarkReplay replays a history of 10,000 events: activities, one after the other.
func BenchmarkReplay(b *testing.B) {
	for _, s := range sdks {
		b.Run(s.name, func(b *testing.B) {
			replay := s.replay(10_000)
			b.ReportAllocs()
			for b.Loop() {
				if err := replay(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// oneActivityConcurrently is the index of "one activity, 64 concurrent".
const oneActivityConcurrently = 1

func startServer(b *testing.B) *server {
	if *perdureBinary == "" {
		b.Skip("without -perdure there is no server")
	}
	s, err := startPerdure(*perdureBinary)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.stop)
	return s
}

// BenchmarkOneActivity is what workers and clients need of the CPU for a workflow of one
// activity, with metrics, an interceptor and heartbeats.
func BenchmarkOneActivity(b *testing.B) {
	for _, s := range sdks {
		b.Run(s.name, func(b *testing.B) {
			server := startServer(b)
			d, err := s.start(b.Context(), server.address, oneActivityConcurrently, true)
			if err != nil {
				b.Fatal(err)
			}
			defer d.Stop()
			runtime.GC()
			before := driverCPU()
			b.ResetTimer()
			b.ReportAllocs()
			if _, err := d.Repeat(b.Context(), "run", b.N); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			b.ReportMetric(milliseconds(driverCPU()-before)/float64(b.N), "cpu-ms/op")
		})
	}
}

// BenchmarkCachedWorkflow is the memory of a workflow in the sticky cache that waits: heap
// and stacks.
func BenchmarkCachedWorkflow(b *testing.B) {
	for _, s := range sdks {
		b.Run(s.name, func(b *testing.B) {
			server := startServer(b)
			d, err := s.start(context.Background(), server.address, oneActivityConcurrently, false)
			if err != nil {
				b.Fatal(err)
			}
			defer d.Stop()
			if err := d.Cache(b.Context(), 100); err != nil { // buffers and pools
				b.Fatal(err)
			}
			before := liveMemory()
			if err := d.Cache(b.Context(), b.N); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(liveMemory()-before)/float64(b.N), "B/workflow")
		})
	}
}

// liveMemory is what is left of heap and stacks after garbage collection.
func liveMemory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
