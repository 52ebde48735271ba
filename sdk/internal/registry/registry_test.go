package registry

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/policy"
)

// flowContext stands for workflow.Context.
type flowContext interface{ Flow() }

type flowValue struct{}

func (flowValue) Flow() {}

func newRegistry(disableAliasing bool) *Registry {
	return New(Options{WorkflowContext: reflect.TypeFor[flowContext](), DisableAliasing: disableAliasing})
}

func Order(flowContext, string) (int, error) { return 3, nil }
func Charge(context.Context, string) error   { return nil }
func Plain(a, b int) (int, error)            { return a + b, nil }
func Sum(_ context.Context, n ...int) (int, error) {
	total := 0
	for _, i := range n {
		total += i
	}
	return total, nil
}

type Desk struct{ name string }

func (d *Desk) Open(context.Context) (string, error) { return "open " + d.name, nil }
func (d *Desk) Close() error                         { return errors.New("close " + d.name) }

type mixed struct{}

func (mixed) Good(context.Context) error { return nil }
func (mixed) Bad() string                { return "" }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFunctionsAreFoundByNameAndByThemselves(t *testing.T) {
	r := newRegistry(false)
	must(t, r.RegisterWorkflow(Order, WorkflowOptions{Name: "order-v2", VersioningBehavior: policy.VersioningBehaviorPinned}))
	must(t, r.RegisterActivity(Charge, ActivityOptions{}))
	must(t, r.RegisterActivity(Plain, ActivityOptions{Name: "add"}))
	for _, ask := range []any{Order, "order-v2"} {
		if name, err := r.WorkflowName(ask); err != nil || name != "order-v2" {
			t.Errorf("workflow: %q %v", name, err)
		}
	}
	if _, ok := r.Workflow("order-v2"); !ok {
		t.Error("no workflow order-v2")
	}
	if _, ok := r.Workflow("Order"); !ok {
		t.Error("histories with the function's name are lost")
	}
	if name, _ := r.ActivityName(Plain); name != "add" {
		t.Errorf("activity %q", name)
	}
	if behavior, err := r.VersioningBehavior("order-v2"); err != nil || behavior != policy.VersioningBehaviorPinned {
		t.Errorf("behavior %v %v", behavior, err)
	}
	if got := r.ActivityTypes(); !slices.Equal(got, []string{"Charge", "add"}) {
		t.Errorf("types %v", got)
	}
	var none *Registry
	if name, err := none.WorkflowName(Order); err != nil || name != "Order" {
		t.Errorf("without a registry: %q %v", name, err)
	}
	if _, err := r.ActivityName(12); err == nil {
		t.Error("a number names an activity")
	}
}

// otherPackage has functions with the short names of functions of this file.
type otherPackage struct{}

func (otherPackage) Order(flowContext, string) (int, error) { return 4, nil }
func (otherPackage) Plain(a, b int) (int, error)            { return a - b, nil }

func TestFunctionsOfTheSameShortNameReachTheirOwnRegistration(t *testing.T) {
	var other otherPackage
	r := newRegistry(false)
	must(t, r.RegisterWorkflow(Order, WorkflowOptions{Name: "order-v2"}))
	must(t, r.RegisterWorkflow(other.Order, WorkflowOptions{}))
	must(t, r.RegisterActivity(Plain, ActivityOptions{Name: "add"}))
	must(t, r.RegisterActivity(other.Plain, ActivityOptions{}))
	for want, fn := range map[string]any{"order-v2": Order, "Order": other.Order} {
		if name, err := r.WorkflowName(fn); err != nil || name != want {
			t.Errorf("workflow %q, want %q: %v", name, want, err)
		}
		if f, ok := r.Workflow(want); !ok || f.Name != want {
			t.Errorf("a task of type %q runs %+v", want, f)
		}
	}
	for want, fn := range map[string]any{"add": Plain, "Plain": other.Plain} {
		if name, err := r.ActivityName(fn); err != nil || name != want {
			t.Errorf("activity %q, want %q: %v", name, want, err)
		}
	}
}

func TestAShortNameOfSeveralAliasedFunctionsIsNotGuessed(t *testing.T) {
	var other otherPackage
	r := newRegistry(false)
	must(t, r.RegisterWorkflow(Order, WorkflowOptions{Name: "a"}))
	must(t, r.RegisterWorkflow(Order, WorkflowOptions{Name: "b"}))
	if f, ok := r.Workflow("Order"); !ok || f.Name != "b" {
		t.Errorf("one function under two names: %+v", f)
	}
	must(t, r.RegisterWorkflow(other.Order, WorkflowOptions{Name: "c"}))
	if f, ok := r.Workflow("Order"); ok {
		t.Errorf("Order runs %q", f.Name)
	}
	for want, fn := range map[string]any{"b": Order, "c": other.Order} {
		if name, _ := r.WorkflowName(fn); name != want {
			t.Errorf("workflow %q, want %q", name, want)
		}
	}
}

func TestAliasingCanBeSwitchedOff(t *testing.T) {
	r := newRegistry(true)
	must(t, r.RegisterActivity(Plain, ActivityOptions{Name: "add"}))
	if name, _ := r.ActivityName(Plain); name != "Plain" {
		t.Errorf("activity %q", name)
	}
}

func TestStructsRegisterTheirMethods(t *testing.T) {
	r := newRegistry(false)
	must(t, r.RegisterActivity(&Desk{name: "d"}, ActivityOptions{Name: "Desk_"}))
	f, ok := r.Activity("Desk_Open")
	if !ok {
		t.Fatalf("types %v", r.ActivityTypes())
	}
	if result, err := f.Call(context.Background(), nil); err != nil || result != "open d" {
		t.Errorf("%v %v", result, err)
	}
	f, _ = r.Activity("Desk_Close")
	if result, err := f.Call(context.Background(), nil); result != nil || err == nil || err.Error() != "close d" {
		t.Errorf("%v %v", result, err)
	}
	var nobody *Desk
	if name := FunctionName(nobody.Open); name != "Open" || !IsMethod(nobody.Open) || IsMethod(Charge) {
		t.Errorf("name %q", name)
	}
	if err := r.RegisterActivity(&mixed{}, ActivityOptions{}); err == nil || !strings.Contains(err.Error(), "Bad") {
		t.Errorf("invalid method: %v", err)
	}
	must(t, r.RegisterActivity(&mixed{}, ActivityOptions{SkipInvalidStructFunctions: true}))
}

func TestWhatCanNotBeRegisteredIsRefused(t *testing.T) {
	r := newRegistry(false)
	must(t, r.RegisterWorkflow(Order, WorkflowOptions{}))
	must(t, r.RegisterActivity(Charge, ActivityOptions{}))
	for name, err := range map[string]error{
		"twice":                   r.RegisterWorkflow(Order, WorkflowOptions{}),
		"activity twice":          r.RegisterActivity(Charge, ActivityOptions{}),
		"reserved":                r.RegisterWorkflow(Order, WorkflowOptions{Name: "__temporal_x"}),
		"reserved activity":       r.RegisterActivity(Charge, ActivityOptions{Name: "__temporal_x"}),
		"no function":             r.RegisterWorkflow(5, WorkflowOptions{}),
		"nil":                     r.RegisterActivity(nil, ActivityOptions{}),
		"workflow without ctx":    r.RegisterWorkflow(Plain, WorkflowOptions{}),
		"workflow as an activity": r.RegisterActivity(Order, ActivityOptions{}),
		"no error":                r.RegisterActivity(func() int { return 0 }, ActivityOptions{Name: "x"}),
		"three results":           r.RegisterActivity(func() (int, int, error) { return 0, 0, nil }, ActivityOptions{Name: "x"}),
		"a channel":               r.RegisterActivity(func() (chan int, error) { return nil, nil }, ActivityOptions{Name: "x"}),
		"dynamic with arguments":  r.RegisterDynamicActivity(Charge),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	must(t, r.RegisterWorkflow(Order, WorkflowOptions{DisableAlreadyRegisteredCheck: true}))
}

func TestDynamicFunctionsTakeTheRest(t *testing.T) {
	r := newRegistry(false)
	must(t, r.RegisterActivity(Charge, ActivityOptions{}))
	must(t, r.RegisterDynamicActivity(func(context.Context, converter.EncodedValues) (string, error) { return "any", nil }))
	must(t, r.RegisterDynamicWorkflow(func(flowContext, converter.EncodedValues) error { return nil },
		func(workflowType string) (policy.VersioningBehavior, error) {
			return policy.VersioningBehaviorAutoUpgrade, nil
		}))
	if f, ok := r.Activity("whatever"); !ok || !f.Dynamic {
		t.Error("no dynamic activity")
	}
	if f, ok := r.Activity("Charge"); !ok || f.Dynamic {
		t.Error("the dynamic activity hides one with a name")
	}
	if behavior, err := r.VersioningBehavior("whatever"); err != nil || behavior != policy.VersioningBehaviorAutoUpgrade {
		t.Errorf("%v %v", behavior, err)
	}
}

func TestArgumentsMayBeFewerOrMore(t *testing.T) {
	dc := converter.GetDefaultDataConverter()
	f := newFunction("Plain", Plain, contextType)
	for want, values := range map[int][]any{0: nil, 2: {2}, 5: {2, 3}, 9: {4, 5, 6}} {
		var payloads *commonpb.Payloads
		if values != nil {
			var err error
			payloads, err = dc.ToPayloads(values...)
			must(t, err)
		}
		args, err := f.DecodeArgs(dc, payloads)
		must(t, err)
		if got, err := f.Call(nil, args); err != nil || got != want {
			t.Errorf("%v: %v %v", values, got, err)
		}
	}
	wrong, err := dc.ToPayloads("x")
	must(t, err)
	if _, err := f.DecodeArgs(dc, wrong); err == nil || !strings.Contains(err.Error(), "Plain") {
		t.Errorf("err %v", err)
	}
}

func TestVariadicFunctions(t *testing.T) {
	f := newFunction("Sum", Sum, contextType)
	for name, args := range map[string][]any{"decoded": {[]int{1, 2, 3}}, "as called": {1, 2, 3}} {
		if got, err := f.Call(context.Background(), args); err != nil || got != 6 {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
}

func TestArgumentsAreCheckedBeforeTheCall(t *testing.T) {
	if err := CheckActivityArgs(Charge, []any{"x"}); err != nil {
		t.Error(err)
	}
	if err := CheckActivityArgs("by name", []any{1, 2}); err != nil {
		t.Error(err)
	}
	if err := CheckArgs(Order, []any{nil}, reflect.TypeFor[flowContext]()); err != nil {
		t.Error(err)
	}
	for _, args := range [][]any{nil, {1}, {"x", "y"}} {
		if err := CheckActivityArgs(Charge, args); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}

var _ flowContext = flowValue{}
