package importer

import (
	"context"
	"fmt"
	"slices"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/admin"
)

// sendBytes is about how much of a history is sent in one request.
const sendBytes = 1 << 20

// copy copies the history of a run as it is now, or what of it is not here yet.
func (f *family) copy(ctx context.Context, m *member) error {
	state, err := f.state(ctx, m.key)
	if err != nil {
		return err
	}
	m.imported, m.wasHeld, m.next = state.GetImported(), state.GetHeld(), max(state.GetNextEventId(), 1)
	if m.imported {
		return nil
	}
	// How a run has ended that has is looked at by complete.
	var end int64
	if !m.open {
		last, err := f.lastEvent(ctx, m.key)
		if err != nil {
			return err
		}
		end = last.GetEventId()
	}
	var token []byte
	for {
		page, err := again(ctx, f.job, f.From.Name, func(ctx context.Context) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
			return f.From.Workflow.GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
				Namespace: f.Namespace, Execution: m.execution(), NextPageToken: token})
		})
		if err != nil {
			return fmt.Errorf("read the history of %s: %w", m.workflowID, err)
		}
		events := page.GetHistory().GetEvents()
		if end > 0 {
			events = slices.DeleteFunc(events, func(e *historypb.HistoryEvent) bool { return e.GetEventId() >= end })
		}
		if err := f.send(ctx, m, events); err != nil {
			return err
		}
		if token = page.GetNextPageToken(); len(token) == 0 {
			return nil
		}
	}
}

// send has this server take up events that come next; those that it has are passed over.
func (f *family) send(ctx context.Context, m *member, events []*historypb.HistoryEvent) error {
	events = slices.DeleteFunc(events, func(e *historypb.HistoryEvent) bool { return e.GetEventId() < m.next })
	for len(events) > 0 {
		n, size := 0, 0
		for n < len(events) && (n == 0 || size < sendBytes) {
			size += proto.Size(events[n])
			n++
		}
		data, err := proto.Marshal(&historypb.History{Events: events[:n]})
		if err != nil {
			return err
		}
		resp, err := again(ctx, f.job, f.To.Name, func(ctx context.Context) (*admin.ImportEventsResponse, error) {
			return f.Admin.ImportEvents(ctx, &admin.ImportEventsRequest{
				Namespace: f.Namespace, WorkflowId: m.workflowID, RunId: m.runID, Source: f.From.Name, History: data})
		})
		switch codeOf(err) {
		case codes.AlreadyExists, codes.InvalidArgument, codes.FailedPrecondition, codes.Unimplemented:
			if err != nil {
				return &refusal{m, err.Error()}
			}
		}
		if err != nil {
			return err
		}
		m.next = resp.GetNextEventId()
		events = events[n:]
	}
	return nil
}

// since are the events of a run from the one with the id on, read from the end.
func (f *family) since(ctx context.Context, k key, id int64) ([]*historypb.HistoryEvent, error) {
	var events []*historypb.HistoryEvent
	var token []byte
	for {
		page, err := f.backwards(ctx, k, 0, token)
		if err != nil {
			return nil, err
		}
		for _, e := range page.GetHistory().GetEvents() {
			if e.GetEventId() < id {
				slices.Reverse(events)
				return events, nil
			}
			events = append(events, e)
		}
		if token = page.GetNextPageToken(); len(token) == 0 {
			slices.Reverse(events)
			return events, nil
		}
	}
}

// lastEvent is the last event of a run.
func (f *family) lastEvent(ctx context.Context, k key) (*historypb.HistoryEvent, error) {
	page, err := f.backwards(ctx, k, 1, nil)
	if err != nil {
		return nil, err
	}
	if events := page.GetHistory().GetEvents(); len(events) > 0 {
		return events[0], nil
	}
	return nil, fmt.Errorf("%s: run %s of %s has no events", f.From.Name, k.runID, k.workflowID)
}

func (f *family) backwards(ctx context.Context, k key, size int32, token []byte) (*workflowservice.GetWorkflowExecutionHistoryReverseResponse, error) {
	page, err := again(ctx, f.job, f.From.Name, func(ctx context.Context) (*workflowservice.GetWorkflowExecutionHistoryReverseResponse, error) {
		return f.From.Workflow.GetWorkflowExecutionHistoryReverse(ctx, &workflowservice.GetWorkflowExecutionHistoryReverseRequest{
			Namespace: f.Namespace, Execution: k.execution(), MaximumPageSize: size, NextPageToken: token})
	})
	if err != nil {
		return nil, fmt.Errorf("read the end of the history of %s: %w", k.workflowID, err)
	}
	return page, nil
}
