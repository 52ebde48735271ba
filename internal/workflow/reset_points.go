package workflow

import (
	"slices"
	"time"

	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
)

// A reset point is where in the history a build of the worker first took a hand:
// if the build turns out to be bad, the workflow can be reset to before it. The
// points of a run are one record, which is written when there is a new one, and go
// on to the runs that continue it.

// maxResetPoints is how many points are kept; the oldest go first.
const maxResetPoints = 20

// resetPoints are the reset points of a run, as the API has them: one record, which
// stays when the run closes.
type resetPoints struct {
	points *workflowpb.ResetPoints // nil for none; never changed, but replaced
	dirty  bool
}

func (*resetPoints) letter() byte { return letterResetPoints }

func (f *resetPoints) load(_ *Run, _, value []byte) (err error) {
	f.points, err = decodeRecord[workflowpb.ResetPoints](value)
	return err
}

func (f *resetPoints) set(points *workflowpb.ResetPoints) { f.points, f.dirty = points, true }

func (f *resetPoints) changed() bool { return f.dirty }

func (f *resetPoints) flush(r *Run, step *entity.Step) {
	if f.dirty {
		step.Put(runKey(r.info.RunId, f.letter()), mustMarshal(f.points))
		f.dirty = false
	}
}

func (*resetPoints) drop(*Run) {}

func (f *resetPoints) size() int {
	const pointBytes = 512
	return len(f.points.GetPoints()) * pointBytes
}

func (f *resetPoints) records(visit func(name []byte, record proto.Message)) {
	if f.points != nil {
		visit(nil, f.points)
	}
}

// addResetPoint notes a completed workflow task if it is the first one of its
// build, and reports whether it is. The lists of points are shared with events and never
// changed.
func (r *Run) addResetPoint(completed *historypb.HistoryEvent) bool {
	attr := completed.GetWorkflowTaskCompletedEventAttributes()
	//lint:ignore SA1019 older clients use it
	checksum, buildID := attr.GetBinaryChecksum(), attr.GetWorkerVersion().GetBuildId()
	if version := attr.GetDeploymentVersion(); version != nil {
		buildID = version.GetBuildId()
	}
	points := r.resetPoints.points.GetPoints()
	for i, p := range points {
		//lint:ignore SA1019 older clients use it
		if p.GetBinaryChecksum() == checksum && p.GetBuildId() == buildID {
			r.state.RecentBuild = int32(i + 1)
			if i == len(points)-1 {
				r.state.RecentBuild = 0
			}
			return false
		}
	}
	r.state.RecentBuild = 0
	points = append(slices.Clip(points), &workflowpb.ResetPointInfo{
		//lint:ignore SA1019 older clients use it
		BinaryChecksum:               checksum,
		BuildId:                      buildID,
		RunId:                        r.info.RunId,
		FirstWorkflowTaskCompletedId: completed.EventId,
		CreateTime:                   completed.EventTime,
		// A reset would lose what is on its way between workflows.
		Resettable: r.children.len() == 0 && r.signals.len() == 0 && r.cancels.len() == 0,
	})
	r.resetPoints.set(&workflowpb.ResetPoints{Points: points[max(0, len(points)-maxResetPoints):]})
	return true
}

// recentBuild is the build that has completed the last workflow task of the run; empty if none has, or it has not
// said which it is.
func (r *Run) recentBuild() string {
	points := r.resetPoints.points.GetPoints()
	switch place := int(r.state.RecentBuild); {
	case r.state.LastCompletedStartedEventId == 0 || len(points) == 0:
		return ""
	case place > 0 && place <= len(points):
		return points[place-1].GetBuildId()
	default:
		return points[len(points)-1].GetBuildId()
	}
}

// resetPointsForNext are the run's points as the run that continues it gets them.
// Those of runs that have been deleted by now are left out; those of this run, as
// it closes now, are good until it is deleted.
func (r *Run) resetPointsForNext(now time.Time) *workflowpb.ResetPoints {
	next := new(workflowpb.ResetPoints)
	for _, p := range r.resetPoints.points.GetPoints() {
		if p.ExpireTime != nil && p.ExpireTime.AsTime().Before(now) {
			continue
		}
		if p.RunId == r.info.RunId {
			p = &workflowpb.ResetPointInfo{
				//lint:ignore SA1019 older clients use it
				BinaryChecksum:               p.BinaryChecksum,
				BuildId:                      p.BuildId,
				RunId:                        p.RunId,
				FirstWorkflowTaskCompletedId: p.FirstWorkflowTaskCompletedId,
				CreateTime:                   p.CreateTime,
				ExpireTime:                   timestamppb.New(now.Add(r.chain.retention())),
				Resettable:                   p.Resettable,
			}
		}
		next.Points = append(next.Points, p)
	}
	return next
}
