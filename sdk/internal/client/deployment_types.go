package client

import (
	"context"
	"time"

	commonpb "go.temporal.io/api/common/v1"
)

// DeploymentReachability says which workflows may send tasks to a deployment.
//
// Deprecated: use worker deployments.
type DeploymentReachability int

// Values of DeploymentReachability.
const (
	// DeploymentReachabilityUnspecified is no answer.
	DeploymentReachabilityUnspecified = iota
	// DeploymentReachabilityReachable means that new or open workflows may.
	DeploymentReachabilityReachable
	// DeploymentReachabilityClosedWorkflows means that only queries of closed workflows may.
	DeploymentReachabilityClosedWorkflows
	// DeploymentReachabilityUnreachable means that nothing may.
	DeploymentReachabilityUnreachable
)

// Deployment names a deployment of workers.
//
// Deprecated: use worker deployments.
type Deployment struct {
	// SeriesName is what deployments of the same workers have in common.
	SeriesName string
	// BuildID is the build of the workers.
	BuildID string
}

// DeploymentTaskQueueInfo is a task queue that workers of a deployment have polled.
type DeploymentTaskQueueInfo struct {
	// Name is the task queue's name.
	Name string
	// Type is what kind of tasks they polled for.
	Type TaskQueueType
	// FirstPollerTime is when the first of them polled.
	FirstPollerTime time.Time
}

// DeploymentInfo is what the server knows about a deployment.
type DeploymentInfo struct {
	// Deployment is its name.
	Deployment Deployment
	// CreateTime is when it was created.
	CreateTime time.Time
	// IsCurrent tells whether it is the current one of its series.
	IsCurrent bool
	// TaskQueuesInfos are the task queues that its workers have polled.
	TaskQueuesInfos []DeploymentTaskQueueInfo
	// Metadata was set by users, still encoded.
	Metadata map[string]*commonpb.Payload
}

// DeploymentDescription is the response of DeploymentClient.Describe.
type DeploymentDescription struct {
	// DeploymentInfo is what the server knows.
	DeploymentInfo DeploymentInfo
}

// DeploymentListEntry is what a list says about a deployment.
type DeploymentListEntry struct {
	// Deployment is its name.
	Deployment Deployment
	// CreateTime is when it was created.
	CreateTime time.Time
	// IsCurrent tells whether it is the current one of its series.
	IsCurrent bool
}

// DeploymentListIterator goes through deployments.
type DeploymentListIterator interface {
	// HasNext says whether there is another deployment, or an error, for Next to return. It
	// may ask the server.
	HasNext() bool
	// Next returns the next deployment. It panics if there is none.
	Next() (*DeploymentListEntry, error)
}

// DeploymentListOptions are the options of DeploymentClient.List.
type DeploymentListOptions struct {
	// PageSize is how many to fetch at a time. The default is the server's.
	PageSize int
	// SeriesName is the series to list. The default is all.
	SeriesName string
}

// DeploymentReachabilityInfo is the response of DeploymentClient.GetReachability.
type DeploymentReachabilityInfo struct {
	// DeploymentInfo is what the server knows.
	DeploymentInfo DeploymentInfo
	// Reachability says which workflows may send tasks to it.
	Reachability DeploymentReachability
	// LastUpdateTime is when that was found out.
	LastUpdateTime time.Time
}

// DeploymentMetadataUpdate changes the metadata of a deployment.
type DeploymentMetadataUpdate struct {
	// UpsertEntries are entries to set. Values that are not payloads are encoded with the
	// client's data converter.
	UpsertEntries map[string]any
	// RemoveEntries are keys to remove.
	RemoveEntries []string
}

// DeploymentGetCurrentResponse is the response of DeploymentClient.GetCurrent.
type DeploymentGetCurrentResponse struct {
	// DeploymentInfo is the current deployment, empty if there is none.
	DeploymentInfo DeploymentInfo
}

// DeploymentSetCurrentOptions are the options of DeploymentClient.SetCurrent.
type DeploymentSetCurrentOptions struct {
	// Deployment becomes the current one of its series.
	Deployment Deployment
	// MetadataUpdate changes its metadata at the same time.
	MetadataUpdate DeploymentMetadataUpdate
}

// DeploymentSetCurrentResponse is the response of DeploymentClient.SetCurrent.
type DeploymentSetCurrentResponse struct {
	// Current is the deployment that became the current one.
	Current DeploymentInfo
	// Previous is the one before, empty if there was none.
	Previous DeploymentInfo
}

// DeploymentDescribeOptions are the options of DeploymentClient.Describe.
type DeploymentDescribeOptions struct {
	// Deployment to describe. Both parts of its name are required.
	Deployment Deployment
}

// DeploymentGetReachabilityOptions are the options of DeploymentClient.GetReachability.
type DeploymentGetReachabilityOptions struct {
	// Deployment to ask about.
	Deployment Deployment
}

// DeploymentGetCurrentOptions are the options of DeploymentClient.GetCurrent.
type DeploymentGetCurrentOptions struct {
	// SeriesName is the series to ask about.
	SeriesName string
}

// DeploymentClient is the client for deployments. It is safe for concurrent use.
//
// Deprecated: use WorkerDeploymentClient. Servers that have it need not have this.
type DeploymentClient interface {
	// Describe returns what the server knows about a deployment.
	Describe(ctx context.Context, options DeploymentDescribeOptions) (DeploymentDescription, error)
	// List returns an iterator over deployments. Errors come from the iterator.
	List(ctx context.Context, options DeploymentListOptions) (DeploymentListIterator, error)
	// GetReachability tells which workflows may send tasks to a deployment. It is costly,
	// and the answer may be some minutes old.
	GetReachability(ctx context.Context, options DeploymentGetReachabilityOptions) (DeploymentReachabilityInfo, error)
	// GetCurrent returns the current deployment of a series.
	GetCurrent(ctx context.Context, options DeploymentGetCurrentOptions) (DeploymentGetCurrentResponse, error)
	// SetCurrent makes a deployment the current one of its series, which gets new workflows.
	SetCurrent(ctx context.Context, options DeploymentSetCurrentOptions) (DeploymentSetCurrentResponse, error)
}
