package frontend

import "time"

// The limits of the frontend itself; those of fields are in package check, and how
// long a call may wait is in the table of package methods. A request beyond a limit
// is refused with the code the comment names; none is enforced by cutting silently,
// page sizes excepted.

// Sizes, in bytes. InvalidArgument unless said otherwise.
const (
	// maxErrorText is where the text of an error is cut, so that it fits in the
	// headers that carry it.
	maxErrorText = 4000
)

// Counts. InvalidArgument unless said otherwise.
const (
	// maxHistoryPage is the most events of one history page, and the default.
	maxHistoryPage = 256
	// maxNamespacePage and defaultNamespacePage are for ListNamespaces.
	maxNamespacePage     = 1000
	defaultNamespacePage = 100
	// maxLongPolls is how many polls and history waits the server holds open at
	// once: ResourceExhausted. Each holds a goroutine and some kilobytes.
	maxLongPolls = 50_000
	// maxDirectQueries is how many queries wait for a worker at once, over all
	// workflows: ResourceExhausted.
	maxDirectQueries = 2_000
)

// Times.
const (
	// minLongPoll is the shortest deadline a long poll may have: FailedPrecondition.
	minLongPoll = 2 * time.Second
	// longPollTail is how long before the caller's deadline a long poll is
	// answered, so that the reply arrives.
	longPollTail = time.Second
	// stickyQueryWait is how long a query is offered to the one worker that has
	// the workflow in its cache before any worker of the queue may answer it.
	stickyQueryWait = 5 * time.Second
	// startTaskWait bounds the step that starts a task a poll has been given. It
	// is not cut short by the poll's own end: it would then be unclear whether the
	// task has started.
	startTaskWait = 10 * time.Second
)
