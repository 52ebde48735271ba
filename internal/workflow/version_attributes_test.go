package workflow

import (
	"encoding/json"
	"slices"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/deployment"
)

func TestEntriesOfBuildsBeginWithTheKindOfVersioning(t *testing.T) {
	const none, auto = enumspb.VERSIONING_BEHAVIOR_UNSPECIFIED, enumspb.VERSIONING_BEHAVIOR_AUTO_UPGRADE
	one, versioned := &commonpb.WorkerVersionStamp{BuildId: "one"}, &commonpb.WorkerVersionStamp{BuildId: "one", UseVersioning: true}
	for name, c := range map[string]struct {
		had      []string
		behavior enumspb.VersioningBehavior
		stamp    *commonpb.WorkerVersionStamp
		want     []string
	}{
		"the first task":               {nil, none, nil, []string{"unversioned"}},
		"the first task of a build":    {nil, none, one, []string{"unversioned", "unversioned:one"}},
		"another build":                {[]string{"unversioned", "unversioned:0"}, none, one, []string{"unversioned", "unversioned:0", "unversioned:one"}},
		"a build that has come before": {[]string{"unversioned", "unversioned:one", "unversioned:2"}, none, one, []string{"unversioned", "unversioned:one", "unversioned:2"}},
		"what the workflow has set":    {[]string{"x"}, none, nil, []string{"unversioned", "x"}},
		"a behavior":                   {[]string{"unversioned", "unversioned:one"}, auto, nil, []string{"unversioned:one"}},
		"what held before":             {[]string{"assigned:1", "pinned:d:1", "versioned:1"}, none, nil, []string{"unversioned", "versioned:1"}},
		"the build of a version set":   {nil, none, versioned, []string{"versioned:one"}},
	} {
		got := buildEntries(c.had, c.behavior, "", c.stamp)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: entries are %v, want %v", name, got, c.want)
		}
		encoded, err := json.Marshal(c.had)
		if err != nil {
			t.Fatal(err)
		}
		// What saves the work must not leave work undone.
		if c.behavior == none && !c.stamp.GetUseVersioning() && listsBuild(encoded, c.stamp.GetBuildId()) != slices.Equal(c.had, got) {
			t.Errorf("%s: %s is taken for what it is not", name, encoded)
		}
	}
}

func TestABuildWhoseIDBeginsAnotherIsNotTakenForIt(t *testing.T) {
	for entries, want := range map[string]bool{
		`["unversioned","unversioned:one"]`:                     true,
		`["unversioned","unversioned:onery","unversioned:one"]`: true,
		`["unversioned","unversioned:onery"]`:                   false,
		`["unversioned"]`:                                       false,
		`["one"]`:                                               false,
	} {
		if got := listsBuild([]byte(entries), "one"); got != want {
			t.Errorf("%s has one: %v", entries, got)
		}
	}
}

func TestATaskOfAKnownBuildChangesNoAttributes(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.completeAs("one", &completeRequest{})
	r := w.chain().current
	stamp := &commonpb.WorkerVersionStamp{BuildId: "one"}
	if n := testing.AllocsPerRun(100, func() { r.updateVersionAttributes(stamp, deployment.Version{}) }); n > 0 || r.dirty.info {
		t.Errorf("%v allocations; changed: %v", n, r.dirty.info)
	}
}
