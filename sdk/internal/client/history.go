package client

import (
	"context"
	"fmt"
	"io"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
)

// HistoryEventIterator goes through a workflow's history. It is not safe for concurrent
// use.
type HistoryEventIterator interface {
	// HasNext tells whether there is another event, or an error, for Next to return. It
	// may ask the server.
	HasNext() bool
	// Next returns the next event. After an error there is no more. It panics if HasNext
	// is false.
	Next() (*historypb.HistoryEvent, error)
}

type historyIterator struct {
	page   func(token []byte) (*workflowservice.GetWorkflowExecutionHistoryResponse, error)
	events []*historypb.HistoryEvent // of the page, not returned yet
	token  []byte                    // of the next page
	begun  bool
	err    error // to be returned
}

// GetWorkflowHistory returns an iterator over a workflow's history. With isLongPoll, it
// waits for events that are yet to come until the workflow closes.
func (c *Client) GetWorkflowHistory(
	ctx context.Context,
	workflowID, runID string,
	isLongPoll bool,
	filterType enumspb.HistoryEventFilterType,
) HistoryEventIterator {
	return &historyIterator{page: func(token []byte) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
		for {
			response, err := c.service.GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
				Namespace:              c.namespace,
				Execution:              &commonpb.WorkflowExecution{WorkflowId: workflowID, RunId: runID},
				NextPageToken:          token,
				WaitNewEvent:           isLongPoll,
				HistoryEventFilterType: filterType,
				// What is archived has closed: there is nothing to wait for.
				SkipArchival: isLongPoll,
			})
			if err != nil {
				return nil, err
			}
			if len(response.GetRawHistory()) != 0 {
				if response.History, err = decodeRawHistory(response.GetRawHistory(), filterType); err != nil {
					return nil, err
				}
			}
			token = response.GetNextPageToken()
			if !isLongPoll || len(response.GetHistory().GetEvents()) != 0 || len(token) == 0 {
				return response, nil
			}
			// A wait that ended without news.
		}
	}}
}

func (i *historyIterator) HasNext() bool {
	for len(i.events) == 0 && i.err == nil {
		if i.begun && len(i.token) == 0 {
			return false
		}
		i.begun = true
		response, err := i.page(i.token)
		i.events, i.token, i.err = response.GetHistory().GetEvents(), response.GetNextPageToken(), err
	}
	return true
}

func (i *historyIterator) Next() (*historypb.HistoryEvent, error) {
	if !i.HasNext() {
		panic("HistoryEventIterator Next() called without checking HasNext()")
	}
	if err := i.err; err != nil {
		i.err = nil
		return nil, err
	}
	event := i.events[0]
	i.events = i.events[1:]
	return event, nil
}

// decodeRawHistory decodes events as servers return them that spare themselves the
// decoding. Such servers leave the filtering to the client as well.
func decodeRawHistory(batches []*commonpb.DataBlob, filterType enumspb.HistoryEventFilterType) (*historypb.History, error) {
	history := &historypb.History{}
	for _, batch := range batches {
		decoded := &historypb.History{}
		var err error
		switch batch.GetEncodingType() {
		case enumspb.ENCODING_TYPE_PROTO3:
			err = proto.Unmarshal(batch.GetData(), decoded)
		case enumspb.ENCODING_TYPE_JSON:
			err = temporalproto.CustomJSONUnmarshalOptions{}.Unmarshal(batch.GetData(), decoded)
		default:
			err = fmt.Errorf("its encoding is %v", batch.GetEncodingType())
		}
		if err != nil {
			return nil, fmt.Errorf("decode a batch of raw history events: %w", err)
		}
		history.Events = append(history.Events, decoded.Events...)
	}
	if n := len(history.Events); n > 1 && filterType == enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT {
		history.Events = history.Events[n-1:]
	}
	return history, nil
}

// HistoryFromJSON reads a history as command line and user interface export it, up to
// the event lastEventID, or whole if that is 0.
func HistoryFromJSON(r io.Reader, lastEventID int64) (*historypb.History, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	history := &historypb.History{}
	// Fields that are not known are from another version of the API.
	if err := (temporalproto.CustomJSONUnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, history); err != nil {
		return nil, fmt.Errorf("decode history: %w", err)
	}
	if lastEventID > 0 {
		for i, event := range history.Events {
			if event.GetEventId() == lastEventID {
				history.Events = history.Events[:i+1]
				break
			}
		}
	}
	return history, nil
}
