package workflow

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/perdure/perdure/internal/entity"
)

// signalRequests are the request ids of the signals that a run has had, by which
// it recognises one that is sent again. Their records have no content.
type signalRequests struct {
	ids map[string]struct{}
	// added are those that are not recorded yet, and removed those whose records go; dropped
	// says that all do.
	added, removed []string
	dropped        bool
}

func (*signalRequests) letter() byte { return 'q' }

func (f *signalRequests) load(_ *Run, name, _ []byte) error {
	f.keep(string(name))
	return nil
}

func (f *signalRequests) has(id string) bool {
	_, ok := f.ids[id]
	return ok && id != ""
}

func (f *signalRequests) add(id string) {
	f.keep(id)
	f.added = append(f.added, id)
}

func (f *signalRequests) keep(id string) {
	if f.ids == nil {
		f.ids = make(map[string]struct{})
	}
	f.ids[id] = struct{}{}
}

func (f *signalRequests) changed() bool { return len(f.added) > 0 || len(f.removed) > 0 || f.dropped }

func (f *signalRequests) flush(r *Run, step *entity.Step) {
	if f.dropped {
		step.DeletePrefix(runKey(r.info.RunId, f.letter()))
	}
	for _, id := range f.removed {
		step.Delete(append(runKey(r.info.RunId, f.letter()), id...))
	}
	for _, id := range f.added {
		step.Put(append(runKey(r.info.RunId, f.letter()), id...), nil)
	}
	f.added, f.removed, f.dropped = nil, nil, false
}

func (f *signalRequests) drop(*Run) {
	if len(f.ids) > few {
		f.dropped = true
	} else {
		f.removed = slices.AppendSeq(f.removed, maps.Keys(f.ids))
		slices.Sort(f.removed)
	}
	f.ids, f.added = nil, nil
}

func (f *signalRequests) size() int { return len(f.ids) * 96 }

func (f *signalRequests) records(visit func(name []byte, record proto.Message)) {
	for id := range f.ids {
		visit([]byte(id), &emptypb.Empty{})
	}
}
