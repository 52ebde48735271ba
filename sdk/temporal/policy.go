package temporal

import (
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/version"
)

// SDKVersion is the version of the Temporal Go SDK that this SDK is compatible with,
// and the version by which it introduces itself to servers.
const SDKVersion = version.SDKVersion

type (
	// RetryPolicy says how a failed activity or workflow is tried again.
	RetryPolicy = policy.Retry

	// Priority orders the tasks of a workflow or an activity relative to others that
	// wait in the same task queue.
	Priority = policy.Priority

	// VersioningIntent says on which build of the workers a command of a workflow
	// should run, under versioning by build id.
	//
	// Deprecated: versioning by build id is superseded by worker deployments.
	//
	//lint:ignore SA1019 programs that use it keep working
	VersioningIntent = policy.VersioningIntent
)

// Versioning intents.
//
// Deprecated: versioning by build id is superseded by worker deployments.
const (
	// VersioningIntentUnspecified leaves it to the SDK: the workflow's own build on the
	// same task queue, the assignment rules on another.
	VersioningIntentUnspecified = policy.VersioningIntentUnspecified
	// VersioningIntentCompatible is the same as [VersioningIntentInheritBuildID].
	VersioningIntentCompatible = policy.VersioningIntentCompatible
	// VersioningIntentDefault is the same as [VersioningIntentUseAssignmentRules].
	VersioningIntentDefault = policy.VersioningIntentDefault
	// VersioningIntentInheritBuildID runs the command on the workflow's build.
	VersioningIntentInheritBuildID = policy.VersioningIntentInheritBuildID
	// VersioningIntentUseAssignmentRules runs the command on the build that the task
	// queue's assignment rules choose.
	VersioningIntentUseAssignmentRules = policy.VersioningIntentUseAssignmentRules
)
