package client

import (
	"context"
	"time"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/internal/policy"
)

// WorkerDeploymentVersionDrainageStatus says whether a version that gets no new workflows
// still has old ones.
type WorkerDeploymentVersionDrainageStatus int

// Values of WorkerDeploymentVersionDrainageStatus.
const (
	// WorkerDeploymentVersionDrainageStatusUnspecified is a version that still gets new
	// workflows, or never has.
	WorkerDeploymentVersionDrainageStatusUnspecified = iota
	// WorkerDeploymentVersionDrainageStatusDraining is a version with open workflows that
	// are pinned to it.
	WorkerDeploymentVersionDrainageStatusDraining
	// WorkerDeploymentVersionDrainageStatusDrained is a version without. Its closed
	// workflows may still be queried.
	WorkerDeploymentVersionDrainageStatusDrained
)

// WorkerDeploymentDescribeOptions are the options of WorkerDeploymentHandle.Describe.
type WorkerDeploymentDescribeOptions struct{}

// WorkerDeploymentVersionSummary is a version in the description of its deployment.
type WorkerDeploymentVersionSummary struct {
	// Version is its name.
	Version policy.WorkerDeploymentVersion
	// CreateTime is when its first worker polled.
	CreateTime time.Time
	// DrainageStatus says whether it still has workflows.
	DrainageStatus WorkerDeploymentVersionDrainageStatus
}

// WorkerDeploymentInfo is what the server knows about a deployment.
type WorkerDeploymentInfo struct {
	// Name that its workers give in their options.
	Name string
	// CreateTime is when its first worker polled.
	CreateTime time.Time
	// VersionSummaries say in short what each of its versions is doing.
	VersionSummaries []WorkerDeploymentVersionSummary
	// RoutingConfig says which versions new workflows go to.
	RoutingConfig WorkerDeploymentRoutingConfig
	// LastModifierIdentity is who last changed the routing or the manager.
	LastModifierIdentity string
	// ManagerIdentity is who alone may change the deployment. Empty is everyone.
	ManagerIdentity string
}

// WorkerDeploymentDescribeResponse is the response of WorkerDeploymentHandle.Describe.
type WorkerDeploymentDescribeResponse struct {
	// ConflictToken makes a change that is to follow fail if another one came before it.
	ConflictToken []byte
	// Info is what the server knows.
	Info WorkerDeploymentInfo
}

// WorkerDeploymentSetCurrentVersionOptions are the options of
// WorkerDeploymentHandle.SetCurrentVersion.
type WorkerDeploymentSetCurrentVersionOptions struct {
	// BuildID is the build of the version. Empty stands for workers without a version.
	BuildID string
	// ConflictToken of an earlier response makes the call fail if the deployment has changed
	// since. The default is not to check.
	ConflictToken []byte
	// Identity is who makes the change. The default is the client's.
	Identity string
	// IgnoreMissingTaskQueues makes the change though the version's workers do not poll all
	// task queues that those of the version before it do.
	IgnoreMissingTaskQueues bool
	// AllowNoPollers makes the change though no worker of the version has ever polled.
	AllowNoPollers bool
}

// WorkerDeploymentSetCurrentVersionResponse is the response of
// WorkerDeploymentHandle.SetCurrentVersion.
type WorkerDeploymentSetCurrentVersionResponse struct {
	// ConflictToken is for a change that is to follow.
	ConflictToken []byte
	// PreviousVersion is the current version before. It is nil for workers without one.
	PreviousVersion *policy.WorkerDeploymentVersion
}

// WorkerDeploymentSetRampingVersionOptions are the options of
// WorkerDeploymentHandle.SetRampingVersion.
type WorkerDeploymentSetRampingVersionOptions struct {
	// BuildID is the build of the version. Empty stands for workers without a version, or,
	// with a Percentage of 0, ends the ramp.
	BuildID string
	// Percentage of new workflows that the version gets, from 0 to 100.
	Percentage float32
	// ConflictToken of an earlier response makes the call fail if the deployment has changed
	// since. The default is not to check.
	ConflictToken []byte
	// Identity is who makes the change. The default is the client's.
	Identity string
	// IgnoreMissingTaskQueues makes the change though the version's workers do not poll all
	// task queues that those of the current version do.
	IgnoreMissingTaskQueues bool
	// AllowNoPollers makes the change though no worker of the version has ever polled.
	AllowNoPollers bool
}

// WorkerDeploymentSetRampingVersionResponse is the response of
// WorkerDeploymentHandle.SetRampingVersion.
type WorkerDeploymentSetRampingVersionResponse struct {
	// ConflictToken is for a change that is to follow.
	ConflictToken []byte
	// PreviousVersion is the ramping version before, or nil.
	PreviousVersion *policy.WorkerDeploymentVersion
	// PreviousPercentage is what it got.
	PreviousPercentage float32
}

// WorkerDeploymentSetManagerIdentityOptions are the options of
// WorkerDeploymentHandle.SetManagerIdentity.
type WorkerDeploymentSetManagerIdentityOptions struct {
	// ManagerIdentity is who alone may change the deployment from then on. Empty lets
	// everyone. It must be empty if Self is set.
	ManagerIdentity string
	// Self makes it the one who makes this call.
	Self bool
	// ConflictToken of an earlier response makes the call fail if the deployment has changed
	// since. The default is not to check.
	ConflictToken []byte
	// Identity is who makes the change. The default is the client's.
	Identity string
}

// WorkerDeploymentSetManagerIdentityResponse is the response of
// WorkerDeploymentHandle.SetManagerIdentity.
type WorkerDeploymentSetManagerIdentityResponse struct {
	// ConflictToken is for a change that is to follow.
	ConflictToken []byte
	// PreviousManagerIdentity is the manager before, or empty.
	PreviousManagerIdentity string
}

// WorkerDeploymentDescribeVersionOptions are the options of
// WorkerDeploymentHandle.DescribeVersion.
type WorkerDeploymentDescribeVersionOptions struct {
	// BuildID is the build of the version. It is required.
	BuildID string
}

// WorkerDeploymentTaskQueueInfo is a task queue that workers of a version have polled.
type WorkerDeploymentTaskQueueInfo struct {
	// Name is the task queue's name.
	Name string
	// Type is what kind of tasks they polled for.
	Type TaskQueueType
}

// WorkerDeploymentVersionDrainageInfo says whether a version still has workflows.
type WorkerDeploymentVersionDrainageInfo struct {
	// DrainageStatus is the answer.
	DrainageStatus WorkerDeploymentVersionDrainageStatus
	// LastChangedTime is since when.
	LastChangedTime time.Time
	// LastCheckedTime is when that was last looked at.
	LastCheckedTime time.Time
}

// WorkerDeploymentVersionInfo is what the server knows about a version.
type WorkerDeploymentVersionInfo struct {
	// Version is its name.
	Version policy.WorkerDeploymentVersion
	// CreateTime is when its first worker polled.
	CreateTime time.Time
	// RoutingChangedTime is when it last became, or ceased to be, current or ramping, or its
	// percentage changed.
	RoutingChangedTime time.Time
	// CurrentSinceTime is since when it is current, zero if it is not.
	CurrentSinceTime time.Time
	// RampingSinceTime is since when it is ramping, zero if it is not.
	RampingSinceTime time.Time
	// RampPercentage of new workflows that it gets while ramping.
	RampPercentage float32
	// TaskQueuesInfos are the task queues that its workers have polled.
	TaskQueuesInfos []WorkerDeploymentTaskQueueInfo
	// DrainageInfo says whether it still has workflows, or is nil while it gets new ones.
	DrainageInfo *WorkerDeploymentVersionDrainageInfo
	// Metadata was set by users, still encoded.
	Metadata map[string]*commonpb.Payload
}

// WorkerDeploymentVersionDescription is the response of
// WorkerDeploymentHandle.DescribeVersion.
type WorkerDeploymentVersionDescription struct {
	// Info is what the server knows.
	Info WorkerDeploymentVersionInfo
}

// WorkerDeploymentDeleteVersionOptions are the options of
// WorkerDeploymentHandle.DeleteVersion.
type WorkerDeploymentDeleteVersionOptions struct {
	// BuildID is the build of the version. It is required.
	BuildID string
	// SkipDrainage deletes the version though it is not drained.
	SkipDrainage bool
	// Identity is who makes the change. The default is the client's.
	Identity string
}

// WorkerDeploymentDeleteVersionResponse is the response of
// WorkerDeploymentHandle.DeleteVersion.
type WorkerDeploymentDeleteVersionResponse struct{}

// WorkerDeploymentMetadataUpdate changes the metadata of a version.
type WorkerDeploymentMetadataUpdate struct {
	// UpsertEntries are entries to set. Values that are not payloads are encoded with the
	// client's data converter.
	UpsertEntries map[string]any
	// RemoveEntries are keys to remove.
	RemoveEntries []string
}

// WorkerDeploymentUpdateVersionMetadataOptions are the options of
// WorkerDeploymentHandle.UpdateVersionMetadata.
type WorkerDeploymentUpdateVersionMetadataOptions struct {
	// Version to change.
	Version policy.WorkerDeploymentVersion
	// MetadataUpdate is the change.
	MetadataUpdate WorkerDeploymentMetadataUpdate
}

// WorkerDeploymentUpdateVersionMetadataResponse is the response of
// WorkerDeploymentHandle.UpdateVersionMetadata.
type WorkerDeploymentUpdateVersionMetadataResponse struct {
	// Metadata is all of it, after the change, still encoded.
	Metadata map[string]*commonpb.Payload
}

// WorkerDeploymentHandle is a worker deployment. It is safe for concurrent use. Its methods
// fail with [*serviceerror.NotFound] if the deployment, or the version, does not exist, and
// those that change something with [*serviceerror.FailedPrecondition] if the ConflictToken of
// their options is no longer that of the deployment, or another identity manages it. They fail
// without a call for an empty name, or one with a dot.
type WorkerDeploymentHandle interface {
	// Describe returns what the server knows about the deployment.
	Describe(ctx context.Context, options WorkerDeploymentDescribeOptions) (WorkerDeploymentDescribeResponse, error)
	// SetCurrentVersion sends new workflows, and those that upgrade by themselves, to a
	// version. If it was ramping, the ramp ends. Pinned workflows stay where they are. It
	// fails with [*serviceerror.FailedPrecondition] if the version's workers do not poll task
	// queues that those of the current one do, unless IgnoreMissingTaskQueues is set.
	SetCurrentVersion(ctx context.Context, options WorkerDeploymentSetCurrentVersionOptions) (WorkerDeploymentSetCurrentVersionResponse, error)
	// SetRampingVersion sends a part of new workflows, and of those that upgrade by
	// themselves, to a version; which of them is decided by their ids. It fails as
	// SetCurrentVersion does, and if the version is the current one.
	SetRampingVersion(ctx context.Context, options WorkerDeploymentSetRampingVersionOptions) (WorkerDeploymentSetRampingVersionResponse, error)
	// SetManagerIdentity says who alone may change the deployment.
	SetManagerIdentity(ctx context.Context, options WorkerDeploymentSetManagerIdentityOptions) (WorkerDeploymentSetManagerIdentityResponse, error)
	// DescribeVersion returns what the server knows about a version.
	DescribeVersion(ctx context.Context, options WorkerDeploymentDescribeVersionOptions) (WorkerDeploymentVersionDescription, error)
	// DeleteVersion deletes a version that is neither current nor ramping, is drained, and
	// has no workers. It fails with [*serviceerror.FailedPrecondition], which says why, for
	// others.
	DeleteVersion(ctx context.Context, options WorkerDeploymentDeleteVersionOptions) (WorkerDeploymentDeleteVersionResponse, error)
	// UpdateVersionMetadata changes what users say about a version.
	UpdateVersionMetadata(ctx context.Context, options WorkerDeploymentUpdateVersionMetadataOptions) (WorkerDeploymentUpdateVersionMetadataResponse, error)
}

// WorkerDeploymentListOptions are the options of WorkerDeploymentClient.List.
type WorkerDeploymentListOptions struct {
	// PageSize is how many to fetch at a time. The default is the server's.
	PageSize int
}

// WorkerDeploymentRoutingConfig says which versions new workflows go to.
type WorkerDeploymentRoutingConfig struct {
	// CurrentVersion gets what the ramping one does not. It is nil for workers without a
	// version.
	CurrentVersion *policy.WorkerDeploymentVersion
	// RampingVersion gets a part. It is nil if there is none, or if the ramp is to workers
	// without a version.
	RampingVersion *policy.WorkerDeploymentVersion
	// RampingVersionPercentage is that part, from 0 to 100.
	RampingVersionPercentage float32
	// CurrentVersionChangedTime is when the current version was last set.
	CurrentVersionChangedTime time.Time
	// RampingVersionChangedTime is when the ramping version was last set.
	RampingVersionChangedTime time.Time
	// RampingVersionPercentageChangedTime is when the percentage was last set.
	RampingVersionPercentageChangedTime time.Time
}

// WorkerDeploymentListEntry is what a list says about a deployment.
type WorkerDeploymentListEntry struct {
	// Name that its workers give in their options.
	Name string
	// CreateTime is when its first worker polled.
	CreateTime time.Time
	// RoutingConfig says which versions new workflows go to.
	RoutingConfig WorkerDeploymentRoutingConfig
}

// WorkerDeploymentListIterator goes through deployments.
type WorkerDeploymentListIterator interface {
	// HasNext says whether there is another deployment, or an error, for Next to return. It
	// may ask the server.
	HasNext() bool
	// Next returns the next deployment. It panics if there is none.
	Next() (*WorkerDeploymentListEntry, error)
}

// WorkerDeploymentDeleteOptions are the options of WorkerDeploymentClient.Delete.
type WorkerDeploymentDeleteOptions struct {
	// Name of the deployment. It is required.
	Name string
	// Identity is who makes the change. The default is the client's.
	Identity string
}

// WorkerDeploymentDeleteResponse is the response of WorkerDeploymentClient.Delete.
type WorkerDeploymentDeleteResponse struct{}

// WorkerDeploymentClient is the client for worker deployments, which say which version of
// the workers new workflows run on. It is safe for concurrent use.
type WorkerDeploymentClient interface {
	// List returns an iterator over deployments. Errors come from the iterator.
	List(ctx context.Context, options WorkerDeploymentListOptions) (WorkerDeploymentListIterator, error)
	// GetHandle returns the handle of a deployment, without asking the server whether it
	// exists. Deployments come to be when workers poll.
	GetHandle(name string) WorkerDeploymentHandle
	// Delete deletes a deployment. It fails with [*serviceerror.FailedPrecondition] if there
	// are versions of it.
	Delete(ctx context.Context, options WorkerDeploymentDeleteOptions) (WorkerDeploymentDeleteResponse, error)
}
