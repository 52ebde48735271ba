package workerregistry

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workerpb "go.temporal.io/api/worker/v1"
	"google.golang.org/protobuf/types/known/timestamppb"
)

type clock struct{ now time.Time }

func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

func newRegistry(t *testing.T, options Options) (*Registry, *clock) {
	t.Helper()
	c := &clock{time.Unix(1000, 0)}
	options.Now = func() time.Time { return c.now }
	return New(options), c
}

func heartbeat(key string, change ...func(*workerpb.WorkerHeartbeat)) []*workerpb.WorkerHeartbeat {
	h := &workerpb.WorkerHeartbeat{WorkerInstanceKey: key, TaskQueue: "queue of " + key, Status: enumspb.WORKER_STATUS_RUNNING}
	for _, c := range change {
		c(h)
	}
	return []*workerpb.WorkerHeartbeat{h}
}

func record(t *testing.T, r *Registry, heartbeats []*workerpb.WorkerHeartbeat) {
	t.Helper()
	if err := r.Record("ns", heartbeats); err != nil {
		t.Fatal(err)
	}
}

// keys are the instance keys of the workers that match the query.
func keys(t *testing.T, r *Registry, query string) string {
	t.Helper()
	found, err := r.Select(Selection{Namespace: "ns", Query: query})
	if err != nil {
		t.Fatal(err)
	}
	return joinKeys(found)
}

func joinKeys(heartbeats []*workerpb.WorkerHeartbeat) string {
	var keys []string
	for _, h := range heartbeats {
		keys = append(keys, h.GetWorkerInstanceKey())
	}
	return strings.Join(keys, " ")
}

func TestTheLatestHeartbeatOfAWorkerCounts(t *testing.T) {
	r, _ := newRegistry(t, Options{})
	record(t, r, heartbeat("a"))
	record(t, r, heartbeat("a", func(h *workerpb.WorkerHeartbeat) { h.TotalStickyCacheHit = 7 }))
	if got := r.Find("ns", "a").GetTotalStickyCacheHit(); got != 7 || keys(t, r, "") != "a" {
		t.Errorf("found %v", got)
	}
	if r.Find("ns", "b") != nil || r.Find("other", "a") != nil {
		t.Error("found a worker that is not there")
	}
}

func TestAWorkerThatIsShutDownIsTakenAway(t *testing.T) {
	r, _ := newRegistry(t, Options{})
	record(t, r, slices.Concat(heartbeat("a"), heartbeat("b")))
	record(t, r, heartbeat("a", func(h *workerpb.WorkerHeartbeat) { h.Status = enumspb.WORKER_STATUS_SHUTDOWN }))
	if got := keys(t, r, ""); got != "b" {
		t.Errorf("left are %s", got)
	}
}

func TestASilentWorkerIsForgotten(t *testing.T) {
	r, c := newRegistry(t, Options{})
	record(t, r, heartbeat("a"))
	c.advance(3 * time.Minute)
	record(t, r, heartbeat("b"))
	c.advance(2*time.Minute - 1)
	if got := keys(t, r, ""); got != "a b" {
		t.Errorf("before: %s", got)
	}
	c.advance(1)
	if got := keys(t, r, ""); got != "b" || r.Find("ns", "a") != nil {
		t.Errorf("after five minutes: %s", got)
	}
}

func TestAFullRegistryForgetsWhoHasBeenSilentLongestButNobodyWhoHasJustBeenHeardOf(t *testing.T) {
	for name, options := range map[string]Options{"of workers": {Workers: 3}, "of bytes": {Bytes: 3 * (entryBytes + 50)}} {
		t.Run(name, func(t *testing.T) {
			r, c := newRegistry(t, options)
			for i := range 3 {
				record(t, r, heartbeat(fmt.Sprint(i)))
			}
			var exhausted *serviceerror.ResourceExhausted
			if err := r.Record("ns", heartbeat("early")); !asError(err, &exhausted) {
				t.Errorf("a fourth one at once: %v", err)
			}
			c.advance(time.Minute)
			record(t, r, heartbeat("0"))
			record(t, r, heartbeat("3"))
			if got := keys(t, r, ""); got != "0 2 3" {
				t.Errorf("left are %s", got)
			}
		})
	}
}

func asError[T error](err error, target *T) bool {
	e, ok := err.(T)
	if ok {
		*target = e
	}
	return ok
}

func TestWorkersAreListedPageByPage(t *testing.T) {
	r, _ := newRegistry(t, Options{System: func(queue string) bool { return queue == "queue of system" }})
	for i := range 7 {
		record(t, r, heartbeat(fmt.Sprint(6-i)))
	}
	record(t, r, heartbeat("system"))
	var pages []string
	var token []byte
	for more := true; more; more = token != nil {
		var page []*workerpb.WorkerHeartbeat
		var err error
		if page, token, err = r.List(Selection{Namespace: "ns"}, 3, token); err != nil {
			t.Fatal(err)
		}
		pages = append(pages, joinKeys(page))
		if len(pages) == 1 { // it goes on after a worker that has gone
			record(t, r, heartbeat("2", func(h *workerpb.WorkerHeartbeat) { h.Status = enumspb.WORKER_STATUS_SHUTDOWN }))
		}
	}
	if got := strings.Join(pages, ", "); got != "0 1 2, 3 4 5, 6" {
		t.Errorf("listed %s", got)
	}
	if all, _, err := r.List(Selection{Namespace: "ns", System: true}, 0, nil); err != nil || len(all) != 7 {
		t.Errorf("all are %s, %v", joinKeys(all), err)
	}
	var bad *serviceerror.InvalidArgument
	if _, _, err := r.List(Selection{Namespace: "ns"}, 1, []byte("x")); !asError(err, &bad) {
		t.Errorf("a token that is none: %v", err)
	}
	if _, _, err := r.List(Selection{Namespace: "ns"}, -1, nil); !asError(err, &bad) {
		t.Errorf("a page of less than nothing: %v", err)
	}
}

func TestQueriesSelectWorkers(t *testing.T) {
	r, _ := newRegistry(t, Options{})
	at := func(text string) *timestamppb.Timestamp {
		parsed, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return timestamppb.New(parsed)
	}
	record(t, r, heartbeat("a", func(h *workerpb.WorkerHeartbeat) {
		h.WorkerIdentity, h.SdkName, h.SdkVersion = "1@host", "temporal-go", "1.2"
		h.HostInfo = &workerpb.WorkerHostInfo{HostName: "host"}
		h.DeploymentVersion = &deploymentpb.WorkerDeploymentVersion{DeploymentName: "d", BuildId: "b"}
		h.StartTime, h.HeartbeatTime = at("2026-01-01T00:00:00Z"), at("2026-01-01T01:00:00Z")
	}))
	record(t, r, heartbeat("b", func(h *workerpb.WorkerHeartbeat) {
		h.Status, h.StartTime = enumspb.WORKER_STATUS_SHUTTING_DOWN, at("2026-01-02T00:00:00Z")
	}))
	record(t, r, heartbeat("c"))
	for query, want := range map[string]string{
		"":                             "a b c",
		" WorkerInstanceKey = 'a' ":    "a",
		"WorkerInstanceKey != 'a'":     "b c",
		"WorkerIdentity = '1@host'":    "a",
		"HostName = 'host'":            "a",
		"TaskQueue = 'queue of b'":     "b",
		"TaskQueue STARTS_WITH 'que'":  "a b c",
		"HostName NOT STARTS_WITH 'h'": "b c",
		"DeploymentName = 'd'":         "a",
		"BuildId = 'b'":                "a",
		"SdkName = 'temporal-go' and SdkVersion = '1.2'": "a",
		"SdkName IS NULL":                                                              "b c",
		"SdkName IS NOT NULL":                                                          "a",
		"StartTime IS NULL":                                                            "c",
		"WorkerStatus = 'ShuttingDown'":                                                "b",
		"Status = 'Running'":                                                           "a c",
		"StartTime = '2026-01-01T00:00:00Z'":                                           "a",
		"StartTime > '2026-01-01T00:00:00Z'":                                           "b",
		"StartTime <= 1767225600000000000 and StartTime is not null":                   "a",
		"HeartbeatTime >= '2026-01-01T01:00:00Z'":                                      "a",
		"StartTime BETWEEN '2026-01-01T00:00:00Z' AND '2026-01-01T12:00:00Z'":          "a",
		"StartTime NOT BETWEEN '2026-01-01T00:00:00Z' AND '2026-01-01T12:00:00Z'":      "b",
		"(WorkerInstanceKey = 'a' or WorkerInstanceKey = 'b') and Status != 'Running'": "b",
	} {
		if got := keys(t, r, query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

func TestQueriesThatMakeNoSenseAreRefused(t *testing.T) {
	r, _ := newRegistry(t, Options{})
	for query, says := range map[string]string{
		"not WorkerInstanceKey = 'a'":                      "'not' expression",
		"WorkerInstanceKey = 'a' limit 1":                  "'limit' clause",
		"WorkerInstanceKey = 'a' order by TaskQueue":       "only a condition",
		"WorkerInstanceKey = 'a' group by TaskQueue":       "only a condition",
		"where WorkerInstanceKey = 'a'":                    "invalid filter",
		"select 1":                                         "invalid filter",
		"WorkerInstanceKey":                                "incomplete expression",
		"WorkerInstanceKey = ":                             "malformed query",
		"WorkerInstanceKey = 5":                            "not a string value",
		"WorkerInstanceKey = ''":                           "cannot be empty",
		"WorkerInstanceKey > 'a'":                          "operation > is not supported",
		"WorkerInstanceKey in ('a')":                       "not a string value",
		"WorkerInstanceKey between 'a' and 'b'":            "unknown or unsupported",
		"Nothing = 'a'":                                    "unknown or unsupported worker heartbeat search field: Nothing",
		"Nothing is null":                                  "unknown or unsupported",
		"StartTime = 'yesterday'":                          "invalid value for StartTime",
		"StartTime like '2026-01-01T00:00:00Z'":            "operation like is not supported",
		"StartTime between 'x' and 'y'":                    "invalid value",
		"StartTime between '2026-01-01T00:00:00Z' and 'y'": "invalid value",
		"StartTime is true":                                "only IS NULL and IS NOT NULL",
		"'a' = 'a'":                                        "invalid filter name",
		"length(TaskQueue)":                                "function expression",
		"1":                                                "not supported",
		"TaskQueue = 'q' and Nothing = 'a'":                "unknown or unsupported",
		"Nothing = 'a' or TaskQueue = 'q'":                 "unknown or unsupported",
		strings.Repeat("(", 20_000):                        "longer than",
	} {
		_, err := r.Select(Selection{Namespace: "ns", Query: query})
		var bad *serviceerror.InvalidArgument
		if !asError(err, &bad) || !strings.Contains(err.Error(), says) {
			t.Errorf("%.60s: %v, want %q", query, err, says)
		}
	}
}
