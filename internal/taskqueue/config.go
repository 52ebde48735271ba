// Package taskqueue is the state machine of what is configured of a task queue:
// its rate limits, the weights of its fairness keys, and its concurrency limit, which flow control keeps.
//
// All types of a queue together are one entity, named by the queue in its
// namespace; each type has a configuration of its own. A queue that nobody has
// configured has no records and takes no memory. What is waiting in a queue is not
// kept here: that is dispatch tasks and package matching.
//
// The records are one for each type that is configured, 'c' and the type, with a
// temporal.api.taskqueue.v1.TaskQueueConfig.
package taskqueue

import (
	"context"
	"fmt"
	"maps"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/flow"
)

// Machine loads configurations, for entity.KindTaskQueue.
type Machine struct{}

// recordPrefix begins the record key of every configuration; the type follows.
const recordPrefix = 'c'

// Load implements entity.Machine.
func (Machine) Load(_ context.Context, reader entity.Reader, key entity.Key) (entity.Entity, error) {
	c := &Config{key: key, types: make(map[enumspb.TaskQueueType]*taskqueuepb.TaskQueueConfig)}
	var decodeErr error
	err := reader.Scan([]byte{recordPrefix}, nil, false, func(record, value []byte) bool {
		config := new(taskqueuepb.TaskQueueConfig)
		if len(record) != 2 {
			decodeErr = fmt.Errorf("record %q is of no type", record)
		} else {
			decodeErr = proto.Unmarshal(value, config)
		}
		if decodeErr != nil {
			return false
		}
		c.types[enumspb.TaskQueueType(record[1])] = config
		c.size += len(value)
		return true
	})
	if err == nil {
		err = decodeErr
	}
	if err != nil {
		return nil, fmt.Errorf("loading the configuration of task queue %s: %w", key, err)
	}
	return c, nil
}

// Config is what is configured of one task queue.
type Config struct {
	key entity.Key
	// types has the configuration of each type that has one. A configuration is
	// never changed, but replaced: replies still hold the old one.
	types map[enumspb.TaskQueueType]*taskqueuepb.TaskQueueConfig
	size  int
}

// Of returns the configuration of a type of the queue, which must not be changed;
// nil if there is none.
func (c *Config) Of(t enumspb.TaskQueueType) *taskqueuepb.TaskQueueConfig { return c.types[t] }

// Update changes what the request sets, and returns the whole configuration of its
// type. The request has been checked for form. It fails with InvalidArgument if the
// queue would have more fairness weights than it may.
func (c *Config) Update(step *entity.Step, req *workflowservice.UpdateTaskQueueConfigRequest) (*taskqueuepb.TaskQueueConfig, error) {
	old := c.types[req.GetTaskQueueType()]
	config := &taskqueuepb.TaskQueueConfig{
		QueueRateLimit:               updateRate(old.GetQueueRateLimit(), req.GetUpdateQueueRateLimit(), req.GetIdentity(), step),
		FairnessKeysRateLimitDefault: updateRate(old.GetFairnessKeysRateLimitDefault(), req.GetUpdateFairnessKeyRateLimitDefault(), req.GetIdentity(), step),
		FairnessWeightOverrides:      updateWeights(old.GetFairnessWeightOverrides(), req.GetSetFairnessWeightOverrides(), req.GetUnsetFairnessWeightOverrides()),
	}
	if n := len(config.FairnessWeightOverrides); n > check.MaxWeightOverrides {
		return nil, serviceerror.NewInvalidArgumentf("the task queue would have %d fairness weight overrides, the maximum is %d: unset some", n, check.MaxWeightOverrides)
	}
	update := req.GetUpdateQueueConcurrencyLimit()
	if config.QueueConcurrencyLimit = old.GetQueueConcurrencyLimit(); update != nil {
		config.QueueConcurrencyLimit = &taskqueuepb.ConcurrencyLimitConfig{
			ConcurrencyLimit: update.GetConcurrencyLimit(),
			Metadata:         metadata(update.GetReason(), req.GetIdentity(), step),
		}
	}
	value, err := proto.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("encoding the configuration of a task queue: %w", err)
	}
	if update != nil {
		var most *int64
		if limit := update.GetConcurrencyLimit(); limit != nil {
			most = proto.Int64(int64(limit.GetConcurrentTasks()))
		}
		flow.LimitQueue(step, c.key.Namespace, c.key.ID, most, update.GetReason())
	}
	c.size += len(value) - proto.Size(old)
	c.types[req.GetTaskQueueType()] = config
	step.Put([]byte{recordPrefix, byte(req.GetTaskQueueType())}, value)
	return config, nil
}

// updateRate replaces a limit if there is an update. An update without a limit
// takes it away; who did so, and why, stays.
func updateRate(old *taskqueuepb.RateLimitConfig, update *workflowservice.UpdateTaskQueueConfigRequest_RateLimitUpdate, identity string, step *entity.Step) *taskqueuepb.RateLimitConfig {
	if update == nil {
		return old
	}
	return &taskqueuepb.RateLimitConfig{
		RateLimit: update.GetRateLimit(),
		Metadata:  metadata(update.GetReason(), identity, step),
	}
}

func metadata(reason, identity string, step *entity.Step) *taskqueuepb.ConfigMetadata {
	return &taskqueuepb.ConfigMetadata{Reason: reason, UpdateIdentity: identity, UpdateTime: timestamppb.New(step.Now)}
}

func updateWeights(old, set map[string]float32, unset []string) map[string]float32 {
	if len(set) == 0 && len(unset) == 0 {
		return old
	}
	weights := make(map[string]float32, len(old)+len(set))
	maps.Copy(weights, old)
	for _, key := range unset {
		delete(weights, key)
	}
	maps.Copy(weights, set)
	return weights
}

// Fire implements entity.Entity. A configuration sets no timers.
func (c *Config) Fire(*entity.Step) error { return nil }

// Receive implements entity.Entity. Nothing sends messages to configurations yet.
func (c *Config) Receive(*entity.Step, entity.Key, []byte) error { return entity.ErrUnknownMessage }

// EndStep implements entity.Entity. Update notes its record itself.
func (c *Config) EndStep(*entity.Step) error { return nil }

// Size implements entity.Entity.
func (c *Config) Size() int { return 256 + c.size }

// Pinned implements entity.Entity.
func (c *Config) Pinned() bool { return false }

// Purge implements entity.Purger.
func (c *Config) Purge(step *entity.Step) (more bool, err error) {
	for t := range c.types {
		step.Delete([]byte{recordPrefix, byte(t)})
	}
	clear(c.types)
	c.size = 0
	return false, nil
}
