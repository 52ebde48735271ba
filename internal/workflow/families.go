package workflow

// families are the kinds of what may be pending in a run. A new one is a file of
// its own, a field here, and a line in the list below.
type families struct {
	activities      activities
	timers          timers
	children        children
	signals         externalSignals
	cancels         externalCancels
	signalRequests  signalRequests
	buffer          buffer
	resetPoints     resetPoints
	updates         updates
	requestIDs      requestIDs
	callbacks       callbacks
	nexusOperations nexusOperations
}

// list lists the families of the run. What matters in their order is only that
// it is always the same.
func (r *Run) list() [12]family {
	return [...]family{
		&r.activities,
		&r.timers,
		&r.children,
		&r.signals,
		&r.cancels,
		&r.signalRequests,
		&r.buffer,
		&r.resetPoints,
		&r.updates,
		&r.requestIDs,
		&r.callbacks,
		&r.nexusOperations,
	}
}

// family is the one whose records begin with the letter; nil if there is none.
func (r *Run) family(letter byte) family {
	for _, f := range r.list() {
		if f.letter() == letter {
			return f
		}
	}
	return nil
}
