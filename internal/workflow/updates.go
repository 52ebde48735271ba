package workflow

import (
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// updates are the updates of a run of which its history tells: pending ones that
// have been accepted, or admitted by an event, and completed ones, whose outcomes
// are in the history. They stay when the run closes, so that an update that is sent
// again is recognised.
type updates struct {
	pendingItems[string, records.Update, *records.Update]
	// completed is how many of them are completed, and rejected how many were admitted by
	// an event and rejected: of these, only the event is left.
	completed, rejected int
}

func (*updates) letter() byte { return 'u' }

func (f *updates) load(_ *Run, name, value []byte) error {
	item, err := decodeRecord[records.Update](value)
	if err != nil {
		return err
	}
	f.keep(string(name), item)
	if item.CompletedEventId != 0 {
		f.completed++
	}
	if item.Rejected {
		f.rejected++
	}
	return nil
}

// known is the update with the id, nil if there is none or it is over without having
// been accepted.
func (f *updates) known(id string) *records.Update {
	if item := f.get(id); !item.GetRejected() {
		return item
	}
	return nil
}

// reject ends an update that was admitted by an event.
func (f *updates) reject(id string) {
	if item := f.known(id); item != nil && item.AcceptedEventId == 0 {
		item.Rejected = true
		f.rejected++
		f.touch(id)
	}
}

// unanswered are the ids of the updates that were admitted by an event and are neither
// accepted nor rejected.
func (f *updates) unanswered() (ids []string) {
	if f.len() == f.completed+f.rejected {
		return nil
	}
	for _, id := range f.keys() {
		if item := f.known(id); item != nil && item.AcceptedEventId == 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

func (f *updates) flush(r *Run, step *entity.Step) { f.flushTo(r, step, f.letter()) }

// drop keeps everything: see updates.
func (f *updates) drop(*Run) {}

// updateBytes is about how much memory an update takes.
const updateBytes = 384

func (f *updates) size() int { return f.len() * updateBytes }

func (f *updates) records(visit func(name []byte, record proto.Message)) {
	f.pendingItems.records(visit)
}
