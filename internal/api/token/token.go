// Package token encodes and decodes what the server hands out to be handed back:
// task tokens and page tokens.
//
// Tokens are opaque to clients, and as little to be trusted as any other input. A
// token says where something is; whether it still is there, and is the client's, is
// checked there. Whatever bytes a client sends, decoding them ends with a token or
// with InvalidArgument, and a token that decodes encodes again to an equal one.
package token

import (
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/records"
)

// MaxSize bounds tokens, in bytes: they hold a few names of at most a thousand.
const MaxSize = 8 << 10

// maxListSize bounds page tokens of lists, which hold values of search attributes too.
const maxListSize = 64 << 10

// The texts are those of the Temporal server.
var (
	errTaskNotSet    = serviceerror.NewInvalidArgument("Task token not set on request.")
	errTaskMalformed = serviceerror.NewInvalidArgument("Error deserializing task token.")
	errTaskInvalid   = serviceerror.NewInvalidArgument("Invalid TaskToken.")
	errPollInvalid   = serviceerror.NewInvalidArgument("invalid long poll token")
	errPageInvalid   = serviceerror.NewInvalidArgument("Invalid NextPageToken.")
)

// EncodeTask encodes the token of a task for a worker.
func EncodeTask(token *records.TaskToken) []byte { return encode(token) }

// DecodeTask decodes the token of a workflow task, an activity task or a query
// task, which always names a namespace. What else it names is checked by CheckTask
// and CheckQuery.
func DecodeTask(encoded []byte) (*records.TaskToken, error) {
	if len(encoded) == 0 {
		return nil, errTaskNotSet
	}
	token := new(records.TaskToken)
	if len(encoded) > MaxSize || proto.Unmarshal(encoded, token) != nil || token.GetNamespaceId() == "" {
		return nil, errTaskMalformed
	}
	return token, nil
}

// CheckTask accepts the token of a task of a run.
func CheckTask(token *records.TaskToken) error {
	if token.GetWorkflowId() == "" || token.GetRunId() == "" {
		return errTaskInvalid
	}
	return nil
}

// CheckQuery accepts the token of a query, and that of another task, for which there is no query to be found.
func CheckQuery(token *records.TaskToken) error {
	if token.GetQueryId() == "" && token.GetWorkflowId() == "" {
		return errTaskInvalid
	}
	return nil
}

// CheckActivityTask accepts the token of a task of an activity, of a run of a workflow or
// of its own.
func CheckActivityTask(token *records.TaskToken) error {
	if token.GetWorkflowId() == "" && token.GetActivityId() != "" && token.GetRunId() != "" {
		return nil
	}
	return CheckTask(token)
}

// CheckNexusTask accepts the token of a Nexus task, and that of another task, which nobody
// waits for the answer to.
func CheckNexusTask(token *records.TaskToken) error {
	if (token.GetNexusTaskId() == "" || token.GetTaskQueue() == "") && token.GetRunId() == "" {
		return errTaskInvalid
	}
	return nil
}

// EncodeDescription encodes the token of a description.
func EncodeDescription(token *records.DescriptionToken) []byte { return encode(token) }

// DecodeDescription decodes the token of a description, which names a run of an activity.
func DecodeDescription(encoded []byte) (*records.DescriptionToken, error) {
	token := new(records.DescriptionToken)
	if len(encoded) > MaxSize || proto.Unmarshal(encoded, token) != nil || token.GetRunId() == "" || token.GetTransitionCount() <= 0 {
		return nil, errPollInvalid
	}
	return token, nil
}

// EncodeHistory encodes the page token of a history.
func EncodeHistory(token *records.HistoryToken) []byte { return encode(token) }

// DecodeHistory decodes the page token of a history; nil if there is none. It
// names a run, and its event ids are not negative.
func DecodeHistory(encoded []byte) (*records.HistoryToken, error) {
	if len(encoded) == 0 {
		return nil, nil
	}
	token := new(records.HistoryToken)
	if len(encoded) > MaxSize || proto.Unmarshal(encoded, token) != nil ||
		token.GetRunId() == "" || token.GetNextEventId() < 0 || token.GetLastEventId() < 0 {
		return nil, errPageInvalid
	}
	return token, nil
}

// EncodeList encodes the page token of a list of workflows.
func EncodeList(token *records.ListToken) []byte { return encode(token) }

// DecodeList decodes the page token of the list of workflows with the hash; nil if there is
// none.
func DecodeList(encoded []byte, query uint64) (*records.ListToken, error) {
	if len(encoded) == 0 {
		return nil, nil
	}
	token := new(records.ListToken)
	if len(encoded) > maxListSize || proto.Unmarshal(encoded, token) != nil || token.GetQuery() != query {
		return nil, errPageInvalid
	}
	return token, nil
}

// EncodeNamespaces encodes the page token of a list of namespaces: the name of the
// last one of the page.
func EncodeNamespaces(last string) []byte { return []byte(last) }

// DecodeNamespaces decodes the page token of a list of namespaces: the name after
// which to go on, "" for the beginning.
func DecodeNamespaces(encoded []byte) (after string, err error) {
	if len(encoded) > MaxSize {
		return "", errPageInvalid
	}
	return string(encoded), nil
}

// ErrPage is the error for a page token that decodes but cannot be one.
func ErrPage() error { return errPageInvalid }

// encode encodes a token the server has made itself; such tokens always encode,
// their strings being either the server's own or checked on the way in.
func encode(token proto.Message) []byte {
	encoded, err := proto.Marshal(token)
	if err != nil {
		panic("token: does not encode: " + err.Error())
	}
	return encoded
}
