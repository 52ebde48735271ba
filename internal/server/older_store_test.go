package server_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/server"
	"github.com/perdure/perdure/internal/storage/format"
	"github.com/perdure/perdure/internal/verify"
	"github.com/perdure/perdure/internal/visibility"
)

// The stores in testdata/stores were written by releases: one for each, made on the day of the release by
//
//	go test ./internal/server -run OlderStore -write-store NAME
//
// and kept for as long as their format can be read (package format). They have what the
// test below looks at: three workflows, of which the first waits for an activity, the second for
// a timer of long ago, and the third has completed.

var writeStore = flag.String("write-store", "", "write the data of this release to testdata/stores/NAME.tar.gz")

const stores = "testdata/stores"

func TestAnOlderStoreIsOpenedAndItsWorkflowsGoOn(t *testing.T) {
	if *writeStore != "" {
		writeOlderStore(t, filepath.Join(stores, *writeStore+".tar.gz"))
	}
	files, err := filepath.Glob(filepath.Join(stores, "*.tar.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no stores: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			dir := t.TempDir()
			unpack(t, file, dir)
			verifyStore(t, dir, file)
			b := start(t, server.Options{DataDir: dir})
			activity := b.pollActivity()
			if text(activity.GetInput()) != "amount" {
				t.Errorf("activity: %v", activity)
			}
			if _, err := b.client.RespondActivityTaskCompleted(b.ctx(), &workflowservice.RespondActivityTaskCompletedRequest{TaskToken: activity.GetTaskToken()}); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				b.complete(b.pollWorkflow(), completeWorkflow("done"))
			}
			for _, id := range []string{"activity", "timer", "done"} {
				events := b.history(id)
				if last := lastOf(events); last.GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED {
					t.Errorf("the last event of %s is %v", id, last)
				}
			}
			list, err := b.client.ListWorkflowExecutions(b.ctx(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: ns, Query: "ExecutionStatus = 'Completed'"})
			if err != nil || len(list.GetExecutions()) != 3 {
				t.Errorf("completed: %v, %v", list, err)
			}
			if err := b.server.Stop(b.ctx()); err != nil {
				t.Fatal(err)
			}
			verifyStore(t, dir, file)
		})
	}
}

func TestThereIsAStoreOfThePresentFormat(t *testing.T) {
	prefix := filepath.Join(stores, "format-"+string(rune('0'+format.Present().Version())))
	files, err := filepath.Glob(prefix + "*.tar.gz")
	if err != nil || len(files) == 0 {
		t.Errorf("no file begins with %s: write one, as older_store_test.go says", prefix)
	}
}

func lastOf(events []*historypb.HistoryEvent) *historypb.HistoryEvent { return events[len(events)-1] }

// verifyStore verifies a store; one of an older format is only by a server that has upgraded it.
func verifyStore(t *testing.T, dir, file string) {
	t.Helper()
	_, err := verify.Run(t.Context(), verify.Options{Dir: dir, Machines: server.Machines(), Problem: func(p verify.Problem) { t.Error(p) }})
	if err != nil && !strings.Contains(err.Error(), "which converts them") {
		t.Errorf("%s: %v", file, err)
	}
}

// writeOlderStore makes a store of this release.
func writeOlderStore(t *testing.T, file string) {
	dir := t.TempDir()
	b := start(t, server.Options{DataDir: dir, Retention: 100 * 365 * 24 * time.Hour})
	b.startWorkflow("done")
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
	b.startWorkflow("timer")
	b.complete(b.pollWorkflow(), startTimer("t", 3*time.Second))
	b.startWorkflow("activity")
	waiting := scheduleActivity("a")
	attr := waiting.GetScheduleActivityTaskCommandAttributes() // nothing of it runs out
	attr.ScheduleToCloseTimeout, attr.StartToCloseTimeout = nil, durationpb.New(time.Hour)
	b.complete(b.pollWorkflow(), waiting)
	if err := b.server.Stop(b.ctx()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.RemoveAll(filepath.Join(dir, visibility.Dir)), os.MkdirAll(filepath.Dir(file), 0o755)); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	zipped := gzip.NewWriter(f)
	archive := tar.NewWriter(zipped)
	err = archive.AddFS(os.DirFS(dir))
	if err := errors.Join(err, archive.Close(), zipped.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// unpack unpacks an archive of files into a directory.
func unpack(t *testing.T, file, dir string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for archive := tar.NewReader(zipped); ; {
		header, err := archive.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		out, err := os.Create(filepath.Join(dir, filepath.Base(header.Name)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(out, archive); err != nil {
			t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
