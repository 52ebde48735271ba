package replay

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
)

// LocalActivity is a local activity that the code asked for: run by the worker
// within the workflow task, and recorded as a marker when it has ended. In
// replay the marker stands for it.
type LocalActivity struct {
	// ID counts the local activities of the run, from 1.
	ID string
	// Type is the activity type.
	Type string
	// Data is the caller's.
	Data any

	metadata *sdkpb.UserMetadata
	started  bool
	pastTask bool // older than the current workflow task
	resolve  func(LocalActivityResult)
}

// LocalActivityResult is how a local activity ended, as its marker has it.
type LocalActivityResult struct {
	Result  *commonpb.Payloads
	Failure *failurepb.Failure
	Attempt int32
	// Backoff, when positive, says that the failure is to be retried after it.
	Backoff time.Duration
}

// localActivityData is the JSON in the marker's "data".
type localActivityData struct {
	ActivityID   string
	ActivityType string
	ReplayTime   time.Time
	Attempt      int32
	Backoff      time.Duration
}

type localActivities struct {
	count int64
	// open are those that have not ended, in the order asked for.
	open []*LocalActivity
	// lateAttempts are the attempts, in this task, of activities that began
	// in an earlier one.
	lateAttempts uint32
}

func (l *localActivities) newTask() {
	l.lateAttempts = 0
	for _, a := range l.open {
		a.pastTask = true
	}
}

func (l *localActivities) find(id string) *LocalActivity {
	for _, a := range l.open {
		if a.ID == id {
			return a
		}
	}
	return nil
}

// ScheduleLocalActivity asks for a local activity. resolve is called once.
func (m *Machine) ScheduleLocalActivity(activityType string, metadata *sdkpb.UserMetadata, data any, resolve func(LocalActivityResult)) *LocalActivity {
	m.localActivities.count++
	a := &LocalActivity{
		ID:       strconv.FormatInt(m.localActivities.count, 10),
		Type:     activityType,
		Data:     data,
		metadata: metadata,
		resolve:  resolve,
	}
	m.localActivities.open = append(m.localActivities.open, a)
	return a
}

// StartLocalActivities returns the local activities to run now: asked for,
// not answered by the history, and not returned before.
func (m *Machine) StartLocalActivities() []*LocalActivity {
	var start []*LocalActivity
	for _, a := range m.localActivities.open {
		if !a.started {
			a.started = true
			start = append(start, a)
		}
	}
	return start
}

// OpenLocalActivities is how many have not ended.
func (m *Machine) OpenLocalActivities() int { return len(m.localActivities.open) }

// LocalActivities are those that have not ended, in the order asked for.
func (m *Machine) LocalActivities() []*LocalActivity { return m.localActivities.open }

// OpenLocalActivity is the open local activity of an id, or nil.
func (m *Machine) OpenLocalActivity(id string) *LocalActivity { return m.localActivities.find(id) }

// LateLocalActivityAttempts are the attempts, made in the current task, of
// local activities that began in an earlier one.
func (m *Machine) LateLocalActivityAttempts() uint32 { return m.localActivities.lateAttempts }

// CountLocalActivityAttempts adds attempts made in the current task.
func (m *Machine) CountLocalActivityAttempts(a *LocalActivity, attempts uint32) {
	if a.pastTask {
		m.localActivities.lateAttempts += attempts
	}
}

// EndLocalActivity records the end of a local activity, as of a workflow time,
// and lets the workflow go on. An activity that is not open is ignored.
func (m *Machine) EndLocalActivity(a *LocalActivity, result LocalActivityResult, at time.Time) error {
	if m.localActivities.find(a.ID) != a {
		return nil
	}
	m.replaying = false
	details := map[string]*commonpb.Payloads{
		detailData: m.encode(localActivityData{
			ActivityID:   a.ID,
			ActivityType: a.Type,
			ReplayTime:   at,
			Attempt:      result.Attempt,
			Backoff:      result.Backoff,
		}),
	}
	if result.Failure == nil && result.Result != nil {
		details[detailResult] = result.Result
	}
	if err := m.endLocalActivity(a, details, result, at); err != nil {
		m.failure = err
		return err
	}
	return nil
}

func (m *Machine) endLocalActivity(a *LocalActivity, details map[string]*commonpb.Payloads, result LocalActivityResult, at time.Time) error {
	// A marker is added when the activity ends, not when it is asked for, so
	// nothing has asked for its number.
	m.nextSequence()
	m.addMarker(markerLocalActivity, details, result.Failure, a.metadata)
	m.localActivities.open = slices.DeleteFunc(m.localActivities.open, func(b *LocalActivity) bool { return a == b })
	a.resolve(result)
	m.advance(at)
	return m.run()
}

func (m *Machine) applyLocalActivityMarker(eventID int64, attributes *historypb.MarkerRecordedEventAttributes) error {
	var data localActivityData
	if err := m.detail(attributes, detailData, &data); err != nil {
		return fmt.Errorf("marker of a local activity, event %d: %w", eventID, err)
	}
	if data.ActivityID == "" {
		return fmt.Errorf("marker of a local activity, event %d: %w", eventID, errors.New("it has no activity id"))
	}
	a := m.localActivities.find(data.ActivityID)
	if a == nil {
		// Comparing commands with events will say that the code has none.
		return nil
	}
	if data.ActivityType != "" && data.ActivityType != a.Type {
		return &NonDeterminismError{
			EventID:  eventID,
			Problem:  "the workflow code executed another local activity",
			History:  fmt.Sprintf("LocalActivity(id=%s, type=%s)", data.ActivityID, data.ActivityType),
			Workflow: fmt.Sprintf("LocalActivity(id=%s, type=%s)", a.ID, a.Type),
		}
	}
	result := LocalActivityResult{Attempt: data.Attempt}
	if failure := attributes.GetFailure(); failure != nil {
		result.Failure, result.Backoff = failure, data.Backoff
	} else {
		result.Result = attributes.GetDetails()[detailResult]
	}
	return m.endLocalActivity(a, attributes.GetDetails(), result, data.ReplayTime)
}
