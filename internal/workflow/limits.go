package workflow

import (
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/api/check"
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
	// Updates is the most updates a run takes in, completed ones included. From nine
	// tenths of it on workers are told to continue as new. Default 2000.
	Updates int
	// Signals is the most signals a run accepts. Default 10,000.
	Signals int64
	// HistoryEvents and HistorySize (bytes) are what a history may grow to before
	// its workflow is terminated. Defaults 51,200 and 50 MiB.
	HistoryEvents, HistorySize int64
	// SuggestEvents and SuggestSize (bytes) are from where on workers are told to
	// continue as new. Defaults 4096 and 4 MiB.
	SuggestEvents, SuggestSize int64
	// BufferedEvents and BufferedSize (bytes) are how much may arrive while a
	// workflow task is started before the task is failed. Defaults 100 and 2 MiB.
	BufferedEvents, BufferedSize int
	// WaitingQueries is the most queries that may wait for one workflow task.
	// Default 1, as the peer has it.
	WaitingQueries int
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
func (r *Run) limits() *Limits { return &r.chain.config.Limits }

func (l Limits) withDefaults() Limits {
	setDefault(&l.PendingActivities, 2000)
	setDefault(&l.PendingChildren, 2000)
	setDefault(&l.PendingSignals, 2000)
	setDefault(&l.PendingCancels, 2000)
	setDefault(&l.BlobSize, check.MaxBlob)
	setDefault(&l.MemoSize, check.MaxMemo)
	setDefault(&l.PendingUpdates, 10)
	setDefault(&l.PendingUpdateSize, 20<<20)
	setDefault(&l.Updates, 2000)
	setDefault(&l.Signals, 10_000)
	setDefault(&l.HistoryEvents, 51_200)
	setDefault(&l.HistorySize, 50<<20)
	setDefault(&l.SuggestEvents, 4096)
	setDefault(&l.SuggestSize, 4<<20)
	setDefault(&l.BufferedEvents, 100)
	setDefault(&l.BufferedSize, 2<<20)
	setDefault(&l.WaitingQueries, 1)
	setDefault(&l.HistoryPageEvents, 256)
	setDefault(&l.HistoryPageSize, 2<<20)
	return l
}

func setDefault[N int | int64](field *N, value N) {
	if *field == 0 {
		*field = value
	}
}
