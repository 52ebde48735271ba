package workflow

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/deployment"
)

// Search attributes that tell by which versions of the worker a workflow is run, so that
// people find the workflows that still need an old one. They follow from the events, and
// count as the workflow's own: who sets them by a command changes them until the next
// workflow task is completed.

const (
	// buildIDsAttribute has what kind of versioning there is, and then each build that has
	// completed a workflow task, the oldest first.
	buildIDsAttribute = "BuildIds"
	// binaryChecksumsAttribute has the builds of workers that tell only a checksum.
	binaryChecksumsAttribute = "BinaryChecksums"
	// behaviorAttribute says how the version is chosen, if it is.
	behaviorAttribute = "TemporalWorkflowVersioningBehavior"
	// deploymentAttribute and versionAttribute are the deployment and the version of the
	// workers, and usedVersionsAttribute all versions that have completed a workflow task.
	deploymentAttribute   = "TemporalWorkerDeployment"
	versionAttribute      = "TemporalWorkerDeploymentVersion"
	usedVersionsAttribute = "TemporalUsedWorkerDeploymentVersions"
)

// Entries of buildIDsAttribute: that no versioning holds, or the build that is chosen;
// and the prefixes of builds.
const (
	unversionedBuild = "unversioned"
	unversionedEntry = unversionedBuild + ":"
	versionedEntry   = "versioned:"
	assignedEntry    = "assigned:"
	pinnedEntry      = "pinned:"
)

// updateVersionAttributes brings them up to date. The stamp is that of the worker that
// has completed a workflow task, nil if it was none or nothing of the kind, and used is its
// version.
func (r *Run) updateVersionAttributes(stamp *commonpb.WorkerVersionStamp, used deployment.Version) {
	behavior := r.settledBehavior()
	fields := r.info.SearchAttributes.GetIndexedFields()
	if unversioned := behavior == enumspb.VERSIONING_BEHAVIOR_UNSPECIFIED && !stamp.GetUseVersioning(); unversioned &&
		listsBuild(fields[buildIDsAttribute].GetData(), stamp.GetBuildId()) && fields[behaviorAttribute] == nil &&
		r.info.Versioning == nil {
		return // the case of nearly all workflow tasks but the first
	}
	r.addBuild(fields[buildIDsAttribute], behavior, stamp)
	r.updateDeploymentAttributes(used)
	if behavior != enumspb.VERSIONING_BEHAVIOR_UNSPECIFIED {
		r.ownSearchAttributes()[behaviorAttribute] = keyword(behavior.String())
	} else if fields[behaviorAttribute] != nil {
		delete(r.ownSearchAttributes(), behaviorAttribute)
	}
}

// updateDeploymentAttributes brings those up to date that name versions.
func (r *Run) updateDeploymentAttributes(used deployment.Version) {
	version := overrideTarget(r.info.VersioningOverride)
	if version.IsZero() {
		version = deployment.FromProto(r.info.Versioning.GetVersion())
	}
	r.setKeyword(deploymentAttribute, cmp.Or(version.Deployment, r.info.Versioning.GetDeploymentName()))
	r.setKeyword(versionAttribute, version.String())
	if used.IsZero() {
		return
	}
	had := keywordsOf(r.info.SearchAttributes.GetIndexedFields()[usedVersionsAttribute])
	if !slices.Contains(had, used.String()) {
		r.setServerAttribute(usedVersionsAttribute, fitting(append(had, used.String()), r.limits().SearchAttributeSize))
	}
}

// setKeyword sets a search attribute to a keyword; an empty one removes it.
func (r *Run) setKeyword(name, word string) {
	had := r.info.SearchAttributes.GetIndexedFields()[name]
	switch value := keyword(word); {
	case value == nil && had != nil:
		delete(r.ownSearchAttributes(), name)
	case value != nil && !proto.Equal(value, had):
		r.ownSearchAttributes()[name] = value
	}
}

func (r *Run) addBuild(value *commonpb.Payload, behavior enumspb.VersioningBehavior, stamp *commonpb.WorkerVersionStamp) {
	if value == nil && behavior == enumspb.VERSIONING_BEHAVIOR_UNSPECIFIED && stamp.GetBuildId() == "" {
		r.ownSearchAttributes()[buildIDsAttribute] = onlyUnversioned
		return
	}
	had := keywordsOf(value)
	pin := ""
	if behavior == pinned {
		pin = pinnedEntry + r.settledVersion().String()
	}
	if builds := buildEntries(had, behavior, pin, stamp); !slices.Equal(had, builds) {
		r.setServerAttribute(buildIDsAttribute, fitting(builds, r.limits().SearchAttributeSize))
	}
}

// onlyUnversioned is the value of most workflows whose workers tell no build.
var onlyUnversioned = keywordList([]string{unversionedBuild})

// listsBuild reports whether the encoded entries are those of a workflow without
// versioning and have the build. It may report false though they do.
func listsBuild(entries []byte, buildID string) bool {
	rest, ok := bytes.CutPrefix(entries, []byte(`["`+unversionedBuild+`"`))
	for ok && buildID != "" {
		if _, rest, ok = bytes.Cut(rest, []byte(`,"`+unversionedEntry)); ok && len(rest) > len(buildID) &&
			string(rest[:len(buildID)]) == buildID && rest[len(buildID)] == '"' {
			return true
		}
	}
	return ok
}

// buildEntries are the entries that there have been, with the build of the stamp and with
// that what holds now before all others: pin, if the workflow is pinned.
func buildEntries(had []string, behavior enumspb.VersioningBehavior, pin string, stamp *commonpb.WorkerVersionStamp) (entries []string) {
	if behavior == enumspb.VERSIONING_BEHAVIOR_UNSPECIFIED && !stamp.GetUseVersioning() {
		entries = append(entries, unversionedBuild)
	}
	if pin != "" {
		entries = append(entries, pin)
	}
	for _, entry := range had {
		if entry != unversionedBuild && !strings.HasPrefix(entry, assignedEntry) && !strings.HasPrefix(entry, pinnedEntry) {
			entries = append(entries, entry)
		}
	}
	build := unversionedEntry + stamp.GetBuildId()
	if stamp.GetUseVersioning() {
		build = versionedEntry + stamp.GetBuildId()
	}
	if stamp.GetBuildId() != "" && !slices.Contains(entries, build) {
		entries = append(entries, build)
	}
	return entries
}

// fitting leaves out the oldest builds until the entries take at most size bytes.
func fitting(entries []string, size int) []string {
	for len(entries) > 0 && len(keywordList(entries).GetData()) > size {
		oldest := 0
		if entries[0] == unversionedBuild && len(entries) > 1 {
			oldest = 1
		}
		entries = slices.Delete(slices.Clone(entries), oldest, oldest+1)
	}
	return entries
}

// updateBinaryChecksums has the attribute list the checksums of the reset points.
func (r *Run) updateBinaryChecksums() {
	var checksums []string
	for _, p := range r.resetPoints.points.GetPoints() {
		//lint:ignore SA1019 older clients use it
		if checksum := p.GetBinaryChecksum(); checksum != "" {
			checksums = append(checksums, checksum)
		}
	}
	r.setServerAttribute(binaryChecksumsAttribute, checksums)
}

// keywordsOf are the keywords in the value of a search attribute; none if it has none or
// is something else.
func keywordsOf(value *commonpb.Payload) (keywords []string) {
	if json.Unmarshal(value.GetData(), &keywords) == nil {
		return keywords
	}
	var one string
	if json.Unmarshal(value.GetData(), &one) == nil {
		return []string{one}
	}
	return nil
}
