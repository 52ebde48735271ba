package workflow

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/records"
)

func TestTokenOfAnotherKindIsRefused(t *testing.T) {
	for _, data := range [][]byte{nil, {}, []byte("\xff\xff"), []byte("hello, world"), EncodeHistoryToken(&records.HistoryToken{NextEventId: 1})} {
		if _, err := DecodeTaskToken(data); !isInvalidArgument(err) {
			t.Errorf("task token %q: %v", data, err)
		}
		if _, err := DecodeHistoryToken(data); !isInvalidArgument(err) {
			t.Errorf("history token %q: %v", data, err)
		}
	}
}

// FuzzTaskToken feeds the chain tokens as a client may make them up: none may
// panic, and only the true one completes the task.
func FuzzTaskToken(f *testing.F) {
	w := newWorkflow(f)
	w.start()
	good := w.poll().TaskToken
	f.Add(good)
	f.Add([]byte{})
	f.Add(good[:len(good)/2])
	f.Fuzz(func(t *testing.T, data []byte) {
		token, err := DecodeTaskToken(data)
		if err != nil {
			return
		}
		if again, err := DecodeTaskToken(EncodeTaskToken(token)); err != nil || !proto.Equal(token, again) {
			t.Fatalf("token does not survive encoding: %v, %v", again, err)
		}
		w := newWorkflow(t)
		w.start()
		w.poll()
		_, err = w.tryComplete(data, &completeRequest{})
		if err != nil && !isNotFound(err) {
			t.Fatalf("completing with a made-up token: %v", err)
		}
	})
}
