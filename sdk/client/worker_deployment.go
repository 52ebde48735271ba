package client

import iclient "github.com/perdure/perdure/sdk/internal/client"

type (
	// WorkerDeploymentVersionDrainageStatus says whether a version that gets no new workflows
	// still has old ones.
	WorkerDeploymentVersionDrainageStatus = iclient.WorkerDeploymentVersionDrainageStatus

	// WorkerDeploymentDescribeOptions are the options of WorkerDeploymentHandle.Describe.
	WorkerDeploymentDescribeOptions = iclient.WorkerDeploymentDescribeOptions

	// WorkerDeploymentVersionSummary is a version in the description of its deployment.
	WorkerDeploymentVersionSummary = iclient.WorkerDeploymentVersionSummary

	// WorkerDeploymentInfo is what the server knows about a deployment.
	WorkerDeploymentInfo = iclient.WorkerDeploymentInfo

	// WorkerDeploymentDescribeResponse is the response of WorkerDeploymentHandle.Describe.
	WorkerDeploymentDescribeResponse = iclient.WorkerDeploymentDescribeResponse

	// WorkerDeploymentSetCurrentVersionOptions are the options of
	// WorkerDeploymentHandle.SetCurrentVersion.
	WorkerDeploymentSetCurrentVersionOptions = iclient.WorkerDeploymentSetCurrentVersionOptions

	// WorkerDeploymentSetCurrentVersionResponse is the response of
	// WorkerDeploymentHandle.SetCurrentVersion.
	WorkerDeploymentSetCurrentVersionResponse = iclient.WorkerDeploymentSetCurrentVersionResponse

	// WorkerDeploymentSetRampingVersionOptions are the options of
	// WorkerDeploymentHandle.SetRampingVersion.
	WorkerDeploymentSetRampingVersionOptions = iclient.WorkerDeploymentSetRampingVersionOptions

	// WorkerDeploymentSetRampingVersionResponse is the response of
	// WorkerDeploymentHandle.SetRampingVersion.
	WorkerDeploymentSetRampingVersionResponse = iclient.WorkerDeploymentSetRampingVersionResponse

	// WorkerDeploymentSetManagerIdentityOptions are the options of
	// WorkerDeploymentHandle.SetManagerIdentity.
	WorkerDeploymentSetManagerIdentityOptions = iclient.WorkerDeploymentSetManagerIdentityOptions

	// WorkerDeploymentSetManagerIdentityResponse is the response of
	// WorkerDeploymentHandle.SetManagerIdentity.
	WorkerDeploymentSetManagerIdentityResponse = iclient.WorkerDeploymentSetManagerIdentityResponse

	// WorkerDeploymentDescribeVersionOptions are the options of
	// WorkerDeploymentHandle.DescribeVersion.
	WorkerDeploymentDescribeVersionOptions = iclient.WorkerDeploymentDescribeVersionOptions

	// WorkerDeploymentTaskQueueInfo is a task queue that workers of a version have polled.
	WorkerDeploymentTaskQueueInfo = iclient.WorkerDeploymentTaskQueueInfo

	// WorkerDeploymentVersionDrainageInfo says whether a version still has workflows.
	WorkerDeploymentVersionDrainageInfo = iclient.WorkerDeploymentVersionDrainageInfo

	// WorkerDeploymentVersionInfo is what the server knows about a version.
	WorkerDeploymentVersionInfo = iclient.WorkerDeploymentVersionInfo

	// WorkerDeploymentVersionDescription is the response of
	// WorkerDeploymentHandle.DescribeVersion.
	WorkerDeploymentVersionDescription = iclient.WorkerDeploymentVersionDescription

	// WorkerDeploymentDeleteVersionOptions are the options of
	// WorkerDeploymentHandle.DeleteVersion.
	WorkerDeploymentDeleteVersionOptions = iclient.WorkerDeploymentDeleteVersionOptions

	// WorkerDeploymentDeleteVersionResponse is the response of
	// WorkerDeploymentHandle.DeleteVersion.
	WorkerDeploymentDeleteVersionResponse = iclient.WorkerDeploymentDeleteVersionResponse

	// WorkerDeploymentMetadataUpdate changes the metadata of a version.
	WorkerDeploymentMetadataUpdate = iclient.WorkerDeploymentMetadataUpdate

	// WorkerDeploymentUpdateVersionMetadataOptions are the options of
	// WorkerDeploymentHandle.UpdateVersionMetadata.
	WorkerDeploymentUpdateVersionMetadataOptions = iclient.WorkerDeploymentUpdateVersionMetadataOptions

	// WorkerDeploymentUpdateVersionMetadataResponse is the response of
	// WorkerDeploymentHandle.UpdateVersionMetadata.
	WorkerDeploymentUpdateVersionMetadataResponse = iclient.WorkerDeploymentUpdateVersionMetadataResponse

	// WorkerDeploymentHandle is a worker deployment. It is safe for concurrent use. Its methods
	// fail with [*serviceerror.NotFound] if the deployment, or the version, does not exist.
	WorkerDeploymentHandle = iclient.WorkerDeploymentHandle

	// WorkerDeploymentListOptions are the options of WorkerDeploymentClient.List.
	WorkerDeploymentListOptions = iclient.WorkerDeploymentListOptions

	// WorkerDeploymentRoutingConfig says which versions new workflows go to.
	WorkerDeploymentRoutingConfig = iclient.WorkerDeploymentRoutingConfig

	// WorkerDeploymentListEntry is what a list says about a deployment.
	WorkerDeploymentListEntry = iclient.WorkerDeploymentListEntry

	// WorkerDeploymentListIterator goes through deployments.
	WorkerDeploymentListIterator = iclient.WorkerDeploymentListIterator

	// WorkerDeploymentDeleteOptions are the options of WorkerDeploymentClient.Delete.
	WorkerDeploymentDeleteOptions = iclient.WorkerDeploymentDeleteOptions

	// WorkerDeploymentDeleteResponse is the response of WorkerDeploymentClient.Delete.
	WorkerDeploymentDeleteResponse = iclient.WorkerDeploymentDeleteResponse

	// WorkerDeploymentClient is the client for worker deployments, which say which version of
	// the workers new workflows run on. It is safe for concurrent use.
	WorkerDeploymentClient = iclient.WorkerDeploymentClient
)

const (
	// WorkerDeploymentVersionDrainageStatusUnspecified is a version that still gets new
	// workflows, or never has.
	WorkerDeploymentVersionDrainageStatusUnspecified = iclient.WorkerDeploymentVersionDrainageStatusUnspecified
	// WorkerDeploymentVersionDrainageStatusDraining is a version with open workflows that
	// are pinned to it.
	WorkerDeploymentVersionDrainageStatusDraining = iclient.WorkerDeploymentVersionDrainageStatusDraining
	// WorkerDeploymentVersionDrainageStatusDrained is a version without. Its closed
	// workflows may still be queried.
	WorkerDeploymentVersionDrainageStatusDrained = iclient.WorkerDeploymentVersionDrainageStatusDrained
)
