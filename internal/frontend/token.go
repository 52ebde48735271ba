package frontend

import (
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/records"
)

// Tokens are what the server hands out to be handed back: opaque to clients, and
// as little to be trusted as any other input. A token says where something is;
// whether it still is there, and is the client's, is checked there.

// decodeTaskToken decodes the token of a workflow task, an activity task or a
// query task. Anything that is not one is InvalidArgument.
func decodeTaskToken(encoded []byte) (*records.TaskToken, error) {
	if len(encoded) == 0 {
		return nil, errTokenNotSet
	}
	if len(encoded) > maxTokenSize {
		return nil, errTokenMalformed
	}
	token := new(records.TaskToken)
	if proto.Unmarshal(encoded, token) != nil || token.GetNamespaceId() == "" {
		return nil, errTokenMalformed
	}
	return token, nil
}

// encodeToken encodes a token the server has made itself; such tokens always
// encode, their strings being either the server's own or checked on the way in.
func encodeToken(token proto.Message) []byte {
	encoded, err := proto.Marshal(token)
	if err != nil {
		panic("frontend: token does not encode: " + err.Error())
	}
	return encoded
}
