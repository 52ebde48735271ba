package nexus

import (
	"encoding/base64"
	"encoding/json"
	"errors"

	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

const (
	// SystemEndpoint is the endpoint of the server itself.
	SystemEndpoint = "__temporal_system"
	// SystemCallback is the URL of callbacks that the server takes without leaving it, and
	// InternalCallback one that only servers may use.
	SystemCallback   = "temporal://system"
	InternalCallback = "temporal://internal"
	// TokenHeader is the header of a callback that says of which operation it is.
	TokenHeader = "temporal-callback-token"
	// OperationTokenHeader is the header of a callback, or of a request to cancel, with the
	// token of the operation.
	OperationTokenHeader = "nexus-operation-token"
)

// tokenVersion is that of the form of tokens.
const tokenVersion = 1

// maxToken bounds tokens, in bytes: they hold a few names of at most a thousand.
const maxToken = 8 << 10

type callbackToken struct {
	Version int    `json:"v"`
	Data    string `json:"d"`
}

var errToken = errors.New("invalid callback token")

// EncodeToken encodes the token that says of which operation a callback is.
func EncodeToken(completion *records.NexusCompletion) string {
	data, err := proto.Marshal(completion)
	if err != nil {
		panic("nexus: token does not encode: " + err.Error())
	}
	token, err := json.Marshal(callbackToken{tokenVersion, base64.URLEncoding.EncodeToString(data)})
	if err != nil {
		panic("nexus: token does not encode: " + err.Error())
	}
	return string(token)
}

// DecodeToken decodes what is said to be such a token. It may name an operation that there
// is not.
func DecodeToken(encoded string) (*records.NexusCompletion, error) {
	var token callbackToken
	if len(encoded) > maxToken || json.Unmarshal([]byte(encoded), &token) != nil || token.Version != tokenVersion {
		return nil, errToken
	}
	data, err := base64.URLEncoding.DecodeString(token.Data)
	completion := new(records.NexusCompletion)
	if err != nil || proto.Unmarshal(data, completion) != nil || completion.NamespaceId == "" || completion.RequestId == "" ||
		completion.RunId == "" || (completion.WorkflowId == "") == (completion.OperationId == "") {
		return nil, errToken
	}
	return completion, nil
}

// Target is whose operation the completion is of.
func Target(completion *records.NexusCompletion) entity.Key {
	if completion.OperationId != "" {
		return entity.Key{Kind: entity.KindNexusOperation, Namespace: completion.NamespaceId, ID: completion.OperationId}
	}
	return entity.Key{Kind: entity.KindWorkflow, Namespace: completion.NamespaceId, ID: completion.WorkflowId}
}
