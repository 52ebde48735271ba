package namespace

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// A namespace is deleted in three steps. At once it gets the state Deleted and another
// name, so that nothing gets into it any more and its name is free. Then what is in it
// is removed, which package reclaim does, however often it is interrupted. When nothing
// is left, and the delay that was asked for has passed, its record is removed.

// Delete begins the deletion of the namespace with the name, and returns its name from
// now on. Its record is removed a delay after the last thing that is in it. It fails
// with NamespaceNotFound and, if the namespace must not be deleted, with
// FailedPrecondition. A namespace that is being deleted goes on being.
func (r *Registry) Delete(ctx context.Context, name string, delay time.Duration) (deleted string, err error) {
	err = r.runtime.Step(ctx, Key, func(step *entity.Step, e entity.Entity) (err error) {
		deleted, err = e.(*directory).delete(step, name, delay)
		return err
	})
	return deleted, err
}

// Emptied says that there is nothing left in a namespace that is being deleted.
func (r *Registry) Emptied(ctx context.Context, id string) error {
	return r.runtime.Step(ctx, Key, func(step *entity.Step, e entity.Entity) error {
		return e.(*directory).emptied(step, id)
	})
}

// RetentionApplied says that no closed workflow of the namespace is kept for longer than
// the retention, which may not be the present one any more.
func (r *Registry) RetentionApplied(ctx context.Context, id string, retention time.Duration) error {
	return r.runtime.Step(ctx, Key, func(step *entity.Step, e entity.Entity) error {
		return e.(*directory).retentionApplied(step, id, retention)
	})
}

// Unfinished are the namespaces of which something has to be done to what is in them:
// Namespace.Deleting, Namespace.RetentionShortened. In the order of their ids.
func (r *Registry) Unfinished() (unfinished []*Namespace) {
	byID := r.current().byID
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		if ns := byID[id]; ns.unfinished() {
			unfinished = append(unfinished, ns)
		}
	}
	return unfinished
}

// UnfinishedChanged receives when there may be something new in Unfinished. It is for one
// reader.
func (r *Registry) UnfinishedChanged() <-chan struct{} { return r.unfinished }

func (n *Namespace) unfinished() bool { return n.Deleting || n.RetentionShortened }

func (r *Registry) tellUnfinished() {
	select {
	case r.unfinished <- struct{}{}:
	default: // it has not been heard yet
	}
}

func (d *directory) delete(step *entity.Step, name string, delay time.Duration) (string, error) {
	old, err := d.byName(name)
	if err != nil {
		return "", err
	}
	if slices.Contains(dynamicconfig.ProtectedNamespaces.Get(d.registry.config), name) {
		return "", serviceerror.NewFailedPreconditionf("namespace %s is protected from deletion", name)
	}
	if old.Deletion != nil {
		return old.Name, nil
	}
	record := proto.CloneOf(old)
	record.Name = d.deletedName(old)
	record.State = int32(enumspb.NAMESPACE_STATE_DELETED)
	record.RetentionShortened = false
	record.Deletion = &records.NamespaceDeletion{OriginalName: name, Requested: timestamppb.New(step.Now)}
	if delay > 0 {
		record.Deletion.Delay = durationpb.New(delay)
	}
	return record.Name, d.put(step, record)
}

// deletedName is what a namespace is called when it is deleted: as before, with a part
// of its id that makes it unique.
func (d *directory) deletedName(record *records.NamespaceRecord) string {
	const shortest = 5
	for length := shortest; ; length++ {
		suffix := "-deleted-" + record.Id[:min(length, len(record.Id))]
		if strings.HasSuffix(record.Name, suffix) {
			return record.Name
		}
		name := record.Name + suffix
		if _, taken := d.idByName[name]; !taken || length >= len(record.Id) {
			return name
		}
	}
}

func (d *directory) emptied(step *entity.Step, id string) error {
	old := d.byID[id]
	if old.GetDeletion() == nil || old.Deletion.RemoveAt != nil {
		return nil
	}
	if old.Deletion.Delay.AsDuration() <= 0 {
		d.remove(step, old)
		return nil
	}
	record := proto.CloneOf(old)
	at := step.Now.Add(old.Deletion.Delay.AsDuration()).UTC()
	record.Deletion.RemoveAt = timestamppb.New(at)
	step.SetTimer([]byte(id), at)
	return d.put(step, record)
}

// Fire implements entity.Entity: the delays of deletions are over.
func (d *directory) Fire(step *entity.Step) error {
	for _, id := range slices.Sorted(maps.Keys(d.byID)) {
		record := d.byID[id]
		if at := record.GetDeletion().GetRemoveAt(); at != nil && !at.AsTime().After(step.Now) {
			step.ClearTimer([]byte(id), at.AsTime())
			d.remove(step, record)
		}
	}
	return nil
}

// remove removes the record of a namespace.
func (d *directory) remove(step *entity.Step, record *records.NamespaceRecord) {
	d.size -= proto.Size(record)
	delete(d.byID, record.Id)
	delete(d.idByName, record.Name)
	step.Delete(append([]byte{recordPrefix}, record.Id...))
	step.After(func() { d.registry.withdraw(record.Id) })
}

func (d *directory) retentionApplied(step *entity.Step, id string, retention time.Duration) error {
	old := d.byID[id]
	if !old.GetRetentionShortened() || old.Retention.AsDuration() != retention {
		return nil
	}
	record := proto.CloneOf(old)
	record.RetentionShortened = false
	return d.put(step, record)
}
