package taskqueue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
)

// records are what the steps of one queue have written.
type records map[string][]byte

func (r records) Get(record []byte) ([]byte, error) { return r[string(record)], nil }

func (r records) Scan(prefix, _ []byte, _ bool, visit func(record, value []byte) bool) error {
	for key, value := range r {
		if strings.HasPrefix(key, string(prefix)) && !visit([]byte(key), value) {
			break
		}
	}
	return nil
}

func (r records) load(t *testing.T) *Config {
	t.Helper()
	e, err := Machine{}.Load(context.Background(), r, entity.Key{Kind: entity.KindTaskQueue, ID: "q"})
	if err != nil {
		t.Fatal(err)
	}
	return e.(*Config)
}

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// update runs a step, and checks that its records say what the entity does.
func (r records) update(t *testing.T, c *Config, req *workflowservice.UpdateTaskQueueConfigRequest) (*taskqueuepb.TaskQueueConfig, error) {
	t.Helper()
	step := entity.NewStep(now, nil)
	config, err := c.Update(step, req)
	for _, record := range step.Outputs().Records {
		r[string(record.Key)] = record.Value
	}
	for queueType := range enumspb.TaskQueueType_name {
		of := enumspb.TaskQueueType(queueType)
		if loaded := r.load(t); !proto.Equal(loaded.Of(of), c.Of(of)) || loaded.Size() != c.Size() {
			t.Errorf("%v: in memory %v (%d bytes), in the store %v (%d bytes)", of, c.Of(of), c.Size(), loaded.Of(of), loaded.Size())
		}
	}
	return config, err
}

type (
	request    = workflowservice.UpdateTaskQueueConfigRequest
	rateUpdate = workflowservice.UpdateTaskQueueConfigRequest_RateLimitUpdate
)

func limit(n float32) *taskqueuepb.RateLimit { return &taskqueuepb.RateLimit{RequestsPerSecond: n} }

func TestAnUpdateChangesWhatItSetsAndNothingElse(t *testing.T) {
	r := records{}
	c := r.load(t)
	metadata := &taskqueuepb.ConfigMetadata{Reason: "why", UpdateIdentity: "who", UpdateTime: timestamppb.New(now)}
	want := &taskqueuepb.TaskQueueConfig{}
	for _, step := range []struct {
		name   string
		update *request
		change func()
	}{
		{"a rate limit", &request{Identity: "who", UpdateQueueRateLimit: &rateUpdate{RateLimit: limit(5), Reason: "why"}},
			func() { want.QueueRateLimit = &taskqueuepb.RateLimitConfig{RateLimit: limit(5), Metadata: metadata} }},
		{"a limit per fairness key", &request{Identity: "who", UpdateFairnessKeyRateLimitDefault: &rateUpdate{RateLimit: limit(0), Reason: "why"}},
			func() {
				want.FairnessKeysRateLimitDefault = &taskqueuepb.RateLimitConfig{RateLimit: limit(0), Metadata: metadata}
			}},
		{"weights", &request{SetFairnessWeightOverrides: map[string]float32{"a": 1, "b": 2}},
			func() { want.FairnessWeightOverrides = map[string]float32{"a": 1, "b": 2} }},
		{"some weights", &request{SetFairnessWeightOverrides: map[string]float32{"b": 3, "c": 4}, UnsetFairnessWeightOverrides: []string{"a", "z"}},
			func() { want.FairnessWeightOverrides = map[string]float32{"b": 3, "c": 4} }},
		{"the end of a limit", &request{Identity: "who", UpdateQueueRateLimit: &rateUpdate{Reason: "why"}},
			func() { want.QueueRateLimit = &taskqueuepb.RateLimitConfig{Metadata: metadata} }},
		{"nothing", &request{Identity: "other"}, func() {}},
	} {
		step.update.TaskQueueType = enumspb.TASK_QUEUE_TYPE_ACTIVITY
		step.change()
		if got, err := r.update(t, c, step.update); err != nil || !proto.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v", step.name, got, err, want)
		}
	}
	if other := c.Of(enumspb.TASK_QUEUE_TYPE_WORKFLOW); other != nil {
		t.Errorf("the other type of the queue has become %v", other)
	}
}

func TestAReplyIsNotChangedByTheNextUpdate(t *testing.T) {
	r := records{}
	c := r.load(t)
	first, _ := r.update(t, c, &request{TaskQueueType: 1, SetFairnessWeightOverrides: map[string]float32{"a": 1}})
	before := proto.CloneOf(first)
	if _, err := r.update(t, c, &request{TaskQueueType: 1, SetFairnessWeightOverrides: map[string]float32{"a": 2}}); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(first, before) {
		t.Errorf("the first reply has become %v", first)
	}
}

func TestTheWeightsOfAQueueAreBounded(t *testing.T) {
	r := records{}
	c := r.load(t)
	many := make(map[string]float32)
	for i := range check.MaxWeightOverrides {
		many[fmt.Sprint(i)] = 1
	}
	if _, err := r.update(t, c, &request{TaskQueueType: 1, SetFairnessWeightOverrides: many}); err != nil {
		t.Fatal(err)
	}
	_, err := r.update(t, c, &request{TaskQueueType: 1, SetFairnessWeightOverrides: map[string]float32{"one more": 1}})
	var invalid *serviceerror.InvalidArgument
	if !errors.As(err, &invalid) || len(c.Of(1).FairnessWeightOverrides) != check.MaxWeightOverrides {
		t.Errorf("one more: %v, leaves %d", err, len(c.Of(1).FairnessWeightOverrides))
	}
}

func TestARecordThatDoesNotDecodeIsAnErrorThatNamesTheQueue(t *testing.T) {
	for name, r := range map[string]records{"of no type": {"c": nil}, "no configuration": {"c\x01": []byte("\xff")}} {
		_, err := Machine{}.Load(context.Background(), r, entity.Key{Kind: entity.KindTaskQueue, ID: "orders"})
		if err == nil || !strings.Contains(err.Error(), "orders") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
