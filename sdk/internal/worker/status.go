package worker

import (
	"context"
	"time"

	"github.com/perdure/perdure/sdk/internal/tuner"
)

// workerStatus is how a worker is: what its status page and its status log say. Its JSON form is
// the page's.
type workerStatus struct {
	Namespace string    `json:"namespace"`
	TaskQueue string    `json:"taskQueue"`
	Identity  string    `json:"identity"`
	BuildID   string    `json:"buildId"`
	Instance  string    `json:"instanceKey"`
	State     string    `json:"state"` // "running" or "stopping"
	Started   time.Time `json:"started"`
	Time      time.Time `json:"time"`

	Polls []pollStatus `json:"polls"`
	Slots []slotStatus `json:"slots"`
	// Cache is nil for a worker without workflows.
	Cache *cacheStatus `json:"cache,omitempty"`
	// FailuresTotal is how many there were since the start, Failures are the last ones, the
	// last first.
	FailuresTotal int64         `json:"failuresTotal"`
	Failures      []failureNote `json:"failures"`
}

// pollStatus is one kind of polls.
type pollStatus struct {
	Of       string `json:"of"`
	Open     int64  `json:"open"`
	Behavior string `json:"behavior"` // "fixed" or "autoscaling"
	// LastTask is when a poll last brought a task, nil for never.
	LastTask *time.Time `json:"lastTask,omitempty"`
	// Error is what polls fail with, and FailingSince since when; empty while they do not.
	Error        string     `json:"error,omitempty"`
	FailingSince *time.Time `json:"failingSince,omitempty"`
}

// slotStatus is one kind of slots.
type slotStatus struct {
	Of       string `json:"of"`
	Supplier string `json:"supplier"`
	Used     int64  `json:"used"`
	// Most is how many there are, 0 if their supplier does not say.
	Most      int   `json:"most,omitempty"`
	Processed int64 `json:"processed"`
	Failed    int64 `json:"failed"`
}

// cacheStatus is the sticky cache.
type cacheStatus struct {
	// Shared says that it is that of the process.
	Shared bool `json:"shared"`
	Runs   int  `json:"runs"`
	Size   int  `json:"size"`
	// Bytes is an estimate. MaxBytes is 0 if there is no bound.
	Bytes    int64 `json:"bytes"`
	MaxBytes int64 `json:"maxBytes,omitempty"`
	Hits     int64 `json:"hits"`
	Misses   int64 `json:"misses"`
}

// status returns how the worker is.
func (w *Worker) status() *workerStatus {
	s := &workerStatus{
		Namespace: w.config.backend.Namespace,
		TaskQueue: w.config.taskQueue,
		Identity:  w.config.Identity,
		BuildID:   w.config.BuildID,
		Instance:  w.instanceKey,
		State:     "running",
		Started:   w.started,
		Time:      time.Now(),
	}
	if w.stopping.Err() != nil {
		s.State = "stopping"
	}
	if ww := w.workflows; ww != nil {
		behavior := w.config.WorkflowTaskPollerBehavior
		s.poll("workflow tasks", ww.normalPolls, behavior, ww.pollErrors()...)
		if ww.sticky != nil {
			s.poll("sticky workflow tasks", ww.stickyPolls, behavior)
		}
		s.slot("workflow tasks", ww.tasks.slots)
		s.slot("local activities", ww.localSlots)
		c := &cacheStatus{Shared: ww.cache == process, Hits: ww.hits.Load(), Misses: ww.misses.Load()}
		c.Runs, c.Size, c.Bytes, c.MaxBytes = ww.cache.usage()
		s.Cache = c
	}
	if a := w.activities; a != nil {
		s.poll("activities", a.polls, w.config.ActivityTaskPollerBehavior, &a.poller.errors)
		s.slot("activities", a.tasks.slots)
	}
	if n := w.startedNexus(); n != nil {
		s.poll("Nexus tasks", n.polls, w.config.NexusTaskPollerBehavior, &n.poller.errors)
		s.slot("Nexus tasks", n.tasks.slots)
	}
	if w.sessions != nil {
		s.slot("sessions", w.sessions.creations.tasks.slots)
		s.slot("activities in sessions", w.sessions.activities.tasks.slots)
	}
	s.Failures, s.FailuresTotal = w.recent.list()
	return s
}

// pollErrors are the errors of all pollers for workflow tasks.
func (w *workflowWorker) pollErrors() (logs []*errorLog) {
	for _, p := range w.pollers {
		logs = append(logs, &p.errors)
	}
	return logs
}

func (s *workerStatus) poll(of string, polls *pollGauge, behavior PollerBehavior, errors ...*errorLog) {
	p := pollStatus{Of: of, Open: polls.open.load(), Behavior: "fixed"}
	if _, scales := behavior.behavior().(autoscaling); scales {
		p.Behavior = "autoscaling"
	}
	if at := polls.succeeded.Load(); at != 0 {
		last := time.Unix(0, at)
		p.LastTask = &last
	}
	for _, log := range errors {
		if text, since := log.current(); text != "" {
			p.Error, p.FailingSince = text, &since
		}
	}
	s.Polls = append(s.Polls, p)
}

func (s *workerStatus) slot(of string, slots *slots) {
	s.Slots = append(s.Slots, slotStatus{
		Of:        of,
		Supplier:  tuner.Kind(slots.supplier),
		Used:      slots.inUse.load(),
		Most:      slots.supplier.MaxSlots(),
		Processed: slots.processed.Load(),
		Failed:    slots.failed.Load(),
	})
}

// logStatus logs how the worker is, again and again, until ctx ends.
func (w *Worker) logStatus(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			w.logger.Info("Worker status", w.status().tags()...)
		case <-ctx.Done():
			return
		}
	}
}

// tags are the figures of a status as keys and values of a log line.
func (s *workerStatus) tags() []any {
	tags := []any{"State", s.State, "Uptime", s.Time.Sub(s.Started).Round(time.Second).String()}
	for _, p := range s.Polls {
		tags = append(tags, "Polls of "+p.Of, p.Open)
		if p.Error != "" {
			tags = append(tags, "Polls of "+p.Of+" fail with", p.Error)
		}
	}
	for _, slot := range s.Slots {
		tags = append(tags,
			"Slots of "+slot.Of, slot.Used,
			"Processed "+slot.Of, slot.Processed,
			"Failed "+slot.Of, slot.Failed)
	}
	if c := s.Cache; c != nil {
		tags = append(tags, "Cached workflows", c.Runs, "Cached bytes", c.Bytes, "Cache hits", c.Hits, "Cache misses", c.Misses)
	}
	return append(tags, "Failures", s.FailuresTotal)
}
