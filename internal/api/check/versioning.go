package check

import (
	"strings"

	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
)

// VersioningOverride checks by which version of the worker a workflow is to be run
// in place of what its worker says; nil is none. What older clients send is brought
// into the form of today. Whether there is such a version is for the task queue to
// say.
func VersioningOverride(override *workflowpb.VersioningOverride) error {
	if override == nil {
		return nil
	}
	switch o := override.GetOverride().(type) {
	case *workflowpb.VersioningOverride_AutoUpgrade:
		if !o.AutoUpgrade {
			return invalid("auto-upgrade override must be true")
		}
	case *workflowpb.VersioningOverride_Pinned:
		switch {
		case o.Pinned.GetVersion() == nil:
			return invalid("must provide version if override is pinned.")
		case o.Pinned.GetBehavior() == workflowpb.VersioningOverride_PINNED_OVERRIDE_BEHAVIOR_UNSPECIFIED:
			return invalid("must specify pinned override behavior if override is pinned.")
		}
	case *workflowpb.VersioningOverride_OneTime:
		if o.OneTime.GetTargetDeploymentVersion() == nil {
			return invalid("must provide target deployment version if override is one-time.")
		}
	default:
		if err := oldVersioningOverride(override); err != nil {
			return err
		}
	}
	//lint:ignore SA1019 older clients use them
	override.Behavior, override.Deployment, override.PinnedVersion = enumspb.VERSIONING_BEHAVIOR_UNSPECIFIED, nil, ""
	return nil
}

// oldVersioningOverride is VersioningOverride for what clients of before the field
// override send.
func oldVersioningOverride(override *workflowpb.VersioningOverride) error {
	//lint:ignore SA1019 that is what it is about
	behavior, deployment, pinned := override.GetBehavior(), override.GetDeployment(), override.GetPinnedVersion()
	switch behavior {
	case enumspb.VERSIONING_BEHAVIOR_AUTO_UPGRADE:
		switch {
		case deployment != nil:
			return invalid("only provide deployment if behavior is 'PINNED'")
		case pinned != "":
			return invalid("only provide pinned version if behavior is 'PINNED'")
		}
		override.Override = &workflowpb.VersioningOverride_AutoUpgrade{AutoUpgrade: true}
		return nil
	case enumspb.VERSIONING_BEHAVIOR_PINNED:
		version, err := oldPinnedVersion(deployment, pinned)
		if err != nil {
			return err
		}
		override.Override = &workflowpb.VersioningOverride_Pinned{Pinned: &workflowpb.VersioningOverride_PinnedOverride{
			Behavior: workflowpb.VersioningOverride_PINNED_OVERRIDE_BEHAVIOR_PINNED,
			Version:  version,
		}}
		return nil
	case enumspb.VERSIONING_BEHAVIOR_UNSPECIFIED:
		return invalid("override behavior is required")
	}
	return invalid("override behavior %s not recognized", behavior)
}

// versionDelimiters stand between the name of a deployment and the build id in the
// text of a version: that of today, and the one before.
const versionDelimiters = ":."

func oldPinnedVersion(deployment *deploymentpb.Deployment, text string) (*deploymentpb.WorkerDeploymentVersion, error) {
	switch {
	case deployment == nil && text == "":
		return nil, invalid("must provide deployment (deprecated) or pinned version if behavior is 'PINNED'")
	case deployment == nil:
		i := strings.IndexAny(text, versionDelimiters)
		if i <= 0 || i == len(text)-1 {
			return nil, invalid("invalid version string %q, expected format is \"<deployment_name>.<build_id>\"", text)
		}
		return &deploymentpb.WorkerDeploymentVersion{DeploymentName: text[:i], BuildId: text[i+1:]}, nil
	case deployment.GetSeriesName() == "":
		return nil, invalid("deployment name cannot be empty")
	case strings.ContainsAny(deployment.GetSeriesName(), versionDelimiters):
		return nil, invalid("deployment name cannot contain '.' or ':'")
	case deployment.GetBuildId() == "":
		return nil, invalid("deployment build ID cannot be empty")
	}
	return &deploymentpb.WorkerDeploymentVersion{DeploymentName: deployment.GetSeriesName(), BuildId: deployment.GetBuildId()}, nil
}

// versionPart bounds the name of a deployment and the build id of a version, in bytes: both
// together are part of an id on Temporal servers, with 39 bytes of its own.
func (l *Limits) versionPart() int { return (l.ID - 39) / 2 }

// CheckDeploymentName checks the name of a worker deployment. It has neither of the delimiters
// between it and a build id.
func (l *Limits) CheckDeploymentName(name string) error {
	if err := l.checkVersionPart("WorkerDeploymentName", name); err != nil {
		return err
	}
	for _, delimiter := range versionDelimiters {
		if strings.ContainsRune(name, delimiter) {
			return invalid("worker deployment name cannot contain '%c'", delimiter)
		}
	}
	return reservedVersionPart("WorkerDeploymentName", name)
}

// CheckDeploymentBuildID checks the build id of a version of a worker deployment.
func (l *Limits) CheckDeploymentBuildID(id string) error {
	if err := l.checkVersionPart("BuildID", id); err != nil {
		return err
	}
	return reservedVersionPart("BuildID", id)
}

func (l *Limits) checkVersionPart(field, value string) error {
	switch {
	case value == "":
		return invalid("%v cannot be empty", field)
	case len(value) > l.versionPart():
		return invalid("size of %v larger than the maximum allowed", field)
	}
	return nil
}

func reservedVersionPart(field, value string) error {
	if strings.HasPrefix(value, "__") {
		return invalid("%v cannot start with '__'", field)
	}
	return nil
}

// DeploymentPercentage checks which part of the workflows goes to a ramping version.
func DeploymentPercentage(percentage float32) error {
	if !(percentage >= 0 && percentage <= 100) { // neither is true of what is no number
		return invalid("Percentage must be between 0 and 100 (inclusive)")
	}
	return nil
}
