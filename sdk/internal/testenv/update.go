package testenv

import (
	protocolpb "go.temporal.io/api/protocol/v1"
)

// updates are the updates of a run that are not over.
type updates struct{}

func (u *updates) take(started int64) []*protocolpb.Message { return nil }

func (u *updates) close() {}

func (x *Execution) message(id string, messages []*protocolpb.Message) {}

func (x *Execution) messages(all []*protocolpb.Message) {}
