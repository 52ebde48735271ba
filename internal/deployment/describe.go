package deployment

import (
	"maps"
	"slices"
	"strconv"

	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Describe tells of a deployment. It fails with NotFound.
func (d *Deployments) Describe(name string) (info *deploymentpb.WorkerDeploymentInfo, conflictToken []byte, err error) {
	of := d.deployments[name]
	if of == nil {
		return nil, nil, errNotFound(name)
	}
	info = &deploymentpb.WorkerDeploymentInfo{
		Name:                     name,
		CreateTime:               of.record.Created,
		RoutingConfig:            of.record.Routing,
		LastModifierIdentity:     of.record.LastModifier,
		ManagerIdentity:          of.record.Manager,
		RoutingConfigUpdateState: enumspb.ROUTING_CONFIG_UPDATE_STATE_COMPLETED,
	}
	for _, v := range slices.Backward(of.sorted()) {
		info.VersionSummaries = append(info.VersionSummaries, of.summary(v))
	}
	return info, of.record.ConflictToken, nil
}

// summary is a version as those read it who look at the deployment.
func (of *deployment) summary(v *version) *deploymentpb.WorkerDeploymentInfo_WorkerDeploymentVersionSummary {
	r := v.record
	s := &deploymentpb.WorkerDeploymentInfo_WorkerDeploymentVersionSummary{
		//lint:ignore SA1019 older clients use it
		Version:              v.name().Old(),
		DeploymentVersion:    v.name().Proto(),
		Status:               v.status(),
		CreateTime:           r.Created,
		DrainageStatus:       r.Drainage.GetStatus(),
		DrainageInfo:         r.Drainage,
		CurrentSinceTime:     r.CurrentSince,
		RampingSinceTime:     r.RampingSince,
		RoutingUpdateTime:    r.RoutingUpdated,
		FirstActivationTime:  r.FirstActivated,
		LastCurrentTime:      r.LastCurrent,
		LastDeactivationTime: r.LastDeactivated,
		ComputeConfig:        computeSummary(r.Compute),
	}
	//lint:ignore SA1019 the newer field does not tell such a ramp from none
	if v.status() == enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT && of.record.Routing.GetRampingVersion() != Unversioned {
		// That it does not drain is said with the time since when.
		s.DrainageInfo = drainage(enumspb.VERSION_DRAINAGE_STATUS_UNSPECIFIED, r.CurrentSince)
	}
	return s
}

// DescribeVersion tells of a version, but for its task queues. It fails with NotFound.
func (d *Deployments) DescribeVersion(name Version) (*deploymentpb.WorkerDeploymentVersionInfo, error) {
	v := d.version(name)
	if v == nil {
		return nil, serviceerror.NewNotFound("Worker Deployment Version not found")
	}
	r := v.record
	return &deploymentpb.WorkerDeploymentVersionInfo{
		//lint:ignore SA1019 older clients use it
		Version:              name.Old(),
		DeploymentVersion:    name.Proto(),
		Status:               v.status(),
		CreateTime:           r.Created,
		RoutingChangedTime:   r.RoutingUpdated,
		CurrentSinceTime:     r.CurrentSince,
		RampingSinceTime:     r.RampingSince,
		RampPercentage:       r.RampPercentage,
		DrainageInfo:         r.Drainage,
		Metadata:             r.Metadata,
		LastModifierIdentity: r.LastModifier,
		ComputeConfig:        r.Compute,
	}, nil
}

// List returns up to limit deployments in the order of their names, from the first after
// the name on, and whether there are more.
func (d *Deployments) List(after string, limit int) (page []*workflowservice.ListWorkerDeploymentsResponse_WorkerDeploymentSummary, more bool) {
	for _, name := range slices.Sorted(maps.Keys(d.deployments)) {
		if name <= after {
			continue
		}
		if len(page) == limit {
			return page, true
		}
		of := d.deployments[name]
		entry := &workflowservice.ListWorkerDeploymentsResponse_WorkerDeploymentSummary{
			Name: name, CreateTime: of.record.Created, RoutingConfig: of.record.Routing,
		}
		if versions := of.sorted(); len(versions) > 0 {
			entry.LatestVersionSummary = of.listed(versions[len(versions)-1])
		}
		if v := of.versions[of.record.Routing.GetCurrentDeploymentVersion().GetBuildId()]; v != nil {
			entry.CurrentVersionSummary = of.listed(v)
		}
		if v := of.versions[of.record.Routing.GetRampingDeploymentVersion().GetBuildId()]; v != nil {
			entry.RampingVersionSummary = of.listed(v)
		}
		page = append(page, entry)
	}
	return page, false
}

// listed is the summary without what lists leave out.
func (of *deployment) listed(v *version) *deploymentpb.WorkerDeploymentInfo_WorkerDeploymentVersionSummary {
	s := of.summary(v)
	s.DrainageStatus = enumspb.VERSION_DRAINAGE_STATUS_UNSPECIFIED
	return s
}
