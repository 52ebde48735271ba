package worker

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/flow"
)

// pageTest runs test with a worker that has a status page, in real time: it is served by the
// network.
func pageTest(t *testing.T, change func(*config, *fakeServer), test func(t *testing.T, w *Worker, f *fakeServer)) {
	t.Helper()
	f := newFakeServer()
	c := testConfig(f)
	c.StatusPageAddress = "127.0.0.1:0"
	change(&c, f)
	w := newWorker(c, newStickyCache(10, 0))
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	test(t, w, f)
}

// get fetches a page with the given host name.
func get(t *testing.T, url, host string) (code int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestTheStatusPageShowsWhatTheWorkerDoesAndWhatFailed(t *testing.T) {
	pageTest(t, func(c *config, f *fakeServer) {
		register(t, c, "echo", echo)
		register(t, c, "fails", func(flow.Context) error { panic("<b>broken</b>") })
		withActivity(t, func() error { return errors.New("no such account") })(c, f)
	}, func(t *testing.T, w *Worker, f *fakeServer) {
		f.normal <- newScript("echo").started().task(0)
		answer[*completedRequest](t, f)
		f.normal <- newScript("fails").started().task(0)
		answer[*failedRequest](t, f)
		f.activities <- activityOf("act")
		answer[*workflowservice.RespondActivityTaskFailedRequest](t, f)
		_, text := get(t, w.page.url+"status.json", "localhost")
		var s workerStatus
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		if s.TaskQueue != "queue" || s.State != "running" || len(s.Polls) != 3 || len(s.Slots) != 3 || s.Cache == nil || s.FailuresTotal != 2 {
			t.Errorf("the status is %s", text)
		}
		if got := s.Failures; got[0].What != "activity" || got[0].Error != "no such account" || got[1].Type != "fails" || got[1].WorkflowID != "wf" {
			t.Errorf("the failures are %v", got)
		}
		code, page := get(t, w.page.url, "127.0.0.1:1")
		if code != http.StatusOK || !strings.Contains(page, "no such account") || !strings.Contains(page, "&lt;b&gt;broken&lt;/b&gt;") {
			t.Errorf("the page, %d, is %s", code, page)
		}
	})
}

func TestTheStatusPageAnswersToLoopbackNamesOnlyAndEndsWithTheWorker(t *testing.T) {
	var url string
	pageTest(t, func(*config, *fakeServer) {}, func(t *testing.T, w *Worker, _ *fakeServer) {
		url = w.page.url
		if code, _ := get(t, url, "evil.example"); code != http.StatusForbidden {
			t.Errorf("another host name is answered %d", code)
		}
		if code, _ := get(t, url+"else", "localhost"); code != http.StatusNotFound {
			t.Errorf("another path is answered %d", code)
		}
	})
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&http.Transport{}).RoundTrip(request); err == nil {
		t.Error("the page is there after the worker has stopped")
	}
}

func TestAStatusPageForOthersIsRefused(t *testing.T) {
	for address, ok := range map[string]bool{
		"": true, "localhost:80": true, "127.0.0.1:0": true, "[::1]:8080": true,
		":80": false, "0.0.0.0:80": false, "example.com:80": false, "localhost": false, "[::]:80": false,
	} {
		if err := checkStatusAddress(address); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestAWorkerThatCannotServeItsPageDoesNotStart(t *testing.T) {
	pageTest(t, func(*config, *fakeServer) {}, func(t *testing.T, w *Worker, f *fakeServer) {
		c := testConfig(f)
		c.StatusPageAddress = strings.Trim(strings.TrimPrefix(w.page.url, "http://"), "/")
		if err := newWorker(c, process).Start(); err == nil || !strings.Contains(err.Error(), "serving the status page") {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestTheFiguresOfTheStatusPageAreLogged(t *testing.T) {
	logs := &lines{}
	workerTest(t, func(c *config, f *fakeServer) {
		c.backend.Logger = logs
		c.StatusLogInterval = time.Minute
		register(t, c, "echo", echo)
	}, func(t *testing.T, _ *Worker, f *fakeServer) {
		f.normal <- newScript("echo").started().task(0)
		answer[*completedRequest](t, f)
		time.Sleep(90 * time.Second)
		synctest.Wait()
		if got := logs.matching("INFO", "Worker status", "Processed workflow tasks 1", "Uptime 1m0s", "State running"); len(got) != 1 {
			t.Errorf("what was logged is %q", logs.all)
		}
	})
}

func TestOnlyTheLastFailuresAreRemembered(t *testing.T) {
	r := &recent{}
	for n := range recentFailures + 3 {
		r.add(failureNote{Error: strconv.Itoa(n)})
	}
	notes, total := r.list()
	if len(notes) != recentFailures || total != recentFailures+3 || notes[0].Error != strconv.Itoa(recentFailures+2) || notes[len(notes)-1].Error != "3" {
		t.Errorf("%d of %d: %v", len(notes), total, notes)
	}
	r.add(failureNote{Error: strings.Repeat("x", 2*failureNoteLimit)})
	if notes, _ := r.list(); len(notes[0].Error) > failureNoteLimit+10 {
		t.Errorf("%d bytes of an error are remembered", len(notes[0].Error))
	}
}
