package workergroup

import (
	"errors"

	sdkpb "go.temporal.io/api/sdk/v1"
	workerpb "go.temporal.io/api/worker/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Perdure's server has commands that the API has no field for yet. They are in fields of WorkerCommand and WorkerCommandResult
// that others do not know and pass over; package nexus of the server has the same numbers.
const (
	commandFetchConfig  protowire.Number = 1001 // a FetchWorkerConfigRequest
	commandUpdateConfig protowire.Number = 1002 // an UpdateWorkerConfigRequest
	resultConfig        protowire.Number = 1001 // a WorkerConfig
	resultRefusal       protowire.Number = 1002 // why it was not carried out
)

// Configurable is a Member whose configuration can be read and changed while it runs.
type Configurable interface {
	Member
	// Key is the key of the worker's instance.
	Key() string
	// Config is how it is configured.
	Config() *sdkpb.WorkerConfig
	// Configure changes the fields that are named, all or none of them.
	Configure(config *sdkpb.WorkerConfig, fields []string) error
}

// configured carries out a command about a worker's configuration; nil if it is another one.
func (g *Group) configured(command *workerpb.WorkerCommand) *workerpb.WorkerCommandResult {
	number, body := unknownField(command.ProtoReflect().GetUnknown())
	var config *sdkpb.WorkerConfig
	var err error
	switch number {
	case commandFetchConfig:
		request := new(workflowservice.FetchWorkerConfigRequest)
		if err = proto.Unmarshal(body, request); err == nil {
			config, err = g.configure(request.GetSelector().GetWorkerInstanceKey(), nil, nil)
		}
	case commandUpdateConfig:
		request := new(workflowservice.UpdateWorkerConfigRequest)
		if err = proto.Unmarshal(body, request); err == nil {
			config, err = g.configure(request.GetSelector().GetWorkerInstanceKey(), request.GetWorkerConfig(), request.GetUpdateMask().GetPaths())
		}
	default:
		return nil
	}
	var encoded []byte
	if err == nil {
		encoded, err = proto.Marshal(config)
	}
	result := new(workerpb.WorkerCommandResult)
	if err != nil {
		result.ProtoReflect().SetUnknown(appendField(nil, resultRefusal, []byte(err.Error())))
	} else {
		result.ProtoReflect().SetUnknown(appendField(nil, resultConfig, encoded))
	}
	return result
}

// configure changes the configuration of the worker with the key, if fields are named, and returns it.
func (g *Group) configure(key string, config *sdkpb.WorkerConfig, fields []string) (*sdkpb.WorkerConfig, error) {
	g.mu.Lock()
	var found Configurable
	for _, member := range g.members {
		if c, ok := member.(Configurable); ok && c.Key() == key {
			found = c
		}
	}
	g.mu.Unlock()
	if found == nil {
		return nil, errors.New("the worker is not there any more")
	}
	if len(fields) > 0 {
		if err := found.Configure(config, fields); err != nil {
			return nil, err
		}
	}
	return found.Config(), nil
}

// unknownField is the first of the fields; 0 if there is none.
func unknownField(fields []byte) (protowire.Number, []byte) {
	number, kind, n := protowire.ConsumeTag(fields)
	if n < 0 || kind != protowire.BytesType {
		return 0, nil
	}
	body, n := protowire.ConsumeBytes(fields[n:])
	if n < 0 {
		return 0, nil
	}
	return number, body
}

func appendField(fields []byte, number protowire.Number, body []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(fields, number, protowire.BytesType), body)
}
