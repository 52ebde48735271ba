package worker

import (
	"errors"
	"fmt"

	sdkpb "go.temporal.io/api/sdk/v1"

	"github.com/perdure/perdure/sdk/internal/workergroup"
)

// A worker that takes commands can be told how many workflows to keep in its cache, and within which bounds the number
// of its polls is to move, while it runs. The process has the new values until it ends.

var _ workergroup.Configurable = (*heartbeats)(nil)

// Key implements workergroup.Configurable.
func (h *heartbeats) Key() string { return h.worker.instanceKey }

// Config implements workergroup.Configurable. Of the pollers, it tells those for workflow tasks, or for activities if the
// worker has no workflows.
func (h *heartbeats) Config() *sdkpb.WorkerConfig {
	w := h.worker
	w.mu.Lock()
	defer w.mu.Unlock()
	config := new(sdkpb.WorkerConfig)
	var behavior PollerBehavior
	switch {
	case w.workflows != nil:
		config.WorkflowCacheSize = int32(w.workflows.cache.capacity())
		behavior = w.config.WorkflowTaskPollerBehavior
	case w.activities != nil:
		behavior = w.config.ActivityTaskPollerBehavior
	default:
		behavior = w.config.NexusTaskPollerBehavior
	}
	if scalers := w.scalers(); len(scalers) > 0 {
		minimum, maximum, target := scalers[0].bounds()
		config.PollerBehavior = &sdkpb.WorkerConfig_AutoscalingPollerBehavior_{AutoscalingPollerBehavior: &sdkpb.WorkerConfig_AutoscalingPollerBehavior{
			MinPollers: int32(minimum), MaxPollers: int32(maximum), InitialPollers: int32(target)}}
	} else if behavior != nil {
		if fixed, ok := behavior.behavior().(simpleMaximum); ok {
			config.PollerBehavior = &sdkpb.WorkerConfig_SimplePollerBehavior_{SimplePollerBehavior: &sdkpb.WorkerConfig_SimplePollerBehavior{MaxPollers: int32(fixed.count)}}
		}
	}
	return config
}

// The fields that can be changed.
const (
	fieldCacheSize = "workflow_cache_size"
	fieldPollers   = "autoscaling_poller_behavior"
)

// Configure implements workergroup.Configurable. The size is that of the cache which the worker uses: that of the process, unless
// it has one of its own. The bounds hold for all kinds of tasks.
func (h *heartbeats) Configure(config *sdkpb.WorkerConfig, fields []string) error {
	w := h.worker
	w.mu.Lock()
	defer w.mu.Unlock()
	pollers, scalers := config.GetAutoscalingPollerBehavior(), w.scalers()
	for _, field := range fields {
		switch {
		case field == fieldCacheSize && w.workflows == nil:
			return errors.New("the worker has no workflows, and so no cache")
		case field == fieldCacheSize && config.GetWorkflowCacheSize() < 0:
			return errors.New("the size of a cache cannot be negative")
		case field == fieldCacheSize:
		case field == fieldPollers && len(scalers) == 0:
			return errors.New("the worker has a fixed number of pollers, which cannot be changed while it runs")
		case field == fieldPollers && (pollers.GetMinPollers() < 1 || pollers.GetMaxPollers() < pollers.GetMinPollers()):
			return fmt.Errorf("the number of pollers cannot be from %d to %d", pollers.GetMinPollers(), pollers.GetMaxPollers())
		case field == fieldPollers:
		default:
			return fmt.Errorf("%s cannot be changed while the worker runs", field)
		}
	}
	for _, field := range fields {
		if field == fieldCacheSize {
			w.workflows.cache.bound(func() { w.workflows.cache.size = int(config.GetWorkflowCacheSize()) })
			continue
		}
		for _, s := range scalers {
			s.rebound(int(pollers.GetMinPollers()), int(pollers.GetMaxPollers()))
		}
	}
	return nil
}

// scalers are those of the pollers whose number moves. The caller holds mu, and the worker has started.
func (w *Worker) scalers() (all []*scaler) {
	add := func(s *scaler) {
		if s != nil {
			all = append(all, s)
		}
	}
	if w.workflows != nil {
		for _, p := range w.workflows.pollers {
			add(p.scaler)
		}
	}
	if w.activities != nil && w.activities.poller != nil {
		add(w.activities.poller.scaler)
	}
	if w.nexus != nil && w.nexus.poller != nil {
		add(w.nexus.poller.scaler)
	}
	return all
}

// bounds are between which numbers of polls it moves, and where it is.
func (s *scaler) bounds() (minimum, maximum, target int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.minimum, s.maximum, s.target
}

// rebound sets other bounds.
func (s *scaler) rebound(minimum, maximum int) {
	s.mu.Lock()
	s.minimum, s.maximum = minimum, maximum
	s.move(s.target)
	s.mu.Unlock()
	s.wake()
}
