package workflow

import (
	"testing"

	"google.golang.org/protobuf/proto"

	tokens "github.com/perdure/perdure/internal/api/token"
)

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
		token, err := tokens.DecodeTask(data)
		if err != nil {
			return
		}
		if again, err := tokens.DecodeTask(tokens.EncodeTask(token)); err != nil || !proto.Equal(token, again) {
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
