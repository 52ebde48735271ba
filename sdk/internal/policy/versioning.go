package policy

import (
	enumspb "go.temporal.io/api/enums/v1"
)

// VersioningIntent says on which build of the workers a command of a workflow should
// run, under versioning by build id.
//
// Deprecated: versioning by build id is superseded by worker deployments.
type VersioningIntent int

const (
	// VersioningIntentUnspecified leaves it to the SDK: the workflow's own build on
	// the same task queue, the assignment rules on another.
	VersioningIntentUnspecified VersioningIntent = iota
	// VersioningIntentCompatible is the same as VersioningIntentInheritBuildID.
	VersioningIntentCompatible
	// VersioningIntentDefault is the same as VersioningIntentUseAssignmentRules.
	VersioningIntentDefault
	// VersioningIntentInheritBuildID runs the command on the workflow's build.
	VersioningIntentInheritBuildID
	// VersioningIntentUseAssignmentRules runs the command on the build that the task
	// queue's assignment rules choose.
	VersioningIntentUseAssignmentRules
)

// InheritBuildID tells whether a command of a workflow on the task queue own, to be
// run on the task queue target, inherits the workflow's build. An empty target is
// the workflow's own.
func InheritBuildID(intent VersioningIntent, own, target string) bool {
	switch intent {
	case VersioningIntentCompatible, VersioningIntentInheritBuildID:
		return true
	case VersioningIntentDefault, VersioningIntentUseAssignmentRules:
		return false
	default:
		return target == "" || target == own
	}
}

// ContinueAsNewVersioningBehavior says on which version of a worker deployment the
// next run of a workflow starts.
type ContinueAsNewVersioningBehavior int

// The behaviors are untyped constants, as programs have come to rely on.
const (
	// ContinueAsNewVersioningBehaviorUnspecified keeps to what the current run does:
	// a pinned workflow stays on its version, an auto-upgrading one moves.
	ContinueAsNewVersioningBehaviorUnspecified = iota
	// ContinueAsNewVersioningBehaviorAutoUpgrade starts the next run on the task
	// queue's target version, even if the current run is pinned.
	ContinueAsNewVersioningBehaviorAutoUpgrade
	// ContinueAsNewVersioningBehaviorUseRampingVersion starts the next run on the task
	// queue's ramping version, or on the current one if none is ramping.
	ContinueAsNewVersioningBehaviorUseRampingVersion
)

// ContinueAsNewVersioningBehaviorToProto returns the behavior as the API has it.
// Values that are none of the above are unspecified.
func ContinueAsNewVersioningBehaviorToProto(b ContinueAsNewVersioningBehavior) enumspb.ContinueAsNewVersioningBehavior {
	switch b {
	case ContinueAsNewVersioningBehaviorAutoUpgrade:
		return enumspb.CONTINUE_AS_NEW_VERSIONING_BEHAVIOR_AUTO_UPGRADE
	case ContinueAsNewVersioningBehaviorUseRampingVersion:
		return enumspb.CONTINUE_AS_NEW_VERSIONING_BEHAVIOR_USE_RAMPING_VERSION
	default:
		return enumspb.CONTINUE_AS_NEW_VERSIONING_BEHAVIOR_UNSPECIFIED
	}
}

// VersioningBehavior says what happens to runs of a workflow type when another version
// of its worker deployment becomes current. Its values are those of the API.
type VersioningBehavior int

const (
	// VersioningBehaviorUnspecified is for workers without deployment versioning.
	VersioningBehaviorUnspecified VersioningBehavior = iota
	// VersioningBehaviorPinned keeps a run on the version it began on.
	VersioningBehaviorPinned
	// VersioningBehaviorAutoUpgrade moves runs along to the current version.
	VersioningBehaviorAutoUpgrade
)

// VersioningBehaviorToProto returns the behavior as the API has it. Values that are
// none of the above are unspecified.
func VersioningBehaviorToProto(b VersioningBehavior) enumspb.VersioningBehavior {
	switch b {
	case VersioningBehaviorPinned:
		return enumspb.VERSIONING_BEHAVIOR_PINNED
	case VersioningBehaviorAutoUpgrade:
		return enumspb.VERSIONING_BEHAVIOR_AUTO_UPGRADE
	default:
		return enumspb.VERSIONING_BEHAVIOR_UNSPECIFIED
	}
}
