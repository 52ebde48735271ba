package flow

import (
	"math"
	"regexp"
	"unicode/utf8"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
	"github.com/perdure/perdure/internal/searchattribute"
)

// Limits of the fields of policies.
const (
	maxDescription = 1000
	maxType        = 1000
	maxExpression  = 4096
	// maxPerSecond and minPerSecond bound rates: one in a year is still one.
	maxPerSecond = 1e6
	minPerSecond = 1.0 / (365 * 24 * 3600)
	maxCount     = 1e9
)

var names = regexp.MustCompile(`^[a-zA-Z0-9_.\-]{1,100}$`)

// Check checks a policy that is to be set; custom are the search attributes of its namespace. It fails with
// InvalidArgument.
func Check(p *flowv1.Policy, custom map[string]searchattribute.Type) error {
	bad := func(format string, args ...any) error {
		return serviceerror.NewInvalidArgumentf("flow policy: "+format, args...)
	}
	switch {
	case p == nil:
		return bad("it is not set")
	case !names.MatchString(p.Name):
		return bad("name %.120q is not one: letters, digits, '-', '_' and '.', up to 100", p.Name)
	case p.Target != flowv1.Target_TARGET_WORKFLOWS && p.Target != flowv1.Target_TARGET_ACTIVITIES:
		return bad("target is not set, or unknown: workflows or activities")
	case p.Target == flowv1.Target_TARGET_WORKFLOWS && p.ActivityType != "":
		return bad("activity_type is set, but the policy is about workflows")
	case max(len(p.WorkflowType), len(p.ActivityType), len(p.TaskQueue)) > maxType:
		return bad("a type or the task queue is longer than %d bytes", maxType)
	case len(p.Description) > maxDescription || !utf8.ValidString(p.Description):
		return bad("description is longer than %d bytes", maxDescription)
	case p.MaxRunning == nil && p.Rate == nil:
		return bad("it limits nothing: set max_running, rate, or both")
	case p.MaxRunning != nil && (*p.MaxRunning < 0 || *p.MaxRunning > maxCount):
		return bad("max_running is %d: from 0, which closes the gate, to %d", *p.MaxRunning, int64(maxCount))
	case p.MaxWaiting != nil && (*p.MaxWaiting < 0 || *p.MaxWaiting > maxCount):
		return bad("max_waiting is %d: from 0 to %d", *p.MaxWaiting, int64(maxCount))
	}
	if p.MaxWaiting != nil && p.Target == flowv1.Target_TARGET_ACTIVITIES {
		return bad("max_waiting is set, but nobody can be refused an activity")
	}
	if r := p.Rate; r != nil {
		switch {
		case math.IsNaN(r.PerSecond) || r.PerSecond < minPerSecond || r.PerSecond > maxPerSecond:
			return bad("rate.per_second is %v: from one in a year to %v; max_running 0 closes the gate", r.PerSecond, maxPerSecond)
		case r.Burst < 0 || r.Burst > maxCount:
			return bad("rate.burst is %d: from 1 to %d", r.Burst, int64(maxCount))
		}
	}
	return checkKey(p, custom, bad)
}

// CheckName checks the name of a policy that is to be looked at. It fails with InvalidArgument.
func CheckName(name string) error {
	if !names.MatchString(name) {
		return serviceerror.NewInvalidArgumentf("%.120q is no name of a flow policy", name)
	}
	return nil
}

func checkKey(p *flowv1.Policy, custom map[string]searchattribute.Type, bad func(string, ...any) error) error {
	switch by := p.Key.GetBy().(type) {
	case nil:
		if p.Key != nil {
			return bad("key is set, but says nothing: fairness_key, search_attribute or expression")
		}
	case *flowv1.Key_FairnessKey:
		if !by.FairnessKey {
			return bad("key.fairness_key is false: leave the key out")
		}
	case *flowv1.Key_SearchAttribute:
		t, ok := custom[by.SearchAttribute]
		switch {
		case p.Target != flowv1.Target_TARGET_WORKFLOWS:
			return bad("activities have no search attributes")
		case !ok:
			return bad("the namespace has no search attribute %.120q", by.SearchAttribute)
		case t != enumspb.INDEXED_VALUE_TYPE_KEYWORD && t != enumspb.INDEXED_VALUE_TYPE_INT && t != enumspb.INDEXED_VALUE_TYPE_BOOL:
			return bad("search attribute %q is a %s: it has to be a Keyword, an Int or a Bool", by.SearchAttribute, t)
		}
	case *flowv1.Key_Expression:
		if len(by.Expression) > maxExpression {
			return bad("key.expression is longer than %d bytes", maxExpression)
		}
		if _, err := compile(by.Expression); err != nil {
			return bad("key.expression: %v", err)
		}
	}
	return nil
}
