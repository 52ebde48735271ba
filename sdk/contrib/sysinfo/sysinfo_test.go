package sysinfo

import (
	"runtime"
	"testing"
	"testing/fstest"
	"time"

	"github.com/perdure/perdure/sdk/worker"
)

// box is a machine whose files and clock a test sets.
type box struct {
	files fstest.MapFS
	clock time.Time
}

func newBox(files map[string]string) *box {
	b := &box{files: fstest.MapFS{}, clock: time.Unix(1000, 0)}
	for name, content := range files {
		b.set(name, content)
	}
	return b
}

func (b *box) set(name, content string) { b.files[name] = &fstest.MapFile{Data: []byte(content)} }

func (b *box) provider() *provider { return newProvider(b.files, func() time.Time { return b.clock }) }

func (b *box) later(d time.Duration) { b.clock = b.clock.Add(d) }

func usage(t *testing.T, of func(*worker.SysInfoContext) (float64, error)) float64 {
	t.Helper()
	value, err := of(&worker.SysInfoContext{})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

var idleMachine = map[string]string{
	"proc/stat":    "cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 2 3\n",
	"proc/meminfo": "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 600 kB\n",
}

func TestTheUsageOfAMachineIsRead(t *testing.T) {
	b := newBox(idleMachine)
	p := b.provider()
	if got := usage(t, p.CpuUsage); got != 0 {
		t.Errorf("after one reading the processor usage is %v", got)
	}
	b.later(time.Second)
	b.set("proc/stat", "cpu  175 0 100 725 100 0 0 0 90 0\n")
	if got := usage(t, p.CpuUsage); got != 0.75 {
		t.Errorf("the processor usage is %v", got)
	}
	if got := usage(t, p.MemoryUsage); got != 0.4 {
		t.Errorf("the memory usage is %v", got)
	}
}

func TestTheUsageOfAContainerIsThatOfItsLimits(t *testing.T) {
	b := newBox(idleMachine)
	b.set("sys/fs/cgroup/cpu.max", "200000 100000\n")
	b.set("sys/fs/cgroup/cpu.stat", "usage_usec 5000000\nuser_usec 1\n")
	b.set("sys/fs/cgroup/memory.max", "1000\n")
	b.set("sys/fs/cgroup/memory.current", "700\n")
	b.set("sys/fs/cgroup/memory.stat", "anon 1\ninactive_file 200\n")
	p := b.provider()
	b.later(time.Second)
	b.set("sys/fs/cgroup/cpu.stat", "usage_usec 6500000\n")
	if got := usage(t, p.CpuUsage); got < 0.7499 || got > 0.7501 {
		t.Errorf("of two processors, 1.5 s in a second are %v", got)
	}
	if got := usage(t, p.MemoryUsage); got != 0.5 {
		t.Errorf("the memory usage is %v", got)
	}
}

func TestAContainerWithoutLimitsHasThoseOfTheMachine(t *testing.T) {
	b := newBox(idleMachine)
	b.set("sys/fs/cgroup/cpu.max", "max 100000\n")
	b.set("sys/fs/cgroup/memory.max", "max\n")
	p := b.provider()
	b.later(time.Second)
	b.set("proc/stat", "cpu  150 0 100 750 100 0 0 0 0 0\n")
	if cpu, memory := usage(t, p.CpuUsage), usage(t, p.MemoryUsage); cpu != 0.5 || memory != 0.4 {
		t.Errorf("the processor usage is %v, the memory's %v", cpu, memory)
	}
}

func TestAReadingIsGoodForAWhile(t *testing.T) {
	b := newBox(idleMachine)
	p := b.provider()
	usage(t, p.MemoryUsage)
	b.set("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 100 kB\n")
	if got := usage(t, p.MemoryUsage); got != 0.4 {
		t.Errorf("at once the memory was read again: %v", got)
	}
	b.later(freshFor)
	if got := usage(t, p.MemoryUsage); got != 0.9 {
		t.Errorf("the memory usage is %v", got)
	}
}

func TestAMachineThatCannotBeMeasuredIsAnError(t *testing.T) {
	b := newBox(nil)
	p := b.provider()
	b.later(time.Second)
	if _, err := p.CpuUsage(nil); err == nil {
		t.Error("the processor usage was measured")
	}
	if _, err := p.MemoryUsage(nil); err == nil {
		t.Error("the memory usage was measured")
	}
}

func TestThisMachineCanBeMeasured(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can be measured")
	}
	p := SysInfoProvider()
	for name, of := range map[string]func(*worker.SysInfoContext) (float64, error){"memory": p.MemoryUsage, "processors": p.CpuUsage} {
		if got := usage(t, of); got < 0 || got > 1 {
			t.Errorf("the usage of %s is %v", name, got)
		}
	}
	if p != SysInfoProvider() {
		t.Error("there are two providers")
	}
}
