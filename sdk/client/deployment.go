package client

//lint:file-ignore SA1019 what is deprecated stays in the API

import iclient "github.com/perdure/perdure/sdk/internal/client"

type (
	// DeploymentReachability says which workflows may send tasks to a deployment.
	//
	// Deprecated: use worker deployments.
	DeploymentReachability = iclient.DeploymentReachability

	// Deployment names a deployment of workers.
	//
	// Deprecated: use worker deployments.
	Deployment = iclient.Deployment

	// DeploymentTaskQueueInfo is a task queue that workers of a deployment have polled.
	DeploymentTaskQueueInfo = iclient.DeploymentTaskQueueInfo

	// DeploymentInfo is what the server knows about a deployment.
	DeploymentInfo = iclient.DeploymentInfo

	// DeploymentDescription is the response of DeploymentClient.Describe.
	DeploymentDescription = iclient.DeploymentDescription

	// DeploymentListEntry is what a list says about a deployment.
	DeploymentListEntry = iclient.DeploymentListEntry

	// DeploymentListIterator goes through deployments.
	DeploymentListIterator = iclient.DeploymentListIterator

	// DeploymentListOptions are the options of DeploymentClient.List.
	DeploymentListOptions = iclient.DeploymentListOptions

	// DeploymentReachabilityInfo is the response of DeploymentClient.GetReachability.
	DeploymentReachabilityInfo = iclient.DeploymentReachabilityInfo

	// DeploymentMetadataUpdate changes the metadata of a deployment.
	DeploymentMetadataUpdate = iclient.DeploymentMetadataUpdate

	// DeploymentGetCurrentResponse is the response of DeploymentClient.GetCurrent.
	DeploymentGetCurrentResponse = iclient.DeploymentGetCurrentResponse

	// DeploymentSetCurrentOptions are the options of DeploymentClient.SetCurrent.
	DeploymentSetCurrentOptions = iclient.DeploymentSetCurrentOptions

	// DeploymentSetCurrentResponse is the response of DeploymentClient.SetCurrent.
	DeploymentSetCurrentResponse = iclient.DeploymentSetCurrentResponse

	// DeploymentDescribeOptions are the options of DeploymentClient.Describe.
	DeploymentDescribeOptions = iclient.DeploymentDescribeOptions

	// DeploymentGetReachabilityOptions are the options of DeploymentClient.GetReachability.
	DeploymentGetReachabilityOptions = iclient.DeploymentGetReachabilityOptions

	// DeploymentGetCurrentOptions are the options of DeploymentClient.GetCurrent.
	DeploymentGetCurrentOptions = iclient.DeploymentGetCurrentOptions

	// DeploymentClient is the client for deployments. It is safe for concurrent use.
	//
	// Deprecated: use WorkerDeploymentClient. Servers that have it need not have this.
	DeploymentClient = iclient.DeploymentClient
)

const (
	// DeploymentReachabilityUnspecified is no answer.
	DeploymentReachabilityUnspecified = iclient.DeploymentReachabilityUnspecified
	// DeploymentReachabilityReachable means that new or open workflows may.
	DeploymentReachabilityReachable = iclient.DeploymentReachabilityReachable
	// DeploymentReachabilityClosedWorkflows means that only queries of closed workflows may.
	DeploymentReachabilityClosedWorkflows = iclient.DeploymentReachabilityClosedWorkflows
	// DeploymentReachabilityUnreachable means that nothing may.
	DeploymentReachabilityUnreachable = iclient.DeploymentReachabilityUnreachable
)
