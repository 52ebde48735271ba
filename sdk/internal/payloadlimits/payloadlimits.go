// Package payloadlimits measures the payloads of a request before it is sent, so that
// what the server would refuse fails where it was made, with an error that says so, and
// what is growing towards the limit is warned of.
//
// A [Checker] is made for a client or a worker. [Checker.Check] measures one request:
//
//	if err := checker.Check(ctx, request); err != nil {
//		// nothing has been sent; err is an *Error
//	}
//
// Sizes are measured as servers measure them: a list of payloads as the encoded list, a
// memo as the encoded memo, the details of a marker and upserted memos by their keys and
// data. Single payloads that servers do not limit, such as summaries and headers, are not
// measured.
//
// The limits are the namespace's, which a worker learns when it starts ([Checker.SetLimits])
// and a client when it first matters ([Fetch]): without them there are only warnings.
// Failures are never refused: the server cuts them. A result of a query that is too large
// becomes a failed query, in the request.
package payloadlimits

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/log"
)

// Default sizes from which on there are warnings, in bytes.
const (
	DefaultPayloadSizeWarning = 512 << 10
	DefaultMemoSizeWarning    = 2 << 10
)

// code is by which the field knows messages about sizes.
const code = "[TMPRL1103] "

// Options say from which sizes on to warn.
type Options struct {
	// PayloadSizeWarning is the size of arguments, a result or other payloads that belong
	// together, in bytes, above which a warning is logged. The default is 512 KiB.
	PayloadSizeWarning int
	// MemoSizeWarning is the size of a memo, in bytes, above which a warning is logged. The
	// default is 2 KiB.
	MemoSizeWarning int
}

// Limits are the sizes, in bytes, above which the server refuses. Zero is no limit.
type Limits struct {
	Payload int
	Memo    int
}

// LimitsOf returns the limits that a namespace reports.
func LimitsOf(info *namespacepb.NamespaceInfo) Limits {
	return Limits{
		Payload: int(max(info.GetLimits().GetBlobSizeLimitError(), 0)),
		Memo:    int(max(info.GetLimits().GetMemoSizeLimitError(), 0)),
	}
}

// Error says that what a request carries is larger than the server accepts. It is, for
// errors.As, also the [*serviceerror.InvalidArgument] that the server would have answered.
type Error struct {
	// What was too large: "payloads" or "memo".
	What string
	// Size of it and Limit, in bytes.
	Size, Limit int
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("%s Size: %d bytes, limit: %d bytes.", e.FailureMessage(), e.Size, e.Limit)
}

// FailureMessage is the message of a failure that is made of the error: without sizes, so that all
// failures of the kind have the same, which is that of the Temporal Go SDK. The sizes are in its cause.
func (e *Error) FailureMessage() string {
	return code + "Attempted to upload " + e.What + " with size that exceeded the error limit."
}

// Unwrap returns what the server would have said.
func (e *Error) Unwrap() error { return serviceerror.NewInvalidArgument(e.Error()) }

// Fetch asks the server for the limits of the namespace.
type Fetch func(context.Context) (Limits, error)

const (
	// freshFor is how long fetched limits are believed, and how long it is before the
	// question is asked again if there was no answer. A limit that was raised must not
	// refuse for as long as the client lives.
	freshFor = time.Minute
	// fetchAbove is the size in bytes from which on limits are worth a call.
	fetchAbove = 64 << 10
)

// Checker measures requests. It is safe for concurrent use.
type Checker struct {
	warnings Limits
	logger   log.Logger
	fetch    Fetch // nil for limits that are set

	limits atomic.Pointer[fetchedLimits]
}

type fetchedLimits struct {
	Limits
	at time.Time
}

// New returns a checker. If fetch is not nil, it is called for limits when something is
// large enough that they matter.
func New(options Options, logger log.Logger, fetch Fetch) (*Checker, error) {
	switch {
	case options.PayloadSizeWarning < 0:
		return nil, errors.New("PayloadSizeWarning must be greater than or equal to zero")
	case options.MemoSizeWarning < 0:
		return nil, errors.New("MemoSizeWarning must be greater than or equal to zero")
	}
	c := &Checker{
		warnings: Limits{Payload: DefaultPayloadSizeWarning, Memo: DefaultMemoSizeWarning},
		logger:   logger,
		fetch:    fetch,
	}
	if options.PayloadSizeWarning > 0 {
		c.warnings.Payload = options.PayloadSizeWarning
	}
	if options.MemoSizeWarning > 0 {
		c.warnings.Memo = options.MemoSizeWarning
	}
	return c, nil
}

// SetLimits sets the sizes above which Check fails.
func (c *Checker) SetLimits(limits Limits) {
	c.limits.Store(&fetchedLimits{Limits: limits, at: time.Now()})
}

// Check measures what request carries. It fails with an [*Error] if something exceeds the
// limits, and logs a warning if something exceeds the warning's size. Results of queries
// that exceed the limits are replaced in the request by failures.
func (c *Checker) Check(ctx context.Context, request proto.Message) error {
	if proto.Size(request) <= c.smallest() {
		return nil
	}
	return measure(ctx, c, request)
}

// smallest is a size that nothing can have and be too large.
func (c *Checker) smallest() int {
	smallest := min(c.warnings.Payload, c.warnings.Memo)
	if limits := c.limits.Load(); limits != nil {
		for _, limit := range []int{limits.Payload, limits.Memo} {
			if limit > 0 {
				smallest = min(smallest, limit)
			}
		}
	}
	return smallest
}

// limitsFor returns the limits to refuse by, for something of this size.
func (c *Checker) limitsFor(ctx context.Context, size int) Limits {
	known := c.limits.Load()
	switch {
	case known != nil && (c.fetch == nil || time.Since(known.at) < freshFor):
		return known.Limits
	case c.fetch == nil || size <= fetchAbove:
		return Limits{}
	}
	limits, err := c.fetch(ctx)
	if err != nil {
		// Not to know the limits is no reason to fail: the server has the last word.
		limits = Limits{}
	}
	c.SetLimits(limits)
	return limits
}

func (c *Checker) checkPayloads(ctx context.Context, size int, how severity) error {
	if how&refuse != 0 {
		if limit := c.limitsFor(ctx, size).Payload; limit > 0 && size > limit {
			return &Error{What: "payloads", Size: size, Limit: limit}
		}
	}
	if how&warn != 0 && size > c.warnings.Payload {
		c.logger.Warn(code+"Attempted to upload payloads with size that exceeded the warning limit.",
			logtag.PayloadSize, size, logtag.PayloadSizeLimit, c.warnings.Payload)
	}
	return nil
}

func (c *Checker) checkMemo(ctx context.Context, size int, how severity) error {
	if how&refuse != 0 {
		if limit := c.limitsFor(ctx, size).Memo; limit > 0 && size > limit {
			return &Error{What: "memo", Size: size, Limit: limit}
		}
	}
	if how&warn != 0 && size > c.warnings.Memo {
		c.logger.Warn(code+"Attempted to upload memo with size that exceeded the warning limit.",
			logtag.MemoSize, size, logtag.MemoSizeLimit, c.warnings.Memo)
	}
	return nil
}
