package runchain

// Policies say what a start wants if the id has been used before.
type Policies struct {
	// UseExisting has a run used that is running; else the start is refused.
	UseExisting bool
	// Reuse says when there may be another run after a closed one.
	Reuse Reuse
}

// Reuse says when there may be another run after a closed one. Its values are those of the
// enumerations of the API.
type Reuse int32

const (
	ReuseUnspecified Reuse = iota // ReuseAlways
	ReuseAlways
	ReuseUnlessSucceeded
	ReuseNever
)

// Verdict is what comes of a start.
type Verdict int

const (
	// StartNew: there is to be a new run.
	StartNew Verdict = iota
	// UseCurrent: the current run is the one, by the policies or because the same request has started it.
	UseCurrent
	// Refuse: the current run is in the way.
	Refuse
)

// Resolve decides by the policies what comes of a start with the request id.
func (c *Chain[R]) Resolve(requestID string, policies Policies) Verdict {
	r := c.current
	switch {
	case r == none[R]():
		return StartNew
	case r.Record().GetStartRequestId() == requestID:
		return UseCurrent
	case !closed(r) && policies.UseExisting:
		return UseCurrent
	case !closed(r),
		policies.Reuse == ReuseUnlessSucceeded && r.Succeeded(),
		policies.Reuse == ReuseNever:
		return Refuse
	}
	return StartNew
}
