package workflow

import "github.com/perdure/perdure/internal/entity"

// The records of a chain, by key relative to the entity:
//
//	c                        Chain
//	r <run id> i             RunInfo
//	r <run id> s             Run
//	r <run id> p             reset points, as the API has them
//	r <run id> a <event id>  Activity, by scheduled event id
//	r <run id> t <timer id>  Timer
//	r <run id> k <event id>  Child, by initiated event id
//	r <run id> x <event id>  External, a signal, by initiated event id
//	r <run id> y <event id>  External, a cancel request, by initiated event id
//	r <run id> b <number>    buffered event, in order of arrival
//	r <run id> q <id>        request id of a signal that has been accepted
//	r <run id> u <id>        Update, by update id
//	r <run id> v <id>        AttachedRequest, by request id
//	r <run id> z <number>    Callback, in the order in which they were attached
//	r <run id> n <event id>  NexusOperation, by scheduled event id
//	h <run id> <event id>    history batch, by its first event id
//	e <time> <run id>        closed run, by when it has closed
//	d <time> <run id>        the same, by when it is to be deleted: from before the others
//
// Those from p to n are the families of what is pending; their letters are in the
// files of the families.
//
// History is outside the run's prefix so that loading a run does not read it.
var chainKey = []byte{'c'}

const (
	letterInfo        = 'i'
	letterState       = 's'
	letterResetPoints = 'p'
	letterClosed      = 'e' // of the chain, as the next one
	letterExpiry      = 'd'
)

// runPrefix begins every record of a run but its history.
func runPrefix(runID string) []byte {
	return entity.AppendString(append(make([]byte, 0, len(runID)+16), 'r'), runID)
}

func runKey(runID string, letter byte) []byte { return append(runPrefix(runID), letter) }

func historyPrefix(runID string) []byte {
	return entity.AppendString(append(make([]byte, 0, len(runID)+16), 'h'), runID)
}

func historyKey(runID string, firstEventID int64) []byte {
	return entity.AppendInt(historyPrefix(runID), firstEventID)
}

func closedKey(unixNano int64, runID string) []byte {
	return append(entity.AppendInt(append(make([]byte, 0, len(runID)+9), letterClosed), unixNano), runID...)
}
