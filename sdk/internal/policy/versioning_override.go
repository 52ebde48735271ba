package policy

import (
	"strings"

	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
)

// WorkerDeploymentVersion names a version of a worker deployment.
type WorkerDeploymentVersion struct {
	// DeploymentName is what the versions of one program have in common. It must not contain a
	// dot.
	DeploymentName string
	// BuildID is the build within the deployment.
	BuildID string
}

// VersionSeparator stands between the two parts of a version's canonical form. A
// deployment's name must not contain it.
const VersionSeparator = "."

// UnversionedVersion is the canonical form for workers without a version.
const UnversionedVersion = "__unversioned__"

// canonical returns the version as the older API of the server has it: the deployment's name,
// a dot, the build id. It is empty for no version.
func (v WorkerDeploymentVersion) canonical() string {
	if v == (WorkerDeploymentVersion{}) {
		return ""
	}
	return CanonicalVersion(v.DeploymentName, v.BuildID)
}

// CanonicalVersion returns a version as the older API of the server has it: the deployment's
// name, a dot, the build id.
func CanonicalVersion(deploymentName, buildID string) string {
	return deploymentName + VersionSeparator + buildID
}

// ParseWorkerDeploymentVersion returns the version of its canonical form, or nil if it is
// none.
func ParseWorkerDeploymentVersion(canonical string) *WorkerDeploymentVersion {
	name, buildID, ok := strings.Cut(canonical, VersionSeparator)
	if !ok {
		return nil
	}
	return &WorkerDeploymentVersion{DeploymentName: name, BuildID: buildID}
}

// WorkerDeploymentVersionToProto returns the version as the API has it; no version is nil.
func WorkerDeploymentVersionToProto(v WorkerDeploymentVersion) *deploymentpb.WorkerDeploymentVersion {
	if v == (WorkerDeploymentVersion{}) {
		return nil
	}
	return &deploymentpb.WorkerDeploymentVersion{DeploymentName: v.DeploymentName, BuildId: v.BuildID}
}

// WorkerDeploymentVersionFromProto returns the version of p; nil is no version.
func WorkerDeploymentVersionFromProto(p *deploymentpb.WorkerDeploymentVersion) WorkerDeploymentVersion {
	return WorkerDeploymentVersion{DeploymentName: p.GetDeploymentName(), BuildID: p.GetBuildId()}
}

// VersioningOverride says on which version a workflow runs, whatever its type and its
// workers say: [*PinnedVersioningOverride], [*AutoUpgradeVersioningOverride] or
// [*OneTimeVersioningOverride].
type VersioningOverride interface {
	isVersioningOverride()
}

// PinnedVersioningOverride keeps a workflow on one version.
type PinnedVersioningOverride struct {
	// Version is where the workflow runs.
	Version WorkerDeploymentVersion
}

// AutoUpgradeVersioningOverride moves a workflow to the current version of its deployment,
// at every workflow task.
type AutoUpgradeVersioningOverride struct{}

// OneTimeVersioningOverride sends a workflow to a version for one workflow task. When that
// has completed, the override is gone.
type OneTimeVersioningOverride struct {
	// TargetVersion is where the next workflow task goes.
	TargetVersion WorkerDeploymentVersion
}

func (*PinnedVersioningOverride) isVersioningOverride()      {}
func (*AutoUpgradeVersioningOverride) isVersioningOverride() {}
func (*OneTimeVersioningOverride) isVersioningOverride()     {}

// VersioningOverrideToProto returns the override as the API has it, with the fields that
// older servers read; nil stays nil.
func VersioningOverrideToProto(override VersioningOverride) *workflowpb.VersioningOverride {
	switch o := override.(type) {
	case *PinnedVersioningOverride:
		return &workflowpb.VersioningOverride{
			//lint:ignore SA1019 older servers read it
			Behavior: enumspb.VERSIONING_BEHAVIOR_PINNED,
			//lint:ignore SA1019 older servers read it
			PinnedVersion: o.Version.canonical(),
			//lint:ignore SA1019 older servers read it
			Deployment: &deploymentpb.Deployment{SeriesName: o.Version.DeploymentName, BuildId: o.Version.BuildID},
			Override: &workflowpb.VersioningOverride_Pinned{Pinned: &workflowpb.VersioningOverride_PinnedOverride{
				Behavior: workflowpb.VersioningOverride_PINNED_OVERRIDE_BEHAVIOR_PINNED,
				Version:  WorkerDeploymentVersionToProto(o.Version),
			}},
		}
	case *AutoUpgradeVersioningOverride:
		return &workflowpb.VersioningOverride{
			//lint:ignore SA1019 older servers read it
			Behavior: enumspb.VERSIONING_BEHAVIOR_AUTO_UPGRADE,
			Override: &workflowpb.VersioningOverride_AutoUpgrade{AutoUpgrade: true},
		}
	case *OneTimeVersioningOverride:
		return &workflowpb.VersioningOverride{Override: &workflowpb.VersioningOverride_OneTime{
			OneTime: &workflowpb.VersioningOverride_OneTimeOverride{
				TargetDeploymentVersion: WorkerDeploymentVersionToProto(o.TargetVersion),
			},
		}}
	default:
		return nil
	}
}

// VersioningOverrideFromProto returns the override of p, also one of an older server; none
// is nil.
func VersioningOverrideFromProto(p *workflowpb.VersioningOverride) VersioningOverride {
	switch o := p.GetOverride().(type) {
	case *workflowpb.VersioningOverride_Pinned:
		return &PinnedVersioningOverride{Version: WorkerDeploymentVersionFromProto(o.Pinned.GetVersion())}
	case *workflowpb.VersioningOverride_AutoUpgrade:
		return &AutoUpgradeVersioningOverride{}
	case *workflowpb.VersioningOverride_OneTime:
		return &OneTimeVersioningOverride{TargetVersion: WorkerDeploymentVersionFromProto(o.OneTime.GetTargetDeploymentVersion())}
	}
	//lint:ignore SA1019 older servers write it
	switch p.GetBehavior() {
	case enumspb.VERSIONING_BEHAVIOR_AUTO_UPGRADE:
		return &AutoUpgradeVersioningOverride{}
	case enumspb.VERSIONING_BEHAVIOR_PINNED:
		//lint:ignore SA1019 older servers write it
		deployment := p.GetDeployment()
		return &PinnedVersioningOverride{Version: WorkerDeploymentVersion{
			DeploymentName: deployment.GetSeriesName(), BuildID: deployment.GetBuildId(),
		}}
	default:
		return nil
	}
}
