package frontend

import "time"

// Every limit the frontend enforces is here. A request beyond one is refused
// with the code the comment names; no limit is enforced by cutting silently,
// page sizes excepted.

// Sizes, in bytes. InvalidArgument unless said otherwise.
const (
	// maxIDLength bounds everything that is a name or an id: namespaces, workflow
	// and activity ids, types, task queues, signals, identities, request ids.
	maxIDLength = 1000
	// maxBlobSize bounds one set of payloads: an input, a result, a failure. What a
	// worker reports is cut or recorded as a failure instead of being refused.
	maxBlobSize = 2 << 20
	// keptFailureText is how much of the message and of the stack trace is kept of
	// a failure that is beyond maxBlobSize.
	keptFailureText = 128 << 10
	// maxMemoSize bounds the memo of a workflow.
	maxMemoSize = 2 << 20
	// MaxRequestSize bounds a whole request: ResourceExhausted, as gRPC itself
	// answers.
	MaxRequestSize = 4 << 20
	// maxSummarySize and maxDetailsSize bound the user metadata of a workflow.
	maxSummarySize = 400
	maxDetailsSize = 20_000
	// maxLinkSize bounds one link.
	maxLinkSize = 4000
	// maxFairnessKeyLength bounds a fairness key.
	maxFairnessKeyLength = 64
	// maxBuildIDLength bounds a worker's build id.
	maxBuildIDLength = 255
	// maxTokenSize bounds task tokens and page tokens, which hold a few ids.
	maxTokenSize = 8 << 10
	// maxErrorText is where the text of an error is cut, so that it fits in the
	// headers that carry it.
	maxErrorText = 4000
)

// Counts. InvalidArgument unless said otherwise.
const (
	// maxLinks is per request.
	maxLinks = 10
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
	// maxDuration is what longer timeouts are cut to: a hundred years.
	maxDuration = 100 * 365 * 24 * time.Hour
)
