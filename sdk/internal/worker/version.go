package worker

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"sync"

	commonpb "go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
)

// VersioningBehavior of a workflow type.
type VersioningBehavior = enumspb.VersioningBehavior

// buildVersion is what a worker tells the server about the build it runs, in the
// three generations of fields that servers understand.
type buildVersion struct {
	stamp        *commonpb.WorkerVersionStamp
	capabilities *commonpb.WorkerVersionCapabilities
	deployment   *deploymentpb.Deployment
	// options is nil unless the worker belongs to a deployment.
	options *deploymentpb.WorkerDeploymentOptions
	// buildID also goes out as the binary checksum, to servers that know none
	// of the above.
	buildID string
	// versioned says that the server needs the versioning behavior of each
	// workflow.
	versioned bool
}

func newBuildVersion(c *Config) buildVersion {
	v := buildVersion{
		buildID:   c.BuildID,
		versioned: c.UseBuildIDForVersioning || c.DeploymentVersion != nil,
		stamp:     &commonpb.WorkerVersionStamp{BuildId: c.BuildID, UseVersioning: c.UseBuildIDForVersioning},
		capabilities: &commonpb.WorkerVersionCapabilities{
			BuildId:              c.BuildID,
			UseVersioning:        c.UseBuildIDForVersioning,
			DeploymentSeriesName: c.DeploymentVersion.GetDeploymentName(),
		},
		deployment: &deploymentpb.Deployment{
			BuildId:    c.BuildID,
			SeriesName: c.DeploymentVersion.GetDeploymentName(),
		},
	}
	if c.DeploymentVersion != nil {
		mode := enumspb.WORKER_VERSIONING_MODE_UNVERSIONED
		if c.UseBuildIDForVersioning {
			mode = enumspb.WORKER_VERSIONING_MODE_VERSIONED
		}
		v.options = &deploymentpb.WorkerDeploymentOptions{
			DeploymentName:       c.DeploymentVersion.GetDeploymentName(),
			BuildId:              c.DeploymentVersion.GetBuildId(),
			WorkerVersioningMode: mode,
		}
	}
	return v
}

// binaryChecksum identifies the running binary: the build id of workers that were
// given none. It is empty if the binary can not be read.
var binaryChecksum = sync.OnceValue(func() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
})
