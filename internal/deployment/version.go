package deployment

import (
	"fmt"
	"strings"

	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
)

// Version names a version of a deployment. The zero value is no version: workers without
// versioning.
type Version struct{ Deployment, BuildID string }

// Unversioned stands for the zero value where older clients read versions as text.
const Unversioned = "__unversioned__"

const delimiters = ".:"

// IsZero reports whether it is no version.
func (v Version) IsZero() bool { return v == Version{} }

// String is "<deployment>:<build id>", empty for no version.
func (v Version) String() string {
	if v.IsZero() {
		return ""
	}
	return v.Deployment + ":" + v.BuildID
}

// Old is the version as older clients read it.
func (v Version) Old() string {
	if v.IsZero() {
		return Unversioned
	}
	return v.Deployment + "." + v.BuildID
}

// Proto is the version as a message, nil for no version.
func (v Version) Proto() *deploymentpb.WorkerDeploymentVersion {
	if v.IsZero() {
		return nil
	}
	return &deploymentpb.WorkerDeploymentVersion{DeploymentName: v.Deployment, BuildId: v.BuildID}
}

// FromProto is the inverse of Version.Proto.
func FromProto(v *deploymentpb.WorkerDeploymentVersion) Version {
	return Version{v.GetDeploymentName(), v.GetBuildId()}
}

// FromString is the inverse of Version.String.
func FromString(s string) Version {
	name, build, _ := strings.Cut(s, ":")
	return Version{name, build}
}

// Parse reads a version as clients may write it, with either delimiter. The name of a
// deployment has neither, so the first is the one.
func Parse(s string) (Version, error) {
	if s == Unversioned {
		return Version{}, nil
	}
	i := strings.IndexAny(s, delimiters)
	switch {
	case i < 0:
		return Version{}, fmt.Errorf("expected delimiter ':' or '.' not found in version string %s", s)
	case i == 0:
		return Version{}, fmt.Errorf("deployment name is empty in version string %s", s)
	case i == len(s)-1:
		return Version{}, fmt.Errorf("build id is empty in version string %s", s)
	}
	return Version{s[:i], s[i+1:]}, nil
}

// stamp is what the older form of worker versions has that names deployments.
type stamp interface {
	GetUseVersioning() bool
	GetDeploymentSeriesName() string
	GetBuildId() string
}

// OfWorker is the version that a worker says it has: in its options, or as the first
// workers with deployments said it.
func OfWorker(options *deploymentpb.WorkerDeploymentOptions, old stamp) Version {
	if options.GetWorkerVersioningMode() == enumspb.WORKER_VERSIONING_MODE_VERSIONED {
		return Version{options.GetDeploymentName(), options.GetBuildId()}
	}
	if old != nil && old.GetUseVersioning() && old.GetDeploymentSeriesName() != "" && old.GetBuildId() != "" {
		return Version{old.GetDeploymentSeriesName(), old.GetBuildId()}
	}
	return Version{}
}
