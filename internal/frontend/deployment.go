package frontend

import (
	"cmp"
	"context"
	"errors"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/google/uuid"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/taskqueue"
)

// deploymentHandlers manage worker deployments.
type deploymentHandlers struct {
	runtime interface {
		stepper
		viewer
	}
	matching interface {
		Describe(ctx context.Context, queue entity.Queue, sticky string) (matching.Description, error)
	}
}

var (
	errDeploymentsOff     = serviceerror.NewPermissionDenied("Worker Deployment Versions are disabled on this namespace.", "")
	errDeploymentNameSet  = serviceerror.NewInvalidArgument("deployment name cannot be empty")
	errDeploymentBuildSet = serviceerror.NewInvalidArgument("build ID cannot be empty")
)

func checkDeploymentsOn(ctx context.Context) error {
	if !settingOf(ctx, dynamicconfig.DeploymentVersions) {
		return errDeploymentsOff
	}
	return nil
}

// deploymentLimits are those of the namespace of the request.
func deploymentLimits(ctx context.Context) deployment.Limits {
	return deployment.Limits{
		Deployments:   settingOf(ctx, dynamicconfig.MaxDeployments),
		Versions:      settingOf(ctx, dynamicconfig.MaxDeploymentVersions),
		Queues:        settingOf(ctx, dynamicconfig.MaxVersionQueues),
		QueueVersions: settingOf(ctx, dynamicconfig.MaxQueueVersions),
	}
}

func stepDeployments(ctx context.Context, runtime stepper, fn func(*entity.Step, *deployment.Deployments) error) error {
	return runtime.Step(ctx, deployment.Key(callOf(ctx).namespace.ID), func(step *entity.Step, e entity.Entity) error {
		return fn(step, e.(*deployment.Deployments))
	})
}

func viewDeployments(ctx context.Context, runtime viewer, fn func(*deployment.Deployments) error) error {
	return runtime.View(ctx, deployment.Key(callOf(ctx).namespace.ID), func(e entity.Entity, _ entity.View) error {
		return fn(e.(*deployment.Deployments))
	})
}

// checkVersion checks both parts of a version.
func checkVersion(ctx context.Context, v deployment.Version) error {
	return cmp.Or(limitsOf(ctx).CheckDeploymentName(v.Deployment), limitsOf(ctx).CheckDeploymentBuildID(v.BuildID))
}

// CreateWorkerDeployment makes a deployment before any worker of it has polled.
func (h *deploymentHandlers) CreateWorkerDeployment(ctx context.Context, req *workflowservice.CreateWorkerDeploymentRequest) (*workflowservice.CreateWorkerDeploymentResponse, error) {
	if req.GetDeploymentName() == "" {
		return nil, errDeploymentNameSet
	}
	if err := cmp.Or(checkDeploymentsOn(ctx), limitsOf(ctx).CheckDeploymentName(req.GetDeploymentName()), limitsOf(ctx).CheckIdentity(req.GetIdentity()), limitsOf(ctx).CheckRequestID(req.GetRequestId())); err != nil {
		return nil, err
	}
	resp := new(workflowservice.CreateWorkerDeploymentResponse)
	err := stepDeployments(ctx, h.runtime, func(step *entity.Step, d *deployment.Deployments) (err error) {
		resp.ConflictToken, err = d.Create(step, req.GetDeploymentName(), req.GetIdentity(), cmp.Or(req.GetRequestId(), uuid.NewString()), deploymentLimits(ctx))
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// DescribeWorkerDeployment tells of a deployment and its versions.
func (h *deploymentHandlers) DescribeWorkerDeployment(ctx context.Context, req *workflowservice.DescribeWorkerDeploymentRequest) (*workflowservice.DescribeWorkerDeploymentResponse, error) {
	if err := cmp.Or(checkDeploymentsOn(ctx), limitsOf(ctx).CheckDeploymentName(req.GetDeploymentName())); err != nil {
		return nil, err
	}
	resp := new(workflowservice.DescribeWorkerDeploymentResponse)
	err := viewDeployments(ctx, h.runtime, func(d *deployment.Deployments) (err error) {
		resp.WorkerDeploymentInfo, resp.ConflictToken, err = d.Describe(req.GetDeploymentName())
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// DeleteWorkerDeployment removes a deployment that has no versions.
func (h *deploymentHandlers) DeleteWorkerDeployment(ctx context.Context, req *workflowservice.DeleteWorkerDeploymentRequest) (*workflowservice.DeleteWorkerDeploymentResponse, error) {
	if err := cmp.Or(limitsOf(ctx).CheckDeploymentName(req.GetDeploymentName()), limitsOf(ctx).CheckIdentity(req.GetIdentity())); err != nil {
		return nil, err
	}
	err := stepDeployments(ctx, h.runtime, func(_ *entity.Step, d *deployment.Deployments) error { return d.Delete(req.GetDeploymentName()) })
	if err != nil {
		return nil, err
	}
	return new(workflowservice.DeleteWorkerDeploymentResponse), nil
}

// SetWorkerDeploymentManager has only one identity change the routing of a deployment.
func (h *deploymentHandlers) SetWorkerDeploymentManager(ctx context.Context, req *workflowservice.SetWorkerDeploymentManagerRequest) (*workflowservice.SetWorkerDeploymentManagerResponse, error) {
	if req.GetIdentity() == "" {
		return nil, serviceerror.NewInvalidArgument("Identity is required")
	}
	manager := req.GetManagerIdentity()
	if req.GetSelf() {
		manager = req.GetIdentity()
	}
	if err := cmp.Or(limitsOf(ctx).CheckDeploymentName(req.GetDeploymentName()), limitsOf(ctx).CheckIdentity(req.GetIdentity()), limitsOf(ctx).CheckIdentity(manager)); err != nil {
		return nil, err
	}
	resp := new(workflowservice.SetWorkerDeploymentManagerResponse)
	err := stepDeployments(ctx, h.runtime, func(step *entity.Step, d *deployment.Deployments) (err error) {
		//lint:ignore SA1019 clients still read it
		resp.ConflictToken, resp.PreviousManagerIdentity, err = d.SetManager(step, req.GetDeploymentName(), manager, req.GetIdentity(), req.GetConflictToken())
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// ListWorkerDeployments lists the deployments of a namespace in the order of their names.
// The token of a page is the last name of the one before.
func (h *deploymentHandlers) ListWorkerDeployments(ctx context.Context, req *workflowservice.ListWorkerDeploymentsRequest) (*workflowservice.ListWorkerDeploymentsResponse, error) {
	if err := checkDeploymentsOn(ctx); err != nil {
		return nil, err
	}
	after := string(req.GetNextPageToken())
	if after != "" && limitsOf(ctx).CheckDeploymentName(after) != nil {
		return nil, serviceerror.NewInvalidArgument("Invalid NextPageToken.")
	}
	size, most := int(req.GetPageSize()), settingOf(ctx, dynamicconfig.VisibilityPageSize)
	if size <= 0 || size > most {
		size = most
	}
	resp, more := new(workflowservice.ListWorkerDeploymentsResponse), false
	err := viewDeployments(ctx, h.runtime, func(d *deployment.Deployments) error {
		resp.WorkerDeployments, more = d.List(after, size)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if more {
		resp.NextPageToken = []byte(resp.WorkerDeployments[len(resp.WorkerDeployments)-1].GetName())
	}
	return resp, nil
}

// SetWorkerDeploymentCurrentVersion has new workflows go to a version.
func (h *deploymentHandlers) SetWorkerDeploymentCurrentVersion(ctx context.Context, req *workflowservice.SetWorkerDeploymentCurrentVersionRequest) (*workflowservice.SetWorkerDeploymentCurrentVersionResponse, error) {
	if err := checkDeploymentsOn(ctx); err != nil {
		return nil, err
	}
	if req.GetDeploymentName() == "" {
		return nil, errDeploymentNameSet
	}
	//lint:ignore SA1019 older clients use it
	text := req.GetVersion()
	if text == "" && req.GetBuildId() != "" {
		text = deployment.Version{Deployment: req.GetDeploymentName(), BuildID: req.GetBuildId()}.Old()
	}
	change := &deployment.Change{
		Deployment: req.GetDeploymentName(), Identity: req.GetIdentity(), ConflictToken: req.GetConflictToken(),
		AllowNoPollers: req.GetAllowNoPollers(), Limits: deploymentLimits(ctx),
	}
	if err := h.prepare(ctx, change, cmp.Or(text, deployment.Unversioned), req.GetIgnoreMissingTaskQueues()); err != nil {
		return nil, err
	}
	var changed *deployment.Changed
	err := stepDeployments(ctx, h.runtime, func(step *entity.Step, d *deployment.Deployments) (err error) {
		changed, err = d.SetCurrent(step, change)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &workflowservice.SetWorkerDeploymentCurrentVersionResponse{
		ConflictToken: changed.ConflictToken,
		//lint:ignore SA1019 older clients use it
		PreviousVersion: changed.Previous.Old(),
		//lint:ignore SA1019 clients still read it
		PreviousDeploymentVersion: changed.Previous.Proto(),
	}, nil
}

// prepare completes a change to the version that is written as text, and looks at what cannot
// be looked at in a step.
func (h *deploymentHandlers) prepare(ctx context.Context, change *deployment.Change, text string, ignoreMissing bool) error {
	if text != "" {
		v, err := deployment.Parse(text)
		if err != nil {
			return serviceerror.NewInvalidArgument("invalid version string: " + err.Error())
		}
		if !v.IsZero() && v.Deployment != change.Deployment {
			return serviceerror.NewInvalidArgumentf("invalid version string '%s' does not match deployment name '%s'", text, change.Deployment)
		}
		change.Version = v
	}
	if err := cmp.Or(limitsOf(ctx).CheckDeploymentName(change.Deployment), limitsOf(ctx).CheckIdentity(change.Identity)); err != nil {
		return err
	}
	if change.AllowNoPollers && !change.Version.IsZero() {
		if err := limitsOf(ctx).CheckDeploymentBuildID(change.Version.BuildID); err != nil {
			return err
		}
	}
	var current deployment.Version
	var lacking []entity.Queue
	err := viewDeployments(ctx, h.runtime, func(d *deployment.Deployments) error {
		current, lacking = d.Lacking(change.Version)
		return nil
	})
	if err != nil {
		return err
	}
	for _, queue := range lacking {
		if ignoreMissing || change.Missing {
			break
		}
		if change.Missing, err = h.inUse(ctx, queue, current); err != nil {
			return err
		}
	}
	change.Polled, err = h.polledVersions(ctx, change.Version, change.Limits)
	return err
}

// inUse reports whether a task queue has the version as its current one, and something to do
// for it.
func (h *deploymentHandlers) inUse(ctx context.Context, queue entity.Queue, version deployment.Version) (bool, error) {
	whole, err := h.matching.Describe(ctx, queue, "")
	if err != nil {
		return false, err
	}
	if routes := whole.Routes; routes == nil || routes.Current.Version != version {
		return false, nil
	}
	stats := whole.Of(version.String()).Total()
	return stats.BacklogCount > 0 || stats.AddRate > 0, nil
}

// polledVersions returns a function that tells which versions of a deployment have been polled
// of late, if a new version would have to make room for itself.
func (h *deploymentHandlers) polledVersions(ctx context.Context, v deployment.Version, limits deployment.Limits) (func(deployment.Version) bool, error) {
	return polledVersions(ctx, h.runtime, h.matching, v, limits)
}

func polledVersions(ctx context.Context, runtime viewer, m interface {
	Describe(ctx context.Context, queue entity.Queue, sticky string) (matching.Description, error)
}, v deployment.Version, limits deployment.Limits,
) (func(deployment.Version) bool, error) {
	queues := make(map[deployment.Version][]entity.Queue)
	err := viewDeployments(ctx, runtime, func(d *deployment.Deployments) error {
		for _, old := range d.Full(v, limits) {
			queues[old] = d.Queues(old)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	polled := make(map[deployment.Version]bool, len(queues))
	for old, all := range queues {
		if polled[old], err = anyPolled(ctx, m, old, all); err != nil {
			return nil, err
		}
	}
	return func(v deployment.Version) bool {
		p, looked := polled[v]
		return p || !looked
	}, nil
}

// anyPolled reports whether workers of the version have polled any of the queues of late.
func anyPolled(ctx context.Context, m interface {
	Describe(ctx context.Context, queue entity.Queue, sticky string) (matching.Description, error)
}, v deployment.Version, queues []entity.Queue,
) (bool, error) {
	for _, queue := range queues {
		queue.Version = v.String()
		d, err := m.Describe(ctx, queue, "")
		if err != nil {
			return false, err
		}
		if len(d.Pollers) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// SetWorkerDeploymentRampingVersion has a part of new workflows go to a version.
func (h *deploymentHandlers) SetWorkerDeploymentRampingVersion(ctx context.Context, req *workflowservice.SetWorkerDeploymentRampingVersionRequest) (*workflowservice.SetWorkerDeploymentRampingVersionResponse, error) {
	if err := checkDeploymentsOn(ctx); err != nil {
		return nil, err
	}
	//lint:ignore SA1019 older clients use it
	text := req.GetVersion()
	switch {
	case text != "":
	case req.GetBuildId() != "":
		text = deployment.Version{Deployment: req.GetDeploymentName(), BuildID: req.GetBuildId()}.Old()
	case req.GetPercentage() != 0:
		text = deployment.Unversioned
	}
	if text == deployment.Unversioned && req.GetPercentage() == 0 && req.GetBuildId() == "" {
		text = "" // some clients say so that there is to be no ramp
	}
	if err := check.DeploymentPercentage(req.GetPercentage()); err != nil {
		return nil, err
	}
	change := &deployment.Change{
		Deployment: req.GetDeploymentName(), Identity: req.GetIdentity(), ConflictToken: req.GetConflictToken(),
		AllowNoPollers: req.GetAllowNoPollers(), Limits: deploymentLimits(ctx),
	}
	if err := h.prepare(ctx, change, text, req.GetIgnoreMissingTaskQueues()); err != nil {
		return nil, err
	}
	var changed *deployment.Changed
	err := stepDeployments(ctx, h.runtime, func(step *entity.Step, d *deployment.Deployments) (err error) {
		changed, err = d.SetRamping(step, change, req.GetPercentage(), text == "")
		return err
	})
	if err != nil {
		return nil, err
	}
	resp := &workflowservice.SetWorkerDeploymentRampingVersionResponse{
		ConflictToken: changed.ConflictToken,
		//lint:ignore SA1019 clients still read it
		PreviousPercentage: changed.PreviousRamp,
		//lint:ignore SA1019 clients still read it
		PreviousDeploymentVersion: changed.Previous.Proto(),
	}
	if !changed.PreviousUnset {
		//lint:ignore SA1019 older clients use it
		resp.PreviousVersion = changed.Previous.Old()
	}
	return resp, nil
}

// registered has a version of a worker be known that polls a queue. It costs a look-up but
// for the first poll.
func (p *polls) registered(ctx context.Context, request *matching.PollRequest, options *deploymentpb.WorkerDeploymentOptions, old *commonpb.WorkerVersionCapabilities) error {
	if options == nil && old == nil {
		return nil
	}
	version := deployment.OfWorker(options, old)
	if version.IsZero() {
		return nil
	}
	if err := checkDeploymentsOn(ctx); err != nil {
		return err
	}
	queue := request.Queue
	request.Queue.Version = version.String()
	registerOnly := p.elsewhere != nil && ctx.Value(registerOnlyKey{}) != nil
	if !p.deployments.Routes(queue).Has(version) {
		if err := p.register(ctx, version, queue, registerOnly); err != nil {
			return err
		}
	}
	if registerOnly {
		return &answer{new(emptypb.Empty)}
	}
	return nil
}

// register registers a version of a worker, on the node that has the deployments of the namespace.
func (p *polls) register(ctx context.Context, version deployment.Version, queue entity.Queue, here bool) error {
	limits := deploymentLimits(ctx)
	polled, err := polledVersions(ctx, p.runtime, p.matching, version, limits)
	if err == nil {
		err = stepDeployments(ctx, p.runtime, func(step *entity.Step, d *deployment.Deployments) error {
			return d.Register(step, version, queue, limits, polled)
		})
	}
	var notHeld *runtime.NotHeldError
	if p.elsewhere != nil && !here && errors.As(err, &notHeld) {
		c := callOf(ctx)
		if err := p.elsewhere.Register(ctx, deployment.Key(c.namespace.ID), c.method.Full(), c.request); err != nil {
			return err
		}
		return p.deployments.Refresh(ctx, c.namespace.ID)
	}
	var exhausted *serviceerror.ResourceExhausted
	if err == nil || !errors.As(err, &exhausted) {
		return err
	}
	// The worker polls again at once, in vain.
	rest := time.NewTimer(registrationRest)
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-ctx.Done():
	case <-p.waits.draining.Done():
	}
	return err
}

// registrationRest is how long a poll is held that must not be registered.
const registrationRest = 5 * time.Second

// queueTypeOf is what the API calls the type of a queue.
func queueTypeOf(queue entity.Queue) enumspb.TaskQueueType { return taskqueue.QueueType(queue.Type) }
