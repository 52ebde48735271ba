package tuner

import "github.com/perdure/perdure/sdk/log"

// SysInfoProvider says how busy the machine, or the container, is. Package
// contrib/sysinfo has one.
type SysInfoProvider interface {
	// MemoryUsage is the fraction of memory in use, from 0 to 1.
	MemoryUsage(infoContext *SysInfoContext) (float64, error)
	// CpuUsage is the fraction of processor time in use, from 0 to 1.
	CpuUsage(infoContext *SysInfoContext) (float64, error)
}

// SysInfoContext is what a SysInfoProvider is called with.
type SysInfoContext struct {
	// Logger is the worker's.
	Logger log.Logger
}

// HasSysInfoProvider is implemented by slot suppliers that know a SysInfoProvider,
// which worker heartbeats then use, too.
type HasSysInfoProvider interface {
	// SysInfoProvider returns what measures the machine, or nil.
	SysInfoProvider() SysInfoProvider
}
