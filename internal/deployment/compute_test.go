package deployment

import (
	"errors"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	computepb "go.temporal.io/api/compute/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/perdure/perdure/internal/entity"
)

func group(provider string, types ...enumspb.TaskQueueType) *computepb.ComputeConfigScalingGroup {
	return &computepb.ComputeConfigScalingGroup{TaskQueueTypes: types, Provider: &computepb.ComputeProvider{
		Type: provider, Details: &commonpb.Payload{Data: []byte(provider)}}}
}

func whole(g *computepb.ComputeConfigScalingGroup) Groups { return Groups{"a": {ScalingGroup: g}} }

func masked(g *computepb.ComputeConfigScalingGroup, paths ...string) Groups {
	return Groups{"a": {ScalingGroup: g, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}}}
}

var shopOne = Version{"shop", "1"}

// versionWith makes a version whose scaling group a is that of a Kubernetes cluster.
func versionWith(w *world) {
	w.t.Helper()
	err := w.step(func(step *entity.Step) error {
		_, _ = w.d.Create(step, "shop", "me", "r", limits)
		return w.d.CreateVersion(step, shopOne, "me", "r1", &computepb.ComputeConfig{
			ScalingGroups: map[string]*computepb.ComputeConfigScalingGroup{"a": group("k8s", enumspb.TASK_QUEUE_TYPE_ACTIVITY)}}, limits, nil)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) compute() *computepb.ComputeConfig {
	info, err := w.d.DescribeVersion(shopOne)
	if err != nil {
		w.t.Fatal(err)
	}
	return info.ComputeConfig
}

func (w *world) updateCompute(requestID string, upsert Groups, remove ...string) error {
	return w.step(func(*entity.Step) error { return w.d.UpdateCompute(shopOne, upsert, remove, "me", requestID) })
}

func TestAComputeConfigIsKeptAndShown(t *testing.T) {
	w := newWorld(t)
	versionWith(w)
	w.d = w.load()
	if got := w.compute().GetScalingGroups()["a"]; !proto.Equal(got, group("k8s", enumspb.TASK_QUEUE_TYPE_ACTIVITY)) {
		t.Errorf("the scaling group is %v", got)
	}
	info, _, err := w.d.Describe("shop")
	if err != nil {
		t.Fatal(err)
	}
	if got := info.VersionSummaries[0].ComputeConfig.GetScalingGroups()["a"]; got.GetProviderType() != "k8s" || len(got.GetTaskQueueTypes()) != 1 {
		t.Errorf("the summary is %v", got)
	}
}

func TestAMaskSaysWhatChangesOfAScalingGroup(t *testing.T) {
	for name, c := range map[string]struct {
		update Groups
		want   *computepb.ComputeConfigScalingGroup
	}{
		"nothing":      {masked(group("aws-ecs")), group("k8s", enumspb.TASK_QUEUE_TYPE_ACTIVITY)},
		"a type":       {masked(&computepb.ComputeConfigScalingGroup{Provider: &computepb.ComputeProvider{Type: "aws-ecs"}}, "provider.type"), &computepb.ComputeConfigScalingGroup{TaskQueueTypes: []enumspb.TaskQueueType{enumspb.TASK_QUEUE_TYPE_ACTIVITY}, Provider: &computepb.ComputeProvider{Type: "aws-ecs", Details: &commonpb.Payload{Data: []byte("k8s")}}}},
		"a whole part": {masked(group("aws-ecs"), "provider"), group("aws-ecs", enumspb.TASK_QUEUE_TYPE_ACTIVITY)},
		"to nothing":   {masked(group("aws-ecs"), "task_queue_types"), group("k8s")},
		"a scaler": {masked(&computepb.ComputeConfigScalingGroup{Scaler: &computepb.ComputeScaler{Type: "no-sync"}}, "scaler.type"), func() *computepb.ComputeConfigScalingGroup {
			g := group("k8s", enumspb.TASK_QUEUE_TYPE_ACTIVITY)
			g.Scaler = &computepb.ComputeScaler{Type: "no-sync"}
			return g
		}()},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			versionWith(w)
			if err := w.updateCompute("u", c.update); err != nil {
				t.Fatal(err)
			}
			if got := w.compute().GetScalingGroups()["a"]; !proto.Equal(got, c.want) {
				t.Errorf("the scaling group is %v, want %v", got, c.want)
			}
		})
	}
}

func TestAChangeIsCarriedOutOnce(t *testing.T) {
	w := newWorld(t)
	versionWith(w)
	for range 2 {
		if err := w.updateCompute("u", nil, "a"); err != nil {
			t.Fatal(err)
		}
	}
	if w.compute() != nil {
		t.Errorf("the configuration is %v after its last group was removed", w.compute())
	}
	if err := w.updateCompute("u2", whole(group("k8s"))); err != nil {
		t.Fatal(err)
	}
	if err := w.updateCompute("u2", nil, "a"); err != nil || w.compute() == nil {
		t.Errorf("a request with an id that was there changed something: %v, %v", w.compute(), err)
	}
}

func TestAComputeConfigThatMakesNoSenseIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		update Groups
		want   string
	}{
		"no id":                  {Groups{"": {ScalingGroup: group("k8s")}}, "scaling groups without an ID are not supported"},
		"no group":               {Groups{"b": nil}, "entry b: invalid compute provider type ''"},
		"unknown provider":       {whole2(group("abacus")), "entry b: invalid compute provider type 'abacus'"},
		"unknown scaler":         {whole2(&computepb.ComputeConfigScalingGroup{Provider: &computepb.ComputeProvider{Type: "k8s"}, Scaler: &computepb.ComputeScaler{Type: "x"}}), "entry b: invalid scaling algorithm type 'x'"},
		"a type of tasks twice":  {whole2(group("k8s", enumspb.TASK_QUEUE_TYPE_ACTIVITY)), "entry b: task type Activity appears in more than one entry"},
		"no type of tasks":       {whole2(group("k8s", enumspb.TASK_QUEUE_TYPE_UNSPECIFIED)), "entry b: task type undefined not allowed in compute spec"},
		"an unknown type":        {whole2(group("k8s", 99)), "entry b: task type undefined not allowed in compute spec"},
		"two for the rest":       {Groups{"b": {ScalingGroup: group("k8s")}, "c": {ScalingGroup: group("k8s")}}, "entry c: only one scaling group can have no task types defined"},
		"regions":                {whole2(&computepb.ComputeConfigScalingGroup{RegionIds: []string{"moon"}, Provider: &computepb.ComputeProvider{Type: "k8s"}}), "entry b: this server has no regions"},
		"a mask of no field":     {masked(group("k8s"), "provider.name"), `unsupported field mask path: "provider.name"`},
		"a scaler that is unset": {masked(group("k8s"), "scaler.type"), "scaler.type set in field mask, but not provided"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			versionWith(w)
			for what, err := range map[string]error{"validate": w.d.ValidateCompute(shopOne, c.update, nil), "update": w.updateCompute("u", c.update)} {
				var invalid *serviceerror.InvalidArgument
				if !errors.As(err, &invalid) || err.Error() != c.want {
					t.Errorf("%s: error is %v, want %q", what, err, c.want)
				}
			}
			if len(w.compute().GetScalingGroups()) != 1 {
				t.Errorf("it was changed nevertheless: %v", w.compute())
			}
		})
	}
}

func whole2(g *computepb.ComputeConfigScalingGroup) Groups { return Groups{"b": {ScalingGroup: g}} }

func TestAProviderThatIsANexusServiceMayHaveAnyType(t *testing.T) {
	w := newWorld(t)
	versionWith(w)
	g := group("abacus")
	g.Provider.NexusEndpoint = "workshop"
	if err := w.updateCompute("u", whole2(g)); err != nil {
		t.Error(err)
	}
}

func TestWhatIsValidatedForAVersionThatIsNotThereIsMadeWhole(t *testing.T) {
	d := newWorld(t).d
	if err := d.ValidateCompute(shopOne, whole(group("k8s")), nil); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"nothing":  d.ValidateCompute(shopOne, nil, nil),
		"a remove": d.ValidateCompute(shopOne, whole(group("k8s")), []string{"a"}),
		"a mask":   d.ValidateCompute(shopOne, masked(group("k8s"), "provider"), nil),
	} {
		var invalid *serviceerror.InvalidArgument
		if !errors.As(err, &invalid) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	var notFound *serviceerror.NotFound
	if err := d.UpdateCompute(shopOne, whole(group("k8s")), nil, "me", "r"); !errors.As(err, &notFound) {
		t.Errorf("error is %v, want NotFound", err)
	}
}
