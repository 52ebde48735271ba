package peer

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/runtime"
)

func encodeQueue(q entity.Queue) *Queue {
	return &Queue{NamespaceId: q.Namespace, Type: int32(q.Type), Name: q.Name, Version: q.Version}
}

func decodeQueue(q *Queue) entity.Queue {
	return entity.Queue{Namespace: q.GetNamespaceId(), Type: entity.TaskType(q.GetType()), Name: q.GetName(), Version: q.GetVersion()}
}

func encodeRef(ref entity.TaskRef) *Task {
	return &Task{Queue: encodeQueue(ref.Queue), Lane: ref.Lane, Id: ref.ID}
}

func decodeRef(t *Task) entity.TaskRef {
	return entity.TaskRef{Queue: decodeQueue(t.GetQueue()), Lane: t.GetLane(), ID: t.GetId()}
}

func encodeTask(task *entity.Task) *Task {
	t := encodeRef(task.Ref())
	t.Record, t.Volatile = runtime.TaskRecord(task), task.Volatile
	return t
}

func decodeTask(t *Task) (*entity.Task, error) {
	task, err := runtime.TaskOf(decodeRef(t), t.GetRecord())
	if err != nil {
		return nil, err
	}
	task.Volatile = t.GetVolatile()
	return task, nil
}

func encodeTasks(tasks []*entity.Task) []*Task {
	encoded := make([]*Task, len(tasks))
	for i, task := range tasks {
		encoded[i] = encodeTask(task)
	}
	return encoded
}

func decodeTasks(encoded []*Task) ([]*entity.Task, error) {
	tasks := make([]*entity.Task, len(encoded))
	for i, t := range encoded {
		var err error
		if tasks[i], err = decodeTask(t); err != nil {
			return nil, err
		}
	}
	return tasks, nil
}

// raw is a message of whatever type that is passed on as it is on the wire: it has no
// fields that it knows, and keeps those it does not know.
func raw(encoded []byte) proto.Message {
	m := new(emptypb.Empty)
	m.ProtoReflect().SetUnknown(encoded)
	return m
}

// bytesOf is the message as it is on the wire.
func bytesOf(m *emptypb.Empty) []byte { return m.ProtoReflect().GetUnknown() }
