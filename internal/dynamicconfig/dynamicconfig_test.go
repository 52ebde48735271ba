package dynamicconfig

import (
	"bytes"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/api/check"
)

// fixed makes a Config of the text of a file.
func fixed(t *testing.T, text string) *Config {
	t.Helper()
	v, warnings, err := parse([]byte(text), nil, nil)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("parse: %v, %v", warnings, err)
	}
	c := new(Config)
	c.values.Store(v)
	return c
}

func TestWithoutAFileSettingsHaveTheirDefaults(t *testing.T) {
	for _, c := range []*Config{nil, new(Config)} {
		if got := BlobSize.Get(c, "ns"); got != check.MaxBlob {
			t.Errorf("limit.blobSize.error is %d", got)
		}
		if got := MinRetention.Get(c); got != time.Hour {
			t.Errorf("system.namespaceMinRetentionLocal is %v", got)
		}
	}
}

func TestTheValueOfANamespaceGoesBeforeTheOneForAll(t *testing.T) {
	c := fixed(t, `
limit.blobSize.error:
- value: 100
  constraints: {}
- value: 200
  constraints: {namespace: large}
`)
	if all, own := BlobSize.Get(c, "ns"), BlobSize.Get(c, "large"); all != 100 || own != 200 {
		t.Errorf("values are %d and %d, want 100 and 200", all, own)
	}
}

func TestANamespacesValueLeavesOthersTheDefault(t *testing.T) {
	c := fixed(t, `limit.blobSize.error: [{value: 200, constraints: {namespace: large}}]`)
	if got := BlobSize.Get(c, "ns"); got != check.MaxBlob {
		t.Errorf("the value of another namespace is %d, want the default", got)
	}
}

func TestTheValueThatFitsATaskQueueBestCounts(t *testing.T) {
	s := TaskQueue[int]{setting[int]{index: 0, def: 9}}
	c := new(Config)
	activity, workflow := enumspb.TASK_QUEUE_TYPE_ACTIVITY, enumspb.TASK_QUEUE_TYPE_WORKFLOW
	c.values.Store(&values{bySetting: []any{list[int]{
		{Constraints{Namespace: "ns", TaskQueue: "q", TaskType: activity}, 1},
		{Constraints{Namespace: "ns", TaskQueue: "q"}, 2},
		{Constraints{TaskQueue: "q"}, 3},
		{Constraints{Namespace: "ns"}, 4},
	}}})
	for _, x := range []struct {
		namespace, queue string
		taskType         enumspb.TaskQueueType
		want             int
	}{{"ns", "q", activity, 1}, {"ns", "q", workflow, 2}, {"other", "q", activity, 3}, {"ns", "p", activity, 4}, {"other", "p", activity, 9}} {
		if got := s.Get(c, x.namespace, x.queue, x.taskType); got != x.want {
			t.Errorf("%v: %d", x, got)
		}
	}
}

func TestKeysAreTheSameInUpperAndLowerCase(t *testing.T) {
	c := fixed(t, `LIMIT.BLOBSIZE.ERROR: [{value: 7}]`)
	if got := BlobSize.Get(c, ""); got != 7 {
		t.Errorf("got %d", got)
	}
}

func TestValuesOfEveryTypeAreRead(t *testing.T) {
	c := fixed(t, `
system.disallowQuery: [{value: "true"}]
history.workflowIdReuseMinimalInterval: [{value: 1500ms}]
system.namespaceMinRetentionLocal: [{value: 2d}]
history.maxTotalUpdates.suggestContinueAsNewThreshold: [{value: 0.5}]
limit.memoSize.error: [{value: 1.5e3}]
history.defaultActivityRetryPolicy: [{value: {InitialIntervalInSeconds: 2, MaximumAttempts: 5}}]
callback.allowedAddresses: [{value: [{Pattern: "*.example.org:443"}, {Pattern: "localhost:*", AllowInsecure: true}]}]
`)
	if !DisallowQuery.Get(c, "") || ReuseInterval.Get(c, "") != 1500*time.Millisecond || MinRetention.Get(c) != 48*time.Hour ||
		SuggestUpdates.Get(c, "") != 0.5 || MemoSize.Get(c, "") != 1500 {
		t.Error("values are not those of the file")
	}
	want := check.RetryDefaults{InitialInterval: 2 * time.Second, MaximumIntervalCoefficient: 100, BackoffCoefficient: 2, MaximumAttempts: 5}
	if got := ActivityRetryPolicy.Get(c, ""); got != want {
		t.Errorf("retry policy is %+v, want %+v", got, want)
	}
	for address, allowed := range map[string]bool{
		"https://a.b.example.org:443/x": true,
		"http://a.example.org:443/x":    false,
		"http://localhost:8080/":        true,
		"https://elsewhere.org/":        false,
		"https://example.org.evil:443/": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if err := CallbackAddresses.Get(c, "").Allow(u); (err == nil) != allowed {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestAFileThatIsNotRightIsRefusedAsAWhole(t *testing.T) {
	for text, says := range map[string]string{
		"limit.blobSize.error: 5":                                                                        "cannot unmarshal",
		"limit.blobSize.error: [{value: many}]":                                                          "limit.blobSize.error: many is not a whole number",
		"limit.blobSize.error: [{value: 1.5}]":                                                           "not a whole number",
		"limit.blobSize.error: [{value: 0}]":                                                             "less than 1",
		"limit.blobSize.error: [{value: 1e30}]":                                                          "not a whole number",
		"system.disallowQuery: [{value: 3}]":                                                             "not true or false",
		"system.namespaceMinRetentionLocal: [{value: soon}]":                                             "not a duration",
		"system.namespaceMinRetentionLocal: [{value: 1e300d}]":                                           "not a duration",
		"history.maxTotalUpdates.suggestContinueAsNewThreshold: [{value: .nan}]":                         "not between 0 and 1",
		"history.defaultActivityRetryPolicy: [{value: {Attempts: 3}}]":                                   "there is no field attempts",
		"callback.allowedAddresses: [{value: [{AllowInsecure: true}]}]":                                  "there is no field Pattern",
		"limit.blobSize.error: [{value: 1, constraints: {namespace: 3}}]":                                "constraint namespace: 3 is not a name",
		"limit.blobSize.error: [{value: 1}]\nLimit.BlobSize.Error: [{value: 2}]":                         "twice",
		"limit.blobSize.error: [{value: x}]\nsystem.disallowQuery: [{value: 3}]\nhistory: {not: a list}": "cannot unmarshal",
	} {
		_, _, err := parse([]byte(text), nil, nil)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s\nerror is %v, want %s", text, err, says)
		}
	}
}

func TestWhatHasNoEffectIsWarnedAbout(t *testing.T) {
	for text, says := range map[string]string{
		"limit.blobsize.eror: [{value: 5}]":                                                "did you mean limit.blobSize.error?",
		"history.someSettingOfAnotherServer: [{value: 5}]":                                 "it has no effect",
		"system.namespaceMinRetentionLocal: [{value: 1h, constraints: {namespace: a}}]":    "depends on nothing only",
		"limit.blobSize.error: [{value: 1, constraints: {taskQueueName: a}}]":              "depends on namespace only",
		"limit.blobSize.error: [{value: 1, constraints: {shardID: 5}}]":                    "no constraint shardID",
		"limit.blobSize.error: [{value: 1, constraints: {namespace: a, historyShard: 1}}]": "no constraint historyShard",
	} {
		v, warnings, err := parse([]byte(text), nil, nil)
		if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], says) {
			t.Errorf("%s: %q, %v; want %s", text, warnings, err, says)
			continue
		}
		c := new(Config)
		c.values.Store(v)
		if BlobSize.Get(c, "a") != check.MaxBlob || MinRetention.Get(c) != time.Hour {
			t.Errorf("%s: it has an effect", text)
		}
	}
}

func TestOverridesGoBeforeTheFileAndPresetsBehindIt(t *testing.T) {
	v, _, err := parse([]byte(`
limit.blobSize.error: [{value: 1, constraints: {namespace: own}}, {value: 2}]
limit.memoSize.error: [{value: 3, constraints: {namespace: own}}]
`),
		[]Override{{"limit.blobSize.error", "10"}, {"limit.memoSize.error", "10"}, {"frontend.linkMaxSize", "10"}},
		[]Override{{"limit.blobSize.error", "20"}})
	if err != nil {
		t.Fatal(err)
	}
	c := new(Config)
	c.values.Store(v)
	if got := BlobSize.Get(c, "own"); got != 20 {
		t.Errorf("with an override the value is %d", got)
	}
	if own, others := MemoSize.Get(c, "own"), MemoSize.Get(c, "ns"); own != 3 || others != 10 {
		t.Errorf("with a preset the values are %d and %d", own, others)
	}
	if got := LinkSize.Get(c, "own"); got != 10 {
		t.Errorf("the preset alone is %d", got)
	}
}

func TestDerivedValuesFollowTheConfiguration(t *testing.T) {
	c := fixed(t, `limit.blobSize.error: [{value: 5}, {value: 6, constraints: {namespace: own}}]`)
	derived := Derive(c, FieldLimits)
	get := func(name string) int { return derived.Get(func() string { return name }).Blob }
	if get("ns") != 5 || get("own") != 6 {
		t.Errorf("values are %d and %d", get("ns"), get("own"))
	}
	if derived.Get(func() string { return "ns" }) != derived.Get(func() string { return "" }) {
		t.Error("it is made anew for every call")
	}
	c.values.Store(nil)
	if got := derived.Get(func() string { t.Error("no namespace has values of its own"); return "" }).Blob; got != check.MaxBlob {
		t.Errorf("after a change the value is %d", got)
	}
}

func TestTheFileIsReadAgainWhenItHasChanged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "settings.yaml")
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		at = at.Add(time.Second)
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	write("limit.blobSize.error: [{value: 5}]")
	s := &Source{options: Options{File: file, Logger: slog.New(slog.NewTextHandler(&log, nil))}}
	if err := s.load(); err != nil {
		t.Fatal(err)
	}
	expect := func(want int, says string) {
		t.Helper()
		log.Reset()
		s.reload()
		if got := BlobSize.Get(s.Config(), ""); got != want || !strings.Contains(log.String(), says) || says == "" && log.Len() > 0 {
			t.Errorf("value is %d, want %d; the log says %q, want %q", got, want, log.String(), says)
		}
	}
	expect(5, "")
	write("limit.blobSize.error: [{value: 6}]")
	expect(6, "has been read again")
	write("limit.blobSize.error: [{value: none}]")
	expect(6, "stay as they were")
	expect(6, "")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	expect(6, "no such file")
	expect(6, "")
	write("limit.blobSize.error: [{value: 7}]")
	expect(7, "has been read again")
}

func TestOpenRefusesAFileThatIsNotThereOrNotRight(t *testing.T) {
	if _, err := Open(Options{File: filepath.Join(t.TempDir(), "none.yaml")}); err == nil {
		t.Error("a file that is not there is accepted")
	}
	file := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(file, []byte("limit.blobSize.error: [{value: none}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{File: file}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error is %v, want one that names the file", err)
	}
	if _, err := Open(Options{Overrides: []Override{{"limit.blobSize.error", "-1"}}}); err == nil {
		t.Error("an override that is not right is accepted")
	}
}

func BenchmarkReadASetting(b *testing.B) {
	c := new(Config)
	v, _, err := parse([]byte(`limit.blobSize.error: [{value: 5}, {value: 6, constraints: {namespace: own}}]`), nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	c.values.Store(v)
	derived := Derive(c, FieldLimits)
	b.Run("set", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			BlobSize.Get(c, "own")
		}
	})
	b.Run("default", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			MemoSize.Get(c, "own")
		}
	})
	b.Run("derived", func(b *testing.B) {
		b.ReportAllocs()
		name := func() string { return "own" }
		for b.Loop() {
			derived.Get(name)
		}
	})
}
