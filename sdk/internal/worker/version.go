package worker

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"sync"
	"sync/atomic"

	commonpb "go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/policy"
)

// VersioningBehavior of a workflow type.
type VersioningBehavior = policy.VersioningBehavior

// buildVersion is what a worker tells the server about the build it runs, in the
// generations of fields that servers understand: a checksum of the binary, a version
// stamp, a deployment, and deployment options.
type buildVersion struct {
	stamp        *commonpb.WorkerVersionStamp
	capabilities *commonpb.WorkerVersionCapabilities
	deployment   *deploymentpb.Deployment
	// options is nil unless the worker belongs to a deployment.
	options *deploymentpb.WorkerDeploymentOptions
	// checksum is the build id, for servers that know only binary checksums.
	// Empty once the server is known to know better.
	checksum string
	// versioned says that the server needs the versioning behavior of each
	// workflow.
	versioned bool
}

func newBuildVersion(c *Options) *buildVersion {
	deployment := policy.WorkerDeploymentVersionToProto(c.DeploymentOptions.Version)
	v := &buildVersion{
		checksum:  c.BuildID,
		versioned: c.UseBuildIDForVersioning || deployment != nil,
		stamp:     &commonpb.WorkerVersionStamp{BuildId: c.BuildID, UseVersioning: c.UseBuildIDForVersioning},
		capabilities: &commonpb.WorkerVersionCapabilities{
			BuildId:              c.BuildID,
			UseVersioning:        c.UseBuildIDForVersioning,
			DeploymentSeriesName: deployment.GetDeploymentName(),
		},
		deployment: &deploymentpb.Deployment{
			BuildId:    c.BuildID,
			SeriesName: deployment.GetDeploymentName(),
		},
	}
	if deployment != nil {
		mode := enumspb.WORKER_VERSIONING_MODE_UNVERSIONED
		if c.UseBuildIDForVersioning {
			mode = enumspb.WORKER_VERSIONING_MODE_VERSIONED
		}
		v.options = &deploymentpb.WorkerDeploymentOptions{
			DeploymentName:       deployment.GetDeploymentName(),
			BuildId:              deployment.GetBuildId(),
			WorkerVersioningMode: mode,
		}
	}
	return v
}

// configure takes in what the server can do. It is called before polling.
func (v *buildVersion) configure(capabilities *workflowservice.GetSystemInfoResponse_Capabilities) {
	if capabilities.GetBuildIdBasedVersioning() {
		v.checksum = ""
	}
}

func (v *buildVersion) stampWorkflowPoll(r *workflowservice.PollWorkflowTaskQueueRequest) {
	//lint:ignore SA1019 servers still read the deprecated fields, and older ones only those
	r.WorkerVersionCapabilities, r.DeploymentOptions, r.BinaryChecksum = v.capabilities, v.options, v.checksum
}

func (v *buildVersion) stampActivityPoll(r *workflowservice.PollActivityTaskQueueRequest) {
	//lint:ignore SA1019 servers still read the deprecated fields, and older ones only those
	r.WorkerVersionCapabilities, r.DeploymentOptions = v.capabilities, v.options
}

func (v *buildVersion) stampCompleted(r *workflowservice.RespondWorkflowTaskCompletedRequest) {
	//lint:ignore SA1019 servers still read the deprecated fields, and older ones only those
	r.WorkerVersionStamp, r.Deployment, r.DeploymentOptions, r.BinaryChecksum = v.stamp, v.deployment, v.options, v.checksum
}

func (v *buildVersion) stampFailed(r *workflowservice.RespondWorkflowTaskFailedRequest) {
	//lint:ignore SA1019 servers still read the deprecated fields, and older ones only those
	r.WorkerVersion, r.Deployment, r.DeploymentOptions, r.BinaryChecksum = v.stamp, v.deployment, v.options, v.checksum
}

// stampActivity stamps a response to an activity task, whatever it is.
func (v *buildVersion) stampActivity(response any) {
	switch r := response.(type) {
	case *workflowservice.RespondActivityTaskCompletedRequest:
		//lint:ignore SA1019 servers still read the deprecated fields, and older ones only those
		r.WorkerVersion, r.Deployment, r.DeploymentOptions = v.stamp, v.deployment, v.options
	case *workflowservice.RespondActivityTaskFailedRequest:
		//lint:ignore SA1019 servers still read the deprecated fields, and older ones only those
		r.WorkerVersion, r.Deployment, r.DeploymentOptions = v.stamp, v.deployment, v.options
	case *workflowservice.RespondActivityTaskCanceledRequest:
		//lint:ignore SA1019 servers still read the deprecated fields, and older ones only those
		r.WorkerVersion, r.Deployment, r.DeploymentOptions = v.stamp, v.deployment, v.options
	}
}

// givenChecksum is what SetBinaryChecksum was given, nil if nothing.
var givenChecksum atomic.Pointer[string]

// SetBinaryChecksum sets the build id of workers made from then on that are given none.
func SetBinaryChecksum(checksum string) { givenChecksum.Store(&checksum) }

// defaultBuildID is the build id of workers that were given none.
func defaultBuildID() string {
	if given := givenChecksum.Load(); given != nil && *given != "" {
		return *given
	}
	return binaryChecksum()
}

// binaryChecksum identifies the running binary. It is empty if the binary can not be read.
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
