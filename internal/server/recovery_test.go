package server_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/perdure/perdure/internal/server"
	"github.com/perdure/perdure/internal/storage/pebble"
)

// lines is a log that may be written to while it is read.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func TestAServerTellsThatTheLastOneDidNotStopInOrder(t *testing.T) {
	disk := vfs.NewCrashableMem()
	on := func(fs vfs.FS) (*bench, *lines) {
		store, err := pebble.Open("data", pebble.Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		log := new(lines)
		return start(t, server.Options{Store: store, Logger: slog.New(slog.NewTextHandler(log, nil))}), log
	}
	b, log := on(disk)
	b.startWorkflow("w")
	b.complete(b.pollWorkflow(), startTimer("t", time.Hour))
	killed := disk.CrashClone(vfs.CrashCloneCfg{})
	if err := b.server.Stop(b.ctx()); err != nil {
		t.Fatal(err)
	}
	_, again := on(disk)
	for what, log := range map[string]string{"a new server": log.String(), "one after another that has stopped": again.String()} {
		if strings.Contains(log, "did not stop in order") {
			t.Errorf("%s says: %s", what, log)
		}
	}
	_, after := on(killed)
	for _, want := range []string{"level=WARN", "did not stop in order", "replayed_bytes=", "due_timers=0", "open_workflows=1", "took="} {
		if !strings.Contains(after.String(), want) {
			t.Errorf("the server after one that was killed does not say %q: %s", want, after)
		}
	}
}
