package worker

import (
	"sync"
	"time"
)

// recentFailures is how many failures a worker remembers.
const recentFailures = 50

// failureNote is something that failed, as the status page shows it.
type failureNote struct {
	Time time.Time `json:"time"`
	// What failed: "workflow task", "query", "activity", "local activity" or "Nexus task".
	What string `json:"what"`
	// Type of the workflow, activity or Nexus operation.
	Type       string `json:"type"`
	WorkflowID string `json:"workflowId,omitempty"`
	RunID      string `json:"runId,omitempty"`
	Error      string `json:"error"`
}

// failureNoteLimit is how much of an error is remembered, in bytes.
const failureNoteLimit = 2000

// recent remembers the last failures. A nil recent remembers nothing.
type recent struct {
	mu    sync.Mutex
	notes []failureNote // a ring once it is full
	next  int           // where the next one goes, once it is full
	total int64
}

// add notes a failure, which happened now.
func (r *recent) add(note failureNote) {
	if r == nil {
		return
	}
	note.Time = time.Now()
	if len(note.Error) > failureNoteLimit {
		note.Error = note.Error[:failureNoteLimit] + " …"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total++
	if len(r.notes) < recentFailures {
		r.notes = append(r.notes, note)
		return
	}
	r.notes[r.next] = note
	r.next = (r.next + 1) % recentFailures
}

// list returns the failures, the last one first, and how many there were in all.
func (r *recent) list() (notes []failureNote, total int64) {
	if r == nil {
		return nil, 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.notes {
		at := (r.next - 1 - i + 2*len(r.notes)) % len(r.notes)
		notes = append(notes, r.notes[at])
	}
	return notes, r.total
}
