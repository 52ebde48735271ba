package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/server"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/memory"
)

// logLines is a log as JSON.
type logLines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// line is the first line with the message.
func (l *logLines) line(t *testing.T, message string) map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for text := range strings.SplitSeq(l.text.String(), "\n") {
		var line map[string]any
		if json.Unmarshal([]byte(text), &line) == nil && strings.HasPrefix(line["msg"].(string), message) {
			return line
		}
	}
	t.Fatalf("no line begins with %q:\n%s", message, l.text.String())
	return nil
}

// scrambled is a store whose single values make no sense from some moment on.
type scrambled struct {
	storage.Store
	scramble atomic.Bool
}

func (s *scrambled) Get(ctx context.Context, shard storage.ShardID, key []byte) ([]byte, error) {
	value, err := s.Store.Get(ctx, shard, key)
	if s.scramble.Load() {
		return []byte{0xff}, nil
	}
	return value, err
}

func TestTheLogSaysWhichWorkflowALineIsAbout(t *testing.T) {
	log := new(logLines)
	store := &scrambled{Store: memory.New(1)}
	b := start(t, server.WithStore(server.Options{Logger: slog.New(slog.NewJSONHandler(log, nil))}, store))
	store.scramble.Store(true)
	if _, err := b.client.SignalWithStartWorkflowExecution(b.ctx(), &workflowservice.SignalWithStartWorkflowExecutionRequest{
		Namespace: ns, WorkflowId: "order-1", WorkflowType: &commonpb.WorkflowType{Name: "order"}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, SignalName: "go",
	}); err == nil {
		t.Fatal("a workflow whose records make no sense is signalled")
	}
	line := log.line(t, "The records of an entity cannot be decoded")
	for key, want := range map[string]any{"kind": "workflow", "workflowId": "order-1", "namespace": ns, "namespaceId": b.namespaceID()} {
		if line[key] != want {
			t.Errorf("%s is %v, want %v: %v", key, line[key], want, line)
		}
	}
}
