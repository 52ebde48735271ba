package activity

import (
	"cmp"
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	activitypb "go.temporal.io/api/activity/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/runchain"
)

// Start starts a run, or returns the one there is if the policies say so, or if it was
// started by the same request. The request has been checked and completed. It fails with
// serviceerror.ActivityExecutionAlreadyStarted, and with FailedPrecondition if there would
// be too many links.
func (c *Chain) Start(step *entity.Step, req *workflowservice.StartActivityExecutionRequest) (*workflowservice.StartActivityExecutionResponse, error) {
	use, err := c.resolve(req)
	if err != nil {
		return nil, err
	}
	if use {
		err = c.Current().attach(step, req)
	} else {
		err = c.begin(step, req)
	}
	if err != nil {
		return nil, err
	}
	return &workflowservice.StartActivityExecutionResponse{
		RunId:   c.Current().rec.RunId,
		Started: !use,
		Link: &commonpb.Link{Variant: &commonpb.Link_Activity_{Activity: &commonpb.Link_Activity{
			Namespace: req.GetNamespace(), ActivityId: c.Key().ID, RunId: c.Current().rec.RunId,
		}}},
	}, nil
}

// resolve decides by the policies whether the current run is used.
func (c *Chain) resolve(req *workflowservice.StartActivityExecutionRequest) (use bool, err error) {
	verdict := c.Resolve(req.GetRequestId(), runchain.Policies{
		UseExisting: req.GetIdConflictPolicy() == enumspb.ACTIVITY_ID_CONFLICT_POLICY_USE_EXISTING,
		Reuse:       runchain.Reuse(req.GetIdReusePolicy()),
	})
	if verdict == runchain.Refuse {
		rec := c.Current().rec
		return false, serviceerror.NewActivityExecutionAlreadyStarted("activity execution already started", rec.StartRequestId, rec.RunId)
	}
	return verdict == runchain.UseCurrent, nil
}

// begin makes a new run the current one.
func (c *Chain) begin(step *entity.Step, req *workflowservice.StartActivityExecutionRequest) error {
	if err := cmp.Or(c.checkCallbacks(0, len(req.GetCompletionCallbacks())), c.checkLinks(0, len(req.GetLinks()))); err != nil {
		return err
	}
	now := timestamppb.New(step.Now)
	r := &Run{
		chain: c,
		rec: &records.ActivityRun{
			RunId:  step.NewID(),
			Status: enumspb.ACTIVITY_EXECUTION_STATUS_RUNNING,
			Activity: &records.Activity{
				ActivityId:   c.Key().ID,
				ActivityType: req.GetActivityType().GetName(),
				Attempt:      1,
			},
			StartRequestId:   req.GetRequestId(),
			ScheduleTime:     now,
			SearchAttributes: req.GetSearchAttributes(),
			OriginalOptions:  optionsOf(req),
		},
		request: &records.ActivityRequest{
			Input:        req.GetInput(),
			Header:       req.GetHeader(),
			UserMetadata: req.GetUserMetadata(),
		},
		requestChanged: true,
	}
	if len(req.GetLinks()) > 0 {
		r.request.Links = []*records.AttachedLinks{{RequestId: req.GetRequestId(), Links: req.GetLinks()}}
	}
	r.setOptions(proto.CloneOf(r.rec.OriginalOptions))
	r.attachCallbacks(step, req.GetRequestId(), req.GetCompletionCallbacks())
	c.Begin(r)
	r.plan(step, r.act().FirstScheduledTime.AsTime())
	return nil
}

func optionsOf(req *workflowservice.StartActivityExecutionRequest) *activitypb.ActivityOptions {
	return &activitypb.ActivityOptions{
		TaskQueue:              &taskqueuepb.TaskQueue{Name: req.GetTaskQueue().GetName(), Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		ScheduleToCloseTimeout: req.GetScheduleToCloseTimeout(),
		ScheduleToStartTimeout: req.GetScheduleToStartTimeout(),
		StartToCloseTimeout:    req.GetStartToCloseTimeout(),
		HeartbeatTimeout:       req.GetHeartbeatTimeout(),
		RetryPolicy:            req.GetRetryPolicy(),
		Priority:               req.GetPriority(),
		StartDelay:             req.GetStartDelay(),
	}
}

// attach attaches to the run, which is used for a start, what the start wants to be
// attached. It fails with FailedPrecondition if the run is closed or would have too much.
func (r *Run) attach(step *entity.Step, req *workflowservice.StartActivityExecutionRequest) (err error) {
	var callbacks []*commonpb.Callback
	var request *records.ActivityRequest
	if options := req.GetOnConflictOptions(); options.GetAttachCompletionCallbacks() {
		if callbacks, err = r.attachableCallbacks(req.GetRequestId(), req.GetCompletionCallbacks()); err != nil {
			return err
		}
	}
	if options := req.GetOnConflictOptions(); options.GetAttachLinks() {
		if request, err = r.withLinks(step, req.GetRequestId(), req.GetLinks()); err != nil {
			return err
		}
	}
	r.attachCallbacks(step, req.GetRequestId(), callbacks)
	if request != nil {
		r.request, r.requestChanged = request, true
		r.touch()
	}
	return nil
}

// withLinks is what the run was started with, with further links; nil if there is nothing
// to be attached, or a repeated request has attached it.
func (r *Run) withLinks(step *entity.Step, requestID string, links []*commonpb.Link) (*records.ActivityRequest, error) {
	if len(links) == 0 {
		return nil, nil
	}
	request, err := r.requestOf(step.Reader)
	if err != nil {
		return nil, err
	}
	attached := 0
	for _, of := range request.Links {
		if of.RequestId == requestID {
			return nil, nil
		}
		attached += len(of.Links)
	}
	if r.closed() {
		return nil, serviceerror.NewFailedPrecondition("cannot attach links to a closed activity")
	}
	if err := r.chain.checkLinks(attached, len(links)); err != nil {
		return nil, err
	}
	return &records.ActivityRequest{
		Input: request.Input, Header: request.Header, UserMetadata: request.UserMetadata,
		Links: append(slices.Clip(request.Links), &records.AttachedLinks{RequestId: requestID, Links: links}),
	}, nil
}

func (c *Chain) checkLinks(attached, more int) error {
	if most := c.limits().Links; attached+more > most {
		return serviceerror.NewFailedPreconditionf("cannot attach more than %d links to an activity (%d links already attached)", most, attached)
	}
	return nil
}
