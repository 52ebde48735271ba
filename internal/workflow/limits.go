package workflow

import (
	"math"
	"reflect"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/dynamicconfig"
)

// Limits bound what one workflow may grow to. A zero field means the default.
type Limits struct {
	// PendingActivities, PendingChildren, PendingSignals and PendingCancels are
	// the most pending items of a kind that a run may have; a workflow task that
	// asks for more fails. Default 2000 each.
	PendingActivities, PendingChildren, PendingSignals, PendingCancels int
	// BlobSize is the most bytes a payload of a command may have; a workflow that
	// asks for more is terminated. Default 2 MiB.
	BlobSize int
	// MemoSize is the most bytes a memo may have. Default 2 MiB.
	MemoSize int
	// PendingUpdates is how many updates may be under way at once, and
	// PendingUpdateSize (bytes) how large their requests may be together. Defaults 10
	// and 20 MiB.
	PendingUpdates, PendingUpdateSize int
	// Updates is the most updates a run takes in, completed ones included. Default 2000.
	Updates int
	// Signals is the most signals a run accepts. Default 10,000.
	Signals int64
	// HistoryEvents and HistorySize (bytes) are what a history may grow to before
	// its workflow is terminated. Defaults 51,200 and 50 MiB.
	HistoryEvents, HistorySize int64
	// StateSize (bytes) is what the rest of a run may grow to, about: its memo and search attributes,
	// and what is pending. Default 8 MiB.
	StateSize int
	// BlobWarn, MemoWarn, HistorySizeWarn and StateWarn (bytes) and HistoryEventsWarn are beyond which
	// sizes of an event, a memo, a history and a state operators are warned. Defaults 512 KiB, 2 KiB,
	// 10 MiB, 1 MiB and 10,240.
	BlobWarn, MemoWarn, StateWarn      int
	HistorySizeWarn, HistoryEventsWarn int64
	// CancelCommands has workers told of activities to be cancelled that they run.
	CancelCommands bool
	// ReportedProblems is from how many workflow tasks in a row that fail or time out on
	// a search attribute tells of them. Default 5.
	ReportedProblems int
	// SuggestEvents and SuggestSize (bytes) are from where on workers are told to
	// continue as new. Defaults 4096 and 4 MiB.
	SuggestEvents, SuggestSize int64
	// BufferedEvents and BufferedSize (bytes) are how much may arrive while a
	// workflow task is started before the task is failed. Defaults 100 and 2 MiB.
	BufferedEvents, BufferedSize int
	// WaitingQueries is the most queries that may wait for one workflow task.
	// Default 1, as the peer has it.
	WaitingQueries int
	// IDLength is the most bytes of a name or an id that a command may have. Default 1000.
	IDLength int
	// SearchAttributeSize and SearchAttributesSize are the most bytes of one value and
	// of all search attributes of a run. Defaults 2 KiB and 40 KiB.
	SearchAttributeSize, SearchAttributesSize int
	// SuggestUpdates is from which part of Updates on workers are told to continue as
	// new. Default 0.9.
	SuggestUpdates float64
	// Callbacks is how many completion callbacks a run may have. Default 2000.
	Callbacks int
	// UpdateCallbacks is how many completion callbacks an update may have; 0: those that it
	// comes with are not called. Default 0.
	UpdateCallbacks int
	// DefaultTaskTimeout is the timeout of workflow tasks of a workflow that names none. Default 10 s.
	DefaultTaskTimeout time.Duration
	// ActivityRetry and WorkflowRetry complete retry policies. Default
	// check.UnboundedRetries.
	ActivityRetry, WorkflowRetry check.RetryDefaults
	// ReuseInterval is the shortest time between the start of a run and that of the next
	// one of its workflow, which a run that continues another one waits for. Default 1 s;
	// negative is none. CheckReuse has clients' starts refused that come sooner.
	ReuseInterval time.Duration
	CheckReuse    bool
	// NexusOperations is the most pending Nexus operations that a run may have. Default 2000.
	NexusOperations int
	// NexusService and NexusOperation are the most bytes of the names of a service and of an
	// operation, NexusHeader those of a header. Defaults 1000, 1000 and 8 KiB.
	NexusService, NexusOperation, NexusHeader int
	// NexusDisallowed are names, in lower case, that such a header must not have.
	NexusDisallowed []string
	// NexusTimeout is the longest that a Nexus operation may take; 0: it may take any time.
	NexusTimeout time.Duration
	// NoNexusCancelEvents: what comes of requests to cancel operations leaves no events.
	NoNexusCancelEvents bool
	// NoEagerActivities: activities are not returned with the completion that schedules
	// them.
	NoEagerActivities bool
	// HistoryPageEvents and HistoryPageSize (bytes) bound the history in one
	// reply. Defaults 256 and 2 MiB; a page has at least one event.
	HistoryPageEvents, HistoryPageSize int
}

// bound is how many items of a family a run may have.
type bound struct {
	most int    // 0: any number
	what string // the items, in the words of the failure
	// cause is how a workflow task fails that asks for more.
	cause enumspb.WorkflowTaskFailedCause
}

// limits are the limits of the run's chain.
func (r *Run) limits() *Limits { return r.chain.limits() }

// limits are those of the chain's namespace at this time.
func (c *Chain) limits() *Limits {
	if c.config.LimitsOf != nil {
		return c.config.LimitsOf(c.key.Namespace)
	}
	return &c.config.Limits
}

// ReadLimits are the limits that a configuration has for the namespace with the name.
func ReadLimits(c *dynamicconfig.Config, namespace string) *Limits {
	return &Limits{
		PendingActivities:    dynamicconfig.PendingActivities.Get(c, namespace),
		PendingChildren:      dynamicconfig.PendingChildren.Get(c, namespace),
		PendingSignals:       dynamicconfig.PendingSignals.Get(c, namespace),
		PendingCancels:       dynamicconfig.PendingCancels.Get(c, namespace),
		BlobSize:             dynamicconfig.BlobSize.Get(c, namespace),
		MemoSize:             dynamicconfig.MemoSize.Get(c, namespace),
		PendingUpdates:       orNone(dynamicconfig.InFlightUpdates.Get(c, namespace)),
		PendingUpdateSize:    orNone(dynamicconfig.InFlightUpdateSize.Get(c, namespace)),
		Updates:              orNone(dynamicconfig.TotalUpdates.Get(c, namespace)),
		SuggestUpdates:       dynamicconfig.SuggestUpdates.Get(c, namespace),
		Signals:              int64(orNone(dynamicconfig.Signals.Get(c, namespace))),
		HistoryEvents:        int64(dynamicconfig.HistoryEvents.Get(c, namespace)),
		HistorySize:          int64(dynamicconfig.HistorySize.Get(c, namespace)),
		StateSize:            dynamicconfig.StateSize.Get(c),
		BlobWarn:             dynamicconfig.BlobWarn.Get(c, namespace),
		MemoWarn:             dynamicconfig.MemoWarn.Get(c, namespace),
		HistorySizeWarn:      int64(dynamicconfig.HistorySizeWarn.Get(c, namespace)),
		HistoryEventsWarn:    int64(dynamicconfig.HistoryEventsWarn.Get(c, namespace)),
		StateWarn:            dynamicconfig.StateWarn.Get(c),
		SuggestEvents:        int64(dynamicconfig.SuggestEvents.Get(c, namespace)),
		SuggestSize:          int64(dynamicconfig.SuggestSize.Get(c, namespace)),
		BufferedEvents:       dynamicconfig.BufferedEvents.Get(c),
		BufferedSize:         dynamicconfig.BufferedSize.Get(c),
		WaitingQueries:       dynamicconfig.WaitingQueries.Get(c),
		IDLength:             dynamicconfig.IDLength.Get(c),
		SearchAttributeSize:  dynamicconfig.SearchAttributeSize.Get(c, namespace),
		SearchAttributesSize: dynamicconfig.SearchAttributesSize.Get(c, namespace),
		Callbacks:            dynamicconfig.CallbacksPerWorkflow.Get(c, namespace),
		UpdateCallbacks:      updateCallbacks(c, namespace),
		DefaultTaskTimeout:   dynamicconfig.WorkflowTaskTimeout.Get(c, namespace),
		ActivityRetry:        dynamicconfig.ActivityRetryPolicy.Get(c, namespace),
		WorkflowRetry:        dynamicconfig.WorkflowRetryPolicy.Get(c, namespace),
		ReuseInterval:        dynamicconfig.ReuseInterval.Get(c, namespace),
		CheckReuse:           dynamicconfig.CheckReuse.Get(c, namespace),
		CancelCommands:       dynamicconfig.CancelCommands.Get(c, namespace),
		ReportedProblems:     orNone(dynamicconfig.ReportedProblems.Get(c, namespace)),
		NexusOperations:      dynamicconfig.NexusOperations.Get(c, namespace),
		NexusService:         dynamicconfig.NexusServiceName.Get(c, namespace),
		NexusOperation:       dynamicconfig.NexusOperationName.Get(c, namespace),
		NexusHeader:          dynamicconfig.NexusHeaderSize.Get(c, namespace),
		NexusDisallowed:      dynamicconfig.NexusDisallowedHeaders.Get(c),
		NexusTimeout:         dynamicconfig.NexusTimeout.Get(c, namespace),
		NoNexusCancelEvents:  !dynamicconfig.NexusCancelEvents.Get(c),
		NoEagerActivities:    !dynamicconfig.EagerActivities.Get(c, namespace),
		HistoryPageEvents:    256,
		HistoryPageSize:      2 << 20,
	}
}

func updateCallbacks(c *dynamicconfig.Config, namespace string) int {
	if !dynamicconfig.UpdateCallbacks.Get(c, namespace) {
		return 0
	}
	return dynamicconfig.CallbacksPerUpdate.Get(c, namespace)
}

// fields are the limits of fields of commands.
func (l *Limits) fields() *check.Limits {
	return &check.Limits{ID: l.IDLength, SearchAttribute: l.SearchAttributeSize, SearchAttributes: l.SearchAttributesSize}
}

// noLimit stands for no limit; so large that nothing grows to it, and so small that
// sums with it are numbers.
const noLimit = math.MaxInt32

// orNone is the limit, of which 0 says that there is none.
func orNone(limit int) int {
	if limit == 0 {
		return noLimit
	}
	return limit
}

// withDefaults gives fields that are zero the values of a server without settings.
func (l Limits) withDefaults() Limits {
	defaults := reflect.ValueOf(ReadLimits(nil, "")).Elem()
	own := reflect.ValueOf(&l).Elem()
	for i := range own.NumField() {
		if own.Field(i).IsZero() {
			own.Field(i).Set(defaults.Field(i))
		}
	}
	return l
}
