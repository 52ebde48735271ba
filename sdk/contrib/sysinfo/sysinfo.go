// Package sysinfo tells workers how busy their machine is, for resource-based tuners and
// worker heartbeats:
//
//	tuner, err := worker.NewResourceBasedTuner(worker.ResourceBasedTunerOptions{
//		TargetMem:    0.8,
//		TargetCpu:    0.9,
//		InfoSupplier: sysinfo.SysInfoProvider(),
//	})
//
// It reads what Linux says in /proc, and in a container with limits of its own (control
// groups, version 2) what is used of these. It depends on nothing but the standard library.
// On other systems its methods fail.
package sysinfo

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/sdk/worker"
)

// freshFor is how long a reading is good. Usage of processors is measured over at least
// that long.
const freshFor = 100 * time.Millisecond

// SysInfoProvider returns the provider of this process.
func SysInfoProvider() worker.SysInfoProvider { return process() }

var process = sync.OnceValue(func() *provider { return newProvider(os.DirFS("/"), time.Now) })

// provider implements worker.SysInfoProvider.
type provider struct {
	root fs.FS
	now  func() time.Time

	mu     sync.Mutex
	last   cpuReading
	cpu    float64 // usage between the reading before and the last one
	cpuErr error
	memory float64
	memErr error
	memAt  time.Time
}

// cpuReading is how much processor time was used and how much there was, up to a moment.
type cpuReading struct {
	at              time.Time
	used, available float64
	limited         bool // of the container, in seconds; of the machine otherwise, in ticks
}

func newProvider(root fs.FS, now func() time.Time) *provider {
	p := &provider{root: root, now: now}
	p.last, p.cpuErr = p.readCPU()
	return p
}

// MemoryUsage implements worker.SysInfoProvider.
func (p *provider) MemoryUsage(*worker.SysInfoContext) (float64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.now(); p.memAt.IsZero() || now.Sub(p.memAt) >= freshFor {
		p.memory, p.memErr = p.readMemory()
		p.memAt = now
	}
	return p.memory, p.memErr
}

// CpuUsage implements worker.SysInfoProvider. Until there are two readings it is zero.
func (p *provider) CpuUsage(*worker.SysInfoContext) (float64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now().Sub(p.last.at) < freshFor {
		return p.cpu, p.cpuErr
	}
	reading, err := p.readCPU()
	if err != nil {
		p.cpuErr = err
		return 0, err
	}
	if available := reading.available - p.last.available; p.cpuErr == nil && reading.limited == p.last.limited && available > 0 {
		p.cpu = min(max((reading.used-p.last.used)/available, 0), 1)
	}
	p.last, p.cpuErr = reading, nil
	return p.cpu, nil
}

// readCPU reads the usage of the container, if it has a limit, or of the machine.
func (p *provider) readCPU() (cpuReading, error) {
	at := p.now()
	if cores, ok := p.cpuLimit(); ok {
		used, err := p.field("sys/fs/cgroup/cpu.stat", "usage_usec")
		if err == nil {
			seconds := float64(at.UnixNano()) / 1e9
			return cpuReading{at: at, used: used / 1e6, available: cores * seconds, limited: true}, nil
		}
	}
	fields, err := p.line("proc/stat", "cpu")
	if err != nil {
		return cpuReading{at: at}, err
	}
	reading := cpuReading{at: at}
	for i, field := range fields {
		if i == 8 {
			break // guests are counted among the others already
		}
		ticks, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return cpuReading{at: at}, fmt.Errorf("reading the processor times in /proc/stat: %w", err)
		}
		reading.available += ticks
		if idle := i == 3 || i == 4; !idle {
			reading.used += ticks
		}
	}
	return reading, nil
}

// cpuLimit is how many processors the container may use, if that is limited.
func (p *provider) cpuLimit() (cores float64, ok bool) {
	content, err := fs.ReadFile(p.root, "sys/fs/cgroup/cpu.max")
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(content))
	if len(fields) != 2 {
		return 0, false
	}
	quota, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		return 0, false // "max"
	}
	period, err := strconv.ParseFloat(fields[1], 64)
	return quota / period, err == nil && period > 0 && quota > 0
}

// readMemory reads the usage of the container, if it has a limit, or of the machine.
func (p *provider) readMemory() (float64, error) {
	if limit, err := p.number("sys/fs/cgroup/memory.max"); err == nil && limit > 0 {
		if used, err := p.number("sys/fs/cgroup/memory.current"); err == nil {
			// What only caches files is given up when memory is short.
			cached, _ := p.field("sys/fs/cgroup/memory.stat", "inactive_file")
			return max(used-cached, 0) / limit, nil
		}
	}
	total, err := p.field("proc/meminfo", "MemTotal:")
	if err != nil {
		return 0, err
	}
	available, err := p.field("proc/meminfo", "MemAvailable:")
	if err != nil {
		return 0, err
	}
	if total <= 0 {
		return 0, fmt.Errorf("reading /proc/meminfo: the machine has %v of memory", total)
	}
	return 1 - available/total, nil
}

// number is the content of a file that is a number.
func (p *provider) number(name string) (float64, error) {
	content, err := fs.ReadFile(p.root, name)
	if err != nil {
		return 0, fmt.Errorf("measuring the machine: %w", err)
	}
	return strconv.ParseFloat(strings.TrimSpace(string(content)), 64)
}

// field is the number behind a key at the beginning of a line.
func (p *provider) field(name, key string) (float64, error) {
	fields, err := p.line(name, key)
	if err != nil {
		return 0, err
	}
	if len(fields) == 0 {
		return 0, fmt.Errorf("measuring the machine: /%s has no value for %s", name, key)
	}
	return strconv.ParseFloat(fields[0], 64)
}

// line are the words behind a key at the beginning of a line.
func (p *provider) line(name, key string) ([]string, error) {
	file, err := p.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("measuring the machine: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) > 0 && fields[0] == key {
			return fields[1:], nil
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("measuring the machine: reading /%s: %w", name, err)
	}
	return nil, fmt.Errorf("measuring the machine: /%s does not have %s", name, key)
}
