package workergroup

import (
	"errors"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	workerpb "go.temporal.io/api/worker/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// configurable is a worker that takes any size of its cache but 13.
type configurable struct {
	worker
	config *sdkpb.WorkerConfig
}

func (c *configurable) Key() string                 { return c.key }
func (c *configurable) Config() *sdkpb.WorkerConfig { return c.config }

func (c *configurable) Configure(config *sdkpb.WorkerConfig, _ []string) error {
	if config.GetWorkflowCacheSize() == 13 {
		return errors.New("not that one")
	}
	c.config = config
	return nil
}

// configCommand is a command in the form of the server's.
func configCommand(number protowire.Number, request proto.Message) *workerpb.WorkerCommand {
	body, _ := proto.Marshal(request)
	c := new(workerpb.WorkerCommand)
	c.ProtoReflect().SetUnknown(appendField(nil, number, body))
	return c
}

func selecting(key string) *commonpb.WorkerSelector {
	return &commonpb.WorkerSelector{Selector: &commonpb.WorkerSelector_WorkerInstanceKey{WorkerInstanceKey: key}}
}

func TestACommandTellsOrChangesTheConfigurationOfAWorker(t *testing.T) {
	update := func(key string, size int32) *workerpb.WorkerCommand {
		return configCommand(commandUpdateConfig, &workflowservice.UpdateWorkerConfigRequest{Selector: selecting(key),
			WorkerConfig: &sdkpb.WorkerConfig{WorkflowCacheSize: size}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"workflow_cache_size"}}})
	}
	groupTest(t, true, func(t *testing.T, g *Group, f *fakeServer, options Options) {
		w := &configurable{worker: worker{key: "w"}, config: &sdkpb.WorkerConfig{WorkflowCacheSize: 1}}
		defer g.Join(&worker{key: "other"}, options)()
		defer g.Join(w, options)()
		for _, c := range []struct {
			command *workerpb.WorkerCommand
			size    int32
			refusal string
		}{
			{configCommand(commandFetchConfig, &workflowservice.FetchWorkerConfigRequest{Selector: selecting("w")}), 1, ""},
			{update("w", 5), 5, ""},
			{update("w", 13), 0, "not that one"},
			{update("other", 5), 0, "the worker is not there any more"},
		} {
			f.commands <- command(t, c.command)
			number, body := unknownField(resultOf(t, <-f.answers).ProtoReflect().GetUnknown())
			config := new(sdkpb.WorkerConfig)
			if c.refusal != "" {
				if number != resultRefusal || string(body) != c.refusal {
					t.Errorf("the result is %d %q, want the refusal %q", number, body, c.refusal)
				}
			} else if err := proto.Unmarshal(body, config); err != nil || number != resultConfig || config.WorkflowCacheSize != c.size {
				t.Errorf("the result is %d %v, %v, want the size %d", number, config, err, c.size)
			}
		}
		if w.config.WorkflowCacheSize != 5 {
			t.Errorf("the size is %d", w.config.WorkflowCacheSize)
		}
	})
}
