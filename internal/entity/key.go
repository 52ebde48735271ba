package entity

import (
	"errors"
	"fmt"
)

// Kind tells what an entity is; every kind has a state machine of its own.
type Kind byte

const (
	// KindActivity is an activity without a workflow: one activity id with all its runs.
	KindActivity Kind = 'a'
	// KindNamespaces is the one entity that holds all namespaces.
	KindNamespaces Kind = 'n'
	// KindBatch is a batch operation.
	KindBatch Kind = 'b'
	// KindCallback is the delivery of one completion callback.
	KindCallback Kind = 'c'
	// KindDeployments is all worker deployments of a namespace.
	KindDeployments Kind = 'd'
	// KindEndpoints is the one entity that holds all Nexus endpoints.
	KindEndpoints Kind = 'e'
	// KindFlowPolicies is all policies of flow control of a namespace.
	KindFlowPolicies Kind = 'f'
	// KindFlowGate is a policy of flow control with one value of its key.
	KindFlowGate Kind = 'g'
	// KindNexusOperation is a Nexus operation without a workflow: one operation id with all
	// its runs.
	KindNexusOperation Kind = 'o'
	// KindSchedule is a schedule.
	KindSchedule Kind = 's'
	// KindTaskQueue is what is configured of a task queue, all its types together.
	KindTaskQueue Kind = 'q'
	// KindWorkflow is a workflow chain: one workflow id with all its runs.
	KindWorkflow Kind = 'w'
)

// Global reports whether entities of the kind are in no namespace: there is one for all.
func (k Kind) Global() bool { return k == KindNamespaces || k == KindEndpoints }

// String is the word for the kind in logs and traces.
func (k Kind) String() string {
	switch k {
	case KindActivity:
		return "activity"
	case KindNamespaces:
		return "namespaces"
	case KindBatch:
		return "batch"
	case KindCallback:
		return "callback"
	case KindDeployments:
		return "deployments"
	case KindEndpoints:
		return "endpoints"
	case KindFlowPolicies:
		return "flowPolicies"
	case KindFlowGate:
		return "flowGate"
	case KindNexusOperation:
		return "nexusOperation"
	case KindSchedule:
		return "schedule"
	case KindTaskQueue:
		return "taskQueue"
	case KindWorkflow:
		return "workflow"
	}
	return string(rune(k)) // of a later version
}

// Key names an entity.
type Key struct {
	Kind      Kind
	Namespace string // namespace id; empty for entities of the cluster
	ID        string
}

func (k Key) String() string { return fmt.Sprintf("%c/%s/%s", k.Kind, k.Namespace, k.ID) }

// Encode appends the key's ordered, self-delimiting encoding to dst: no encoded
// key is a prefix of another one.
func (k Key) Encode(dst []byte) []byte {
	dst = append(dst, byte(k.Kind))
	dst = AppendString(dst, k.Namespace)
	return AppendString(dst, k.ID)
}

// DecodeKey decodes a key from the front of b and returns the rest.
func DecodeKey(b []byte) (key Key, rest []byte, err error) {
	if len(b) == 0 {
		return Key{}, nil, errTruncated
	}
	key.Kind = Kind(b[0])
	if key.Namespace, b, err = DecodeString(b[1:]); err != nil {
		return Key{}, nil, err
	}
	if key.ID, b, err = DecodeString(b); err != nil {
		return Key{}, nil, err
	}
	return key, b, nil
}

var errTruncated = errors.New("entity: encoded key is truncated or malformed")

// AppendString appends an encoding of s to dst that sorts as s does and marks
// its own end: a zero byte in s becomes 00 FF, the end is 00 01.
func AppendString(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == 0 {
			dst = append(dst, 0, 0xff)
			continue
		}
		dst = append(dst, s[i])
	}
	return append(dst, 0, 1)
}

// DecodeString decodes what AppendString wrote and returns the rest.
func DecodeString(b []byte) (s string, rest []byte, err error) {
	var buf []byte
	start := 0
	for i := 0; i+1 < len(b); i++ {
		if b[i] != 0 {
			continue
		}
		switch b[i+1] {
		case 1:
			if buf == nil {
				return string(b[start:i]), b[i+2:], nil
			}
			return string(append(buf, b[start:i]...)), b[i+2:], nil
		case 0xff:
			buf = append(append(buf, b[start:i]...), 0)
			i++
			start = i + 1
		default:
			return "", nil, errTruncated
		}
	}
	return "", nil, errTruncated
}

// AppendInt appends n as eight bytes that sort as n does, for n >= 0.
func AppendInt(dst []byte, n int64) []byte {
	u := uint64(n)
	return append(dst, byte(u>>56), byte(u>>48), byte(u>>40), byte(u>>32), byte(u>>24), byte(u>>16), byte(u>>8), byte(u))
}

// DecodeInt decodes what AppendInt wrote and returns the rest.
func DecodeInt(b []byte) (n int64, rest []byte, err error) {
	if len(b) < 8 {
		return 0, nil, errTruncated
	}
	var u uint64
	for _, c := range b[:8] {
		u = u<<8 | uint64(c)
	}
	return int64(u), b[8:], nil
}
