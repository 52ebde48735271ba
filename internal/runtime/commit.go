package runtime

import (
	"math"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/storage"
)

// encode turns what the step has noted into a batch. All keys and the values
// made here share one piece of memory, which the batch keeps.
func (x *execution) encode() *storage.Batch {
	e, step := x.entry, x.step.Outputs()
	batch := &storage.Batch{}
	batch.Grow(len(step.Records) + len(step.Timers) + len(step.Tasks) + len(step.Removed) + len(step.Messages) + len(step.Index) + 1) // and the clock
	buf := make([]byte, 0, x.encodedSize())
	target := e.prefix[1:] // the encoded entity key

	// cut returns what has been appended since the last cut.
	start := 0
	cut := func() []byte {
		piece := buf[start:len(buf):len(buf)]
		start = len(buf)
		return piece
	}
	for i := range step.Records {
		rec := &step.Records[i]
		buf = append(append(buf, e.prefix...), rec.Key...)
		switch key := cut(); {
		case rec.Prefix:
			x.removePrefix(batch, key, step.Records[:i])
		case rec.Value != nil:
			batch.Set(key, rec.Value)
		default:
			batch.Delete(key)
		}
	}
	for i := range step.Timers {
		timer := &step.Timers[i]
		buf = appendTimerKey(buf, timerNanos(timer.At), target, timer.Name)
		if key := cut(); timer.Clear {
			batch.Delete(key)
		} else {
			batch.Set(key, empty)
		}
	}
	for _, task := range step.Tasks {
		buf = appendTaskKey(buf, task.Ref())
		key := cut()
		buf = appendTask(buf, task)
		batch.Set(key, cut())
	}
	for _, ref := range step.Removed {
		buf = appendTaskKey(buf, ref)
		batch.Delete(cut())
	}
	for i := range step.Messages {
		number := x.number()
		x.messages = append(x.messages, number)
		buf = appendOutboxKey(buf, number)
		key := cut()
		buf = appendMessage(buf, target, step.Messages[i])
		batch.Set(key, cut())
	}
	if x.rt.changeLog {
		for i := range step.Index {
			buf = appendLogKey(buf, x.number())
			key := cut()
			buf = appendChange(buf, target, &step.Index[i])
			batch.Set(key, cut())
		}
	}
	return batch
}

var empty = []byte{}

// encodedSize estimates the bytes that encode appends. It need not be exact.
func (x *execution) encodedSize() int {
	step, prefix := x.step.Outputs(), len(x.entry.prefix)
	size := 0
	for i := range step.Records {
		size += prefix + len(step.Records[i].Key)
	}
	for i := range step.Timers {
		size += 9 + prefix + len(step.Timers[i].Name)
	}
	for _, task := range step.Tasks {
		size += sizeTaskKey(task.Ref()) + sizeTask(task)
	}
	for _, ref := range step.Removed {
		size += sizeTaskKey(ref)
	}
	for i := range step.Messages {
		out := &step.Messages[i]
		size += 9 + prefix + len(out.To.Namespace) + len(out.To.ID) + 8 + len(out.Body)
	}
	for i := range step.Index {
		size += 12 + prefix + len(step.Index[i].ID) + len(step.Index[i].Row)
	}
	return size
}

// sizeTaskKey is the length of a task's key, but for zero bytes in names.
func sizeTaskKey(ref entity.TaskRef) int {
	return 16 + len(ref.Queue.Namespace) + len(ref.Queue.Name) + len(ref.Queue.Version) + len(ref.Lane)
}

// Fields of records.DispatchTask.
const (
	taskEntity  = 1
	taskRunID   = 2
	taskEventID = 3
	taskStamp   = 4
	taskSticky  = 5
	taskCreated = 6
	taskExpires = 7
	taskWeight  = 8
	taskVersion = 9
)

// appendTask appends the task as an encoded records.DispatchTask. It is written
// out by hand because one is written for nearly every step.
func appendTask(b []byte, task *entity.Task) []byte {
	b = protowire.AppendTag(b, taskEntity, protowire.BytesType)
	key := task.Entity
	size := encodedKeySize(key)
	b = protowire.AppendVarint(b, uint64(size))
	b = key.Encode(b)
	b = appendText(b, taskRunID, task.RunID)
	if task.EventID != 0 {
		b = protowire.AppendTag(b, taskEventID, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(task.EventID))
	}
	if task.Stamp != 0 {
		b = protowire.AppendTag(b, taskStamp, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(int64(task.Stamp)))
	}
	b = appendText(b, taskSticky, task.Sticky)
	b = appendTime(b, taskCreated, task.Created)
	b = appendTime(b, taskExpires, task.Expires)
	if task.Weight != 0 {
		b = protowire.AppendFixed32(protowire.AppendTag(b, taskWeight, protowire.Fixed32Type), math.Float32bits(task.Weight))
	}
	if task.Version != nil {
		record, err := proto.Marshal(versionRecord(task.Version))
		if err != nil {
			panic("runtime: the version of a task does not encode: " + err.Error())
		}
		b = protowire.AppendBytes(protowire.AppendTag(b, taskVersion, protowire.BytesType), record)
	}
	return b
}

func versionRecord(v *entity.TaskVersion) *records.TaskVersion {
	behavior := enumspb.VERSIONING_BEHAVIOR_AUTO_UPGRADE
	if v.Pinned {
		behavior = enumspb.VERSIONING_BEHAVIOR_PINNED
	}
	return &records.TaskVersion{Behavior: int32(behavior), Version: v.Version, Revision: v.Revision, UseRamping: v.UseRamping}
}

func appendText(b []byte, field protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

// appendTime appends a google.protobuf.Timestamp; the zero time is left out.
func appendTime(b []byte, field protowire.Number, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	seconds, nanos := uint64(t.Unix()), uint64(t.Nanosecond())
	size := 0
	if seconds != 0 {
		size += 1 + protowire.SizeVarint(seconds)
	}
	if nanos != 0 {
		size += 1 + protowire.SizeVarint(nanos)
	}
	b = protowire.AppendVarint(protowire.AppendTag(b, field, protowire.BytesType), uint64(size))
	if seconds != 0 {
		b = protowire.AppendVarint(protowire.AppendTag(b, 1, protowire.VarintType), seconds)
	}
	if nanos != 0 {
		b = protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), nanos)
	}
	return b
}

// sizeTask is an upper bound of what appendTask appends, but for zero bytes in
// the entity's key.
func sizeTask(task *entity.Task) int {
	return 80 + len(task.Entity.Namespace) + len(task.Entity.ID) + len(task.RunID) + len(task.Sticky)
}

// encodedKeySize is the length of key.Encode(nil).
func encodedKeySize(key entity.Key) int {
	return 1 + encodedStringSize(key.Namespace) + encodedStringSize(key.ID)
}

func encodedStringSize(s string) int {
	size := len(s) + 2
	for i := range len(s) {
		if s[i] == 0 {
			size++
		}
	}
	return size
}
