package tuner

import (
	"sync"
	"time"

	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/log"
)

// ResourceControllerOptions of a ResourceController. Start from
// DefaultResourceControllerOptions and set the targets.
type ResourceControllerOptions struct {
	// MemTargetPercent is the memory usage to stay below, from 0 to 1. No slot is
	// given out above it.
	MemTargetPercent float64
	// CpuTargetPercent is the processor usage to aim for, from 0 to 1.
	CpuTargetPercent float64
	// InfoSupplier measures. Required.
	InfoSupplier SysInfoProvider

	// MemOutputThreshold and CpuOutputThreshold are what the output of the respective
	// controller must exceed for a slot to be given out.
	MemOutputThreshold float64
	CpuOutputThreshold float64

	// MemPGain, MemIGain and MemDGain are the gains of the PID controller for memory:
	// proportional, integral, derivative. CpuPGain, CpuIGain and CpuDGain are those of the
	// one for the processor. Zero leaves out the respective part.
	MemPGain float64
	MemIGain float64
	MemDGain float64
	CpuPGain float64
	CpuIGain float64
	CpuDGain float64
}

// DefaultResourceControllerOptions returns the options to start from: targets of 0.8
// for memory and 0.9 for processors.
func DefaultResourceControllerOptions() ResourceControllerOptions {
	return ResourceControllerOptions{
		MemTargetPercent:   0.8,
		CpuTargetPercent:   0.9,
		MemOutputThreshold: 0.25,
		CpuOutputThreshold: 0.05,
		MemPGain:           5,
		MemDGain:           1,
		CpuPGain:           5,
		CpuDGain:           1,
	}
}

// ResourceController decides whether the machine can take another task. One process
// should have one: two that look at the same machine work against each other.
type ResourceController struct {
	options ResourceControllerOptions

	mu       sync.Mutex
	memory   pid
	cpu      pid
	measured time.Time
}

// NewResourceController returns a ResourceController. It panics without an
// InfoSupplier.
func NewResourceController(options ResourceControllerOptions) *ResourceController {
	if options.InfoSupplier == nil {
		panic("InfoSupplier is required: package contrib/sysinfo has one")
	}
	return &ResourceController{
		options: options,
		memory:  pid{p: options.MemPGain, i: options.MemIGain, d: options.MemDGain},
		cpu:     pid{p: options.CpuPGain, i: options.CpuIGain, d: options.CpuDGain},
	}
}

// allows measures, and says whether there is room for another task.
func (c *ResourceController) allows(logger log.Logger, m metrics.Handler) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	info := &SysInfoContext{Logger: logger}
	memory, err := c.options.InfoSupplier.MemoryUsage(info)
	if err != nil {
		return false, err
	}
	cpu, err := c.options.InfoSupplier.CpuUsage(info)
	if err != nil {
		return false, err
	}
	m = metrics.OrNop(m)
	m.Gauge(metrics.ResourceSlotsMemoryUsage).Update(memory * 100)
	m.Gauge(metrics.ResourceSlotsCPUUsage).Update(cpu * 100)
	if memory >= c.options.MemTargetPercent {
		return false, nil
	}
	now := time.Now()
	// Two measurements at the same instant must not divide by zero.
	elapsed := max(now.Sub(c.measured), time.Millisecond)
	c.measured = now
	memoryRoom := c.memory.update(c.options.MemTargetPercent-memory, elapsed)
	cpuRoom := c.cpu.update(c.options.CpuTargetPercent-cpu, elapsed)
	return memoryRoom > c.options.MemOutputThreshold && cpuRoom > c.options.CpuOutputThreshold, nil
}

// pid is a proportional-integral-derivative controller.
type pid struct {
	p, i, d float64

	last     float64 // error of the last update
	integral float64
}

// update takes in by how much the target is missed, and returns the output.
func (c *pid) update(err float64, elapsed time.Duration) float64 {
	seconds := elapsed.Seconds()
	c.integral += err * seconds
	derivative := (err - c.last) / seconds
	c.last = err
	return c.p*err + c.i*c.integral + c.d*derivative
}
