package worker

import (
	"context"
	"testing"

	"github.com/perdure/perdure/sdk/internal/failure"
)

func TestASessionBeyondThoseThatAWorkerMayHaveIsTriedAgain(t *testing.T) {
	s := &sessionWorker{open: make(map[string]chan struct{}), most: 1}
	if _, err := s.begin("first"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.begin("second"); err == nil || !failure.IsRetryable(err, nil) {
		t.Errorf("a second session: %v", err)
	}
	if err := s.complete(context.Background(), "first"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.begin("second"); err != nil {
		t.Errorf("after the first: %v", err)
	}
}
