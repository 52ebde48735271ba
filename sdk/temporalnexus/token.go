package temporalnexus

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nexus-rpc/sdk-go/nexus"
)

// tokenType says what carries out an operation.
type tokenType int

const (
	tokenOfWorkflowRun tokenType = 1
	tokenOfActivity    tokenType = 2
	tokenOfUpdate      tokenType = 3
)

// operationToken names what carries out an operation: the other SDKs and the server read it, too.
// Which of the fields are set the type says.
type operationToken struct {
	// Version is left out of tokens of version 1, which is the only one so far.
	Version    int       `json:"v,omitempty"`
	Type       tokenType `json:"t"`
	Namespace  string    `json:"ns"`
	WorkflowID string    `json:"wid,omitempty"`
	ActivityID string    `json:"aid,omitempty"`
	// RunID is always there in tokens of updates, and in those of activities if it is known.
	RunID    *string `json:"rid,omitempty"`
	UpdateID string  `json:"uid,omitempty"`
}

func (t *operationToken) runID() string {
	if t.RunID == nil {
		return ""
	}
	return *t.RunID
}

func encodeToken(token operationToken) (string, error) {
	if token.Type == tokenOfUpdate && (token.Namespace == "" || token.WorkflowID == "" || token.UpdateID == "") {
		return "", fmt.Errorf("missing required param[s]: ns %s, wid: %s, uid: %s", token.Namespace, token.WorkflowID, token.UpdateID)
	}
	data, err := json.Marshal(token)
	if err != nil {
		return "", fmt.Errorf("encoding an operation token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(data), nil
}

// decodeToken decodes a token, which must be of the type unless that is zero.
func decodeToken(token string, want tokenType) (operationToken, error) {
	decoded, err := parseToken(token)
	if err == nil && want != 0 && decoded.Type != want {
		err = fmt.Errorf("invalid token type: %v, expected: %v", decoded.Type, want)
	}
	if err != nil {
		return decoded, &nexus.HandlerError{Type: nexus.HandlerErrorTypeBadRequest, Message: "invalid operation token", Cause: err}
	}
	return decoded, nil
}

func parseToken(token string) (decoded operationToken, err error) {
	if token == "" {
		return decoded, errors.New("invalid token: token is empty")
	}
	data, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return decoded, fmt.Errorf("failed to decode token: %w", err)
	}
	if err := json.Unmarshal(data, &decoded); err != nil {
		return decoded, fmt.Errorf("failed to unmarshal operation token: %w", err)
	}
	if decoded.Version != 0 {
		return decoded, errors.New(`invalid token: "v" field should not be present`)
	}
	missing := ""
	switch decoded.Type {
	case tokenOfWorkflowRun:
		missing = missingField(decoded.Namespace, "namespace (ns)", decoded.WorkflowID, "workflow ID (wid)")
	case tokenOfActivity:
		missing = missingField(decoded.ActivityID, "activity ID (aid)")
	case tokenOfUpdate:
		missing = missingField(decoded.Namespace, "namespace (ns)", decoded.WorkflowID, "workflow ID (wid)", decoded.UpdateID, "update ID (uid)")
	default:
		return decoded, fmt.Errorf("invalid operation token: %d", decoded.Type)
	}
	if missing != "" {
		return decoded, errors.New("invalid token: missing " + missing)
	}
	return decoded, nil
}

// missingField takes values and their names, and returns the name of the first that is empty.
func missingField(pairs ...string) string {
	for n := 0; n < len(pairs); n += 2 {
		if pairs[n] == "" {
			return pairs[n+1]
		}
	}
	return ""
}
