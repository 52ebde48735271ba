package flow

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	commonpb "go.temporal.io/api/common/v1"

	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
)

// maxKey is the most bytes of the value of a key. Of a longer one the beginning is kept, with a hash of all.
const maxKey = 256

// keyFunc returns the value of the key of a policy for what is to start.
type keyFunc func(*Subject) (string, error)

// value is the key of the subject.
func (p *policy) value(s *Subject) (string, error) {
	if p.key == nil {
		return "", nil
	}
	value, err := p.key(s)
	if err != nil {
		return "", fmt.Errorf("the key of flow policy %q cannot be found: %w", p.spec.Name, err)
	}
	return shortKey(value), nil
}

func shortKey(key string) string {
	if len(key) <= maxKey {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return strings.ToValidUTF8(key[:maxKey-65], "") + "#" + hex.EncodeToString(sum[:])
}

// keyOf is how a key is found that Check has found right; nil if there is one for all.
func keyOf(key *flowv1.Key) keyFunc {
	switch by := key.GetBy().(type) {
	case *flowv1.Key_FairnessKey:
		return func(s *Subject) (string, error) { return s.Priority.GetFairnessKey(), nil }
	case *flowv1.Key_SearchAttribute:
		return func(s *Subject) (string, error) {
			return attributeText(s.Attributes.GetIndexedFields()[by.SearchAttribute]), nil
		}
	case *flowv1.Key_Expression:
		program, err := compile(by.Expression)
		if err != nil { // an expression that this version does not take any more
			return func(*Subject) (string, error) { return "", err }
		}
		return program.eval
	}
	return nil
}

// attributeText is the value of a search attribute as a text: a keyword as it is, others as
// JSON has them; empty if it is not set.
func attributeText(p *commonpb.Payload) string {
	if p == nil {
		return ""
	}
	var text string
	if json.Unmarshal(p.Data, &text) == nil {
		return text
	}
	return string(p.Data)
}
