package workflow

import (
	"go.temporal.io/api/serviceerror"

	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// HistoryRequest asks for one page of a run's history.
type HistoryRequest struct {
	// RunID names the run; empty for the current one.
	RunID string
	// From is the first event wanted, the highest one if Reverse is set; 0 means
	// from the respective end.
	From int64
	// To is the last event wanted; 0 means to the end. Not for reverse reads.
	To      int64
	Reverse bool
	// MaxEvents bounds the page; 0 and what is above the default mean the default.
	MaxEvents int
	// IncludeStarted adds the start of a workflow task in progress, which is not recorded
	// before it ends. A reader that follows the history as it grows must not ask for it:
	// a crash takes it back.
	IncludeStarted bool
	// IncludeTransient adds, with IncludeStarted, the events of a pending workflow task
	// that may end without leaving any: a further attempt, or one for an update alone.
	// Workers whose cache has lost the workflow need them; people do not.
	IncludeTransient bool
}

// HistoryPage is one page of a run's history.
type HistoryPage struct {
	RunID string
	// Events are the encoded events of the page: the fields of a
	// temporal.api.history.v1.History, fit for SpliceHistory.
	Events []byte
	// Next is where the next page begins; 0 if this is the last one.
	Next int64
	// End is the id the next event of the run will get; Closed says there is none.
	End    int64
	Closed bool
}

// ReadHistory reads a page of a run's history.
func (c *Chain) ReadHistory(reader entity.Reader, req HistoryRequest) (*HistoryPage, error) {
	open := func() entity.Reader { return reader }
	r, err := c.findRunWith(open, req.RunID)
	if err != nil {
		return nil, err
	}
	limits := *c.limits()
	if req.MaxEvents > 0 {
		limits.HistoryPageEvents = min(limits.HistoryPageEvents, req.MaxEvents)
	}
	p := &HistoryPage{RunID: r.info.RunId, End: r.state.NextEventId, Closed: r.closed()}
	last := r.state.NextEventId - 1
	if req.Reverse {
		from := req.From
		if from == 0 {
			from = last
		}
		p.Events, p.Next, err = r.readHistoryReverse(open, from, &limits)
		return p, err
	}
	to := last
	if req.To > 0 {
		to = min(req.To, last)
	}
	events, next, err := r.readHistory(open, req.From, to, &limits)
	if err != nil {
		return nil, err
	}
	p.Events = events
	started := r.started != nil && (req.To == 0 || req.To == r.started.eventID)
	switch {
	case next <= to:
		p.Next = next
	case req.IncludeStarted && (started || req.To == 0):
		p.Events = append(p.Events, r.unrecordedEvents(req.IncludeTransient)...)
	case req.IncludeStarted && req.To > last:
		// The task whose history was being paged has gone.
		return nil, errTaskNotFound()
	}
	return p, nil
}

// CloseEvent returns the encoded last event of a run if it is closed, else
// nothing.
func (c *Chain) CloseEvent(reader entity.Reader, runID string) (*HistoryPage, error) {
	p, err := c.ReadHistory(reader, HistoryRequest{RunID: runID, Reverse: true, MaxEvents: 1})
	if err != nil {
		return nil, err
	}
	p.Next = 0
	if !p.Closed {
		p.Events = nil
	}
	return p, nil
}

// HistoryEnd is the id that the next event of the run will get, and whether the
// run is closed. Runs other than the current one are closed. An empty run id
// means the current run. It is for those who wait for news.
func (c *Chain) HistoryEnd(runID string) (end int64, closed bool) {
	if r := c.current; r != nil && (runID == "" || r.info.RunId == runID) {
		return r.state.NextEventId, r.closed()
	}
	return 0, true
}

// CurrentRunID is the run id of the current run; empty if there is none.
func (c *Chain) CurrentRunID() string {
	if c.current == nil {
		return ""
	}
	return c.current.info.RunId
}

// NewRunID is the run that continues the given one; empty if none does.
func (c *Chain) NewRunID(reader entity.Reader, runID string) (string, error) {
	r, err := c.findRunWith(func() entity.Reader { return reader }, runID)
	if err != nil {
		return "", err
	}
	return r.state.NewRunId, nil
}

func encodePage(runID string, next, last int64) []byte {
	return tokens.EncodeHistory(&records.HistoryToken{RunId: runID, NextEventId: next, LastEventId: last})
}

// CheckHistoryToken refuses a page token that is of another run than the one
// asked for.
func CheckHistoryToken(token *records.HistoryToken, runID string) error {
	if runID != "" && token.GetRunId() != runID {
		return serviceerror.NewInvalidArgument("Next page token is invalid: it belongs to another run.")
	}
	return nil
}
