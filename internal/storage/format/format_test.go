package format

import (
	"strings"
	"testing"
)

func TestVersionsAreAcceptedUpgradedOrRefusedWithAdvice(t *testing.T) {
	r := Registry{Oldest: 2, Upgrades: []Upgrade{{Change: "a"}, {Change: "b"}}}
	for _, c := range []struct {
		version uint32
		path    string
		says    string
	}{
		{version: 1, says: "from 2 on"},
		{version: 2, path: "ab"},
		{version: 3, path: "b"},
		{version: 4},
		{version: 5, says: "format 5, and this release reads formats up to 4: use the release"},
	} {
		upgrade, err := r.Check(c.version)
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("version %d: %v, want an error with %q", c.version, err, c.says)
			}
			continue
		}
		if err != nil {
			t.Errorf("version %d: %v", c.version, err)
		}
		var path string
		for _, u := range r.Path(c.version) {
			path += u.Change
		}
		if path != c.path || upgrade != (c.path != "") {
			t.Errorf("version %d: upgrade %v by %q, want %q", c.version, upgrade, path, c.path)
		}
	}
}

func TestEveryUpgradeOfThisReleaseSaysWhatItChanges(t *testing.T) {
	for i, u := range Present().Upgrades {
		if u.Change == "" || u.Apply == nil {
			t.Errorf("the upgrade to format %d has no description or no function", Oldest+i+1)
		}
	}
}
