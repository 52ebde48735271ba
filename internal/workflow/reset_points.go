//lint:file-ignore SA1019 Older workers tell their version in deprecated fields.

package workflow

import (
	"slices"
	"time"

	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
)

// A reset point is where in the history a build of the worker first took a hand:
// if the build turns out to be bad, the workflow can be reset to before it. The
// points of a run are one record, which is written when there is a new one, and go
// on to the runs that continue it.

// maxResetPoints is how many points are kept; the oldest go first.
const maxResetPoints = 20

// addResetPoint notes a completed workflow task if it is the first one of its
// build. The lists of points are shared with events and never changed.
func (r *Run) addResetPoint(step *entity.Step, completed *historypb.HistoryEvent) {
	attr := completed.GetWorkflowTaskCompletedEventAttributes()
	checksum, buildID := attr.GetBinaryChecksum(), attr.GetWorkerVersion().GetBuildId()
	if version := attr.GetDeploymentVersion(); version != nil {
		buildID = version.GetBuildId()
	}
	points := r.resetPoints.GetPoints()
	for _, p := range points {
		if p.GetBinaryChecksum() == checksum && p.GetBuildId() == buildID {
			return
		}
	}
	points = append(slices.Clip(points), &workflowpb.ResetPointInfo{
		BinaryChecksum:               checksum,
		BuildId:                      buildID,
		RunId:                        r.info.RunId,
		FirstWorkflowTaskCompletedId: completed.EventId,
		CreateTime:                   timestamppb.New(step.Now),
		// A reset would lose what is on its way between workflows.
		Resettable: len(r.children) == 0 && len(r.externals) == 0,
	})
	r.setResetPoints(&workflowpb.ResetPoints{Points: points[max(0, len(points)-maxResetPoints):]})
}

func (r *Run) setResetPoints(points *workflowpb.ResetPoints) {
	r.resetPoints = points
	r.dirty.resetPoints = true
}

// resetPointsForNext are the run's points as the run that continues it gets them.
// Those of runs that have been deleted by now are left out; those of this run, as
// it closes now, are good until it is deleted.
func (r *Run) resetPointsForNext(now time.Time) *workflowpb.ResetPoints {
	if len(r.resetPoints.GetPoints()) == 0 {
		return nil
	}
	next := new(workflowpb.ResetPoints)
	for _, p := range r.resetPoints.GetPoints() {
		if p.ExpireTime != nil && p.ExpireTime.AsTime().Before(now) {
			continue
		}
		if p.RunId == r.info.RunId {
			p = &workflowpb.ResetPointInfo{
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
