package worker

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workerpb "go.temporal.io/api/worker/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/tuner"
)

// heartbeats say how a worker is: while it runs to the group of the client's workers, which
// tells the server of all of them at the client's interval, and a last time with the news
// that it stops.
type heartbeats struct {
	worker  *Worker
	started time.Time
	system  tuner.SysInfoProvider // nil: usage is reported as zero

	mu sync.Mutex
	// previous is when the last one was made, slots what it said of each kind.
	previous time.Time
	slots    map[*slots]slotCounts
	// environment is sent until the server has taken it once.
	environment *workerpb.EnvironmentInfo
}

type slotCounts struct{ processed, failed int64 }

func newHeartbeats(w *Worker) *heartbeats {
	h := &heartbeats{worker: w, started: time.Now(), slots: make(map[*slots]slotCounts), system: w.config.systemInfo()}
	if !w.config.backend.Workers.DisableEnvironmentInfo {
		h.environment = &workerpb.EnvironmentInfo{Runtimes: []*workerpb.EnvironmentInfo_Runtime{{
			Type: workerpb.EnvironmentInfo_Runtime_RUNTIME_TYPE_GO, Version: runtime.Version(),
		}}}
	}
	return h
}

// Heartbeat says how the worker is while it runs.
func (h *heartbeats) Heartbeat() *workerpb.WorkerHeartbeat {
	return h.make(enumspb.WORKER_STATUS_RUNNING)
}

// Heard is called when the server has taken a heartbeat.
func (h *heartbeats) Heard() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.environment = nil
}

// make returns what there is to say.
func (h *heartbeats) make(status enumspb.WorkerStatus) *workerpb.WorkerHeartbeat {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.worker
	now := time.Now()
	beat := &workerpb.WorkerHeartbeat{
		WorkerInstanceKey: w.instanceKey,
		WorkerIdentity:    w.config.Identity,
		HostInfo: &workerpb.WorkerHostInfo{
			HostName:            hostName(),
			WorkerGroupingKey:   w.config.backend.Workers.Group.Key(),
			ProcessId:           strconv.Itoa(os.Getpid()),
			CurrentHostCpuUsage: h.usage(tuner.SysInfoProvider.CpuUsage),
			CurrentHostMemUsage: h.usage(tuner.SysInfoProvider.MemoryUsage),
		},
		TaskQueue:         w.config.taskQueue,
		DeploymentVersion: w.deploymentVersion(),
		SdkName:           w.config.backend.Workers.SDKName,
		SdkVersion:        w.config.backend.Workers.SDKVersion,
		Status:            status,
		StartTime:         timestamppb.New(h.started),
		HeartbeatTime:     timestamppb.New(now),
		Environment:       h.environment,
		Plugins:           w.pluginInfos(),
	}
	for _, kind := range w.storage.DriverTypes() {
		beat.Drivers = append(beat.Drivers, &workerpb.StorageDriverInfo{Type: kind})
	}
	if !h.previous.IsZero() {
		beat.ElapsedSinceLastHeartbeat = durationpb.New(now.Sub(h.previous))
	}
	h.previous = now
	if ww := w.workflows; ww != nil {
		beat.WorkflowTaskSlotsInfo = h.slotsInfo(ww.tasks.slots)
		beat.LocalActivitySlotsInfo = h.slotsInfo(ww.localSlots)
		beat.WorkflowPollerInfo = pollerInfo(ww.normalPolls, w.config.WorkflowTaskPollerBehavior)
		beat.WorkflowStickyPollerInfo = pollerInfo(ww.stickyPolls, w.config.WorkflowTaskPollerBehavior)
		beat.TotalStickyCacheHit = int32(ww.hits.Load())
		beat.TotalStickyCacheMiss = int32(ww.misses.Load())
		beat.CurrentStickyCacheSize = int32(ww.cache.len())
	}
	if a := w.activities; a != nil {
		beat.ActivityTaskSlotsInfo = h.slotsInfo(a.tasks.slots)
		beat.ActivityPollerInfo = pollerInfo(a.polls, w.config.ActivityTaskPollerBehavior)
	}
	if n := w.startedNexus(); n != nil {
		beat.NexusTaskSlotsInfo = h.slotsInfo(n.tasks.slots)
		beat.NexusPollerInfo = pollerInfo(n.polls, w.config.NexusTaskPollerBehavior)
	}
	return beat
}

// usage asks the system for a figure, 0 if it cannot be told.
func (h *heartbeats) usage(of func(tuner.SysInfoProvider, *tuner.SysInfoContext) (float64, error)) float32 {
	if h.system == nil {
		return 0
	}
	value, err := of(h.system, &tuner.SysInfoContext{Logger: h.worker.logger})
	if err != nil {
		h.worker.logger.Debug("The usage of the machine could not be measured.", logtag.Error, err)
		return 0
	}
	return float32(value)
}

// slotsInfo describes the slots. The caller holds mu.
func (h *heartbeats) slotsInfo(s *slots) *workerpb.WorkerSlotsInfo {
	counts := slotCounts{processed: s.processed.Load(), failed: s.failed.Load()}
	before := h.slots[s]
	h.slots[s] = counts
	used := s.inUse.load()
	info := &workerpb.WorkerSlotsInfo{
		CurrentUsedSlots:           int32(used),
		SlotSupplierKind:           tuner.Kind(s.supplier),
		TotalProcessedTasks:        int32(counts.processed),
		TotalFailedTasks:           int32(counts.failed),
		LastIntervalProcessedTasks: int32(counts.processed - before.processed),
		LastIntervalFailureTasks:   int32(counts.failed - before.failed),
	}
	if most := s.supplier.MaxSlots(); most > 0 {
		info.CurrentAvailableSlots = int32(int64(most) - used)
	}
	return info
}

func pollerInfo(polls *pollGauge, behavior PollerBehavior) *workerpb.WorkerPollerInfo {
	_, scales := behavior.behavior().(autoscaling)
	info := &workerpb.WorkerPollerInfo{CurrentPollers: int32(polls.open.load()), IsAutoscaling: scales}
	if at := polls.succeeded.Load(); at != 0 {
		info.LastSuccessfulPollTime = timestamppb.New(time.Unix(0, at))
	}
	return info
}

// pluginInfos names the plugins of the client and the worker, each once.
func (w *Worker) pluginInfos() []*workerpb.PluginInfo {
	var infos []*workerpb.PluginInfo
	seen := make(map[string]bool)
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			infos = append(infos, &workerpb.PluginInfo{Name: name})
		}
	}
	for _, plugin := range w.config.backend.Plugins {
		add(plugin.Name())
	}
	for _, plugin := range w.config.plugins {
		add(plugin.Name())
	}
	return infos
}

// deploymentVersion is the version of the deployment that the worker runs, nil if its
// workflows are not routed by it.
func (w *Worker) deploymentVersion() *deploymentpb.WorkerDeploymentVersion {
	deployment := w.config.DeploymentOptions
	if !deployment.UseVersioning {
		return nil
	}
	return &deploymentpb.WorkerDeploymentVersion{DeploymentName: deployment.Version.DeploymentName, BuildId: deployment.Version.BuildID}
}

// systemInfo is what tells the usage of the machine, nil if nothing does.
func (o *Options) systemInfo() tuner.SysInfoProvider {
	if o.SysInfoProvider != nil {
		return o.SysInfoProvider
	}
	return tunerSystemInfo(o.Tuner)
}

// tunerSystemInfo is what a tuner goes by, nil if it does not measure.
func tunerSystemInfo(t tuner.WorkerTuner) tuner.SysInfoProvider {
	if t == nil {
		return nil
	}
	if s, ok := t.GetWorkflowTaskSlotSupplier().(tuner.HasSysInfoProvider); ok {
		return s.SysInfoProvider()
	}
	return nil
}
