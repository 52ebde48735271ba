package workflow

import (
	"google.golang.org/protobuf/proto"

	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/records"
)

// EncodeTaskToken encodes the token of a task for a worker.
func EncodeTaskToken(token *records.TaskToken) []byte { return mustMarshal(token) }

// DecodeTaskToken decodes a token that a worker has handed back. Tokens come from
// outside: anything that is not one fails with InvalidArgument, and what is one
// may still be stale, or of another namespace.
func DecodeTaskToken(data []byte) (*records.TaskToken, error) {
	token := new(records.TaskToken)
	if len(data) == 0 {
		return nil, serviceerror.NewInvalidArgument("Task token not set on request.")
	}
	if err := proto.Unmarshal(data, token); err != nil || token.NamespaceId == "" || token.WorkflowId == "" {
		return nil, serviceerror.NewInvalidArgument("Invalid TaskToken.")
	}
	return token, nil
}

// EncodeHistoryToken encodes the page token of a history reader.
func EncodeHistoryToken(token *records.HistoryToken) []byte { return mustMarshal(token) }

// DecodeHistoryToken decodes a page token, which comes from outside.
func DecodeHistoryToken(data []byte) (*records.HistoryToken, error) {
	token := new(records.HistoryToken)
	if err := proto.Unmarshal(data, token); err != nil || token.RunId == "" || token.NextEventId < 0 || token.LastEventId < 0 {
		return nil, serviceerror.NewInvalidArgument("Invalid NextPageToken.")
	}
	return token, nil
}
