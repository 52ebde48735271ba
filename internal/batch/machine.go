package batch

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Queue is where jobs wait for a Runner. No client can name its namespace.
var Queue = entity.Queue{Type: entity.TaskActivity, Name: "temporal-sys-batches"}

// The records of a job: what it is, how far it has come, and its pages of items, each by
// its number, from 0 on. Pages that are done are removed.
var (
	jobKey      = []byte{'j'}
	progressKey = []byte{'p'}
)

const pagePrefix = 'i'

func pageKey(number int64) []byte { return entity.AppendInt([]byte{pagePrefix}, number) }

// Machine loads jobs, for entity.KindBatch.
type Machine struct {
	// Retention is how long closed jobs of a namespace are kept; three days if it is 0.
	Retention func(namespaceID string) time.Duration
}

const defaultRetention = 72 * time.Hour

// Load implements entity.Machine. Pages are not loaded.
func (m Machine) Load(_ context.Context, reader entity.Reader, key entity.Key) (entity.Entity, error) {
	j := &Job{key: key, retention: m.Retention}
	job, err := reader.Get(jobKey)
	if err != nil || job == nil {
		return j, err
	}
	progress, err := reader.Get(progressKey)
	if err != nil {
		return nil, err
	}
	j.record, j.progress = new(records.BatchJob), new(records.BatchProgress)
	if err := proto.Unmarshal(job, j.record); err != nil {
		return nil, fmt.Errorf("loading the batch job %s: %w", key, err)
	}
	if err := proto.Unmarshal(progress, j.progress); err != nil {
		return nil, fmt.Errorf("loading the progress of the batch job %s: %w", key, err)
	}
	j.size = len(job) + len(progress)
	return j, nil
}

// IndexRows implements entity.Indexed.
func (m Machine) IndexRows(ctx context.Context, reader entity.Reader, key entity.Key) ([]entity.IndexEntry, error) {
	e, err := m.Load(ctx, reader, key)
	if err != nil || e.(*Job).record == nil {
		return nil, err
	}
	entry, err := e.(*Job).indexEntry()
	return []entity.IndexEntry{entry}, err
}

// Receive implements entity.Entity. Nothing sends messages to jobs.
func (j *Job) Receive(*entity.Step, entity.Key, []byte) error { return entity.ErrUnknownMessage }

// Fire implements entity.Entity: the retention of a closed job may be over.
func (j *Job) Fire(step *entity.Step) error {
	expiry := j.record.GetExpiry()
	if expiry == nil || expiry.AsTime().After(step.Now) {
		return nil
	}
	return j.Retain(step)
}

// Retain implements entity.Retainer: the job is removed if its retention is over, and its
// timer set anew otherwise.
func (j *Job) Retain(step *entity.Step) error {
	if j.record.GetExpiry() == nil {
		return nil
	}
	at := j.expiry(j.record.CloseTime.AsTime())
	switch {
	case !at.After(step.Now):
		j.remove(step)
	case !at.Equal(j.record.Expiry.AsTime()):
		step.ClearTimer(nil, j.record.Expiry.AsTime())
		j.expireAt(step, at)
	}
	return nil
}

// expiry is when the job is removed if it closes at a time.
func (j *Job) expiry(closed time.Time) time.Time {
	return closed.Add(cmp.Or(j.retention(j.key.Namespace), defaultRetention))
}

func (j *Job) expireAt(step *entity.Step, at time.Time) {
	step.SetTimer(nil, at)
	j.record.Expiry = timestamppb.New(at)
	j.changed = true
}

// Purge implements entity.Purger. A Runner that is at work finds out at its next step.
func (j *Job) Purge(step *entity.Step) (more bool, err error) {
	if j.record != nil {
		j.remove(step)
	}
	return false, nil
}

// remove removes all there is of the job.
func (j *Job) remove(step *entity.Step) {
	j.endTask(step)
	if j.record.Expiry != nil {
		step.ClearTimer(nil, j.record.Expiry.AsTime())
	}
	step.Delete(jobKey)
	step.Delete(progressKey)
	step.DeletePrefix([]byte{pagePrefix})
	step.Index(entity.IndexEntry{ID: j.record.RunId})
	j.record, j.progress, j.changed, j.progressed, j.size = nil, nil, false, false, 0
}

// EndStep implements entity.Entity.
func (j *Job) EndStep(step *entity.Step) error {
	if j.changed {
		if err := j.put(step, jobKey, j.record); err != nil {
			return err
		}
		j.changed = false
		entry, err := j.indexEntry()
		if err != nil {
			return err
		}
		step.Index(entry)
	}
	if j.progressed {
		if err := j.put(step, progressKey, j.progress); err != nil {
			return err
		}
		j.progressed = false
	}
	return nil
}

func (j *Job) put(step *entity.Step, key []byte, record proto.Message) error {
	data, err := proto.Marshal(record)
	if err != nil {
		return fmt.Errorf("encoding the batch job %s: %w", j.key, err)
	}
	j.size = max(j.size, len(data))
	step.Put(key, data)
	return nil
}

// Size implements entity.Entity.
func (j *Job) Size() int { return 512 + 2*j.size }

// Pinned implements entity.Entity.
func (j *Job) Pinned() bool { return false }
