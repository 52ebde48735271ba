package client

import (
	"context"
	"sync"

	"github.com/perdure/perdure/sdk/converter"
)

// executionHandle is what handles of what runs outside of workflows have in common: of
// activities and of Nexus operations.
type executionHandle struct {
	client *Client
	id     string
	runID  string
	// ask waits for the outcome. It may return nil before there is one: then it is called again.
	ask func(context.Context) (*executionOutcome, error)

	mu      sync.Mutex
	outcome *executionOutcome // nil while not known
}

// executionOutcome is how something ended: with a result, or with err.
type executionOutcome struct {
	result converter.EncodedValue
	err    error
}

func (h *executionHandle) GetID() string { return h.id }

func (h *executionHandle) GetRunID() string { return h.runID }

func (h *executionHandle) Get(ctx context.Context, valuePtr any) error {
	outcome, err := h.await(ctx)
	switch {
	case err != nil:
		return err
	case outcome.err != nil:
		return outcome.err
	case valuePtr == nil:
		return nil
	}
	return outcome.result.Get(valuePtr)
}

// await returns the outcome, which is asked for until it is known.
func (h *executionHandle) await(ctx context.Context) (*executionOutcome, error) {
	h.mu.Lock()
	outcome := h.outcome
	h.mu.Unlock()
	for outcome == nil {
		var err error
		if outcome, err = h.ask(ctx); err != nil {
			return nil, err
		}
		// An interceptor may end the wait without an outcome.
		if outcome.err == nil && outcome.result == nil {
			outcome = nil
		}
	}
	h.mu.Lock()
	h.outcome = outcome
	h.mu.Unlock()
	return outcome, nil
}
