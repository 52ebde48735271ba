package deployment

import (
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
)

func errNotFound(name string) error {
	return serviceerror.NewNotFoundf("no Worker Deployment found with name '%s'; does your Worker Deployment have pollers?", name)
}

func errVersionNotFound(v Version) error {
	return serviceerror.NewNotFoundf("build ID '%s' not found in Worker Deployment '%s'", v.BuildID, v.Deployment)
}

func errManyDeployments(limit int) error {
	return exhausted(fmt.Sprintf("reached maximum deployments in namespace (%d)", limit))
}

func errManyVersions(v Version, limit int) error {
	return exhausted(fmt.Sprintf("cannot add version %s since maximum number of versions (%d) have been registered in the deployment", v.Old(), limit))
}

func exhausted(message string) error {
	return &serviceerror.ResourceExhausted{
		Message: message,
		Scope:   enumspb.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
		Cause:   enumspb.RESOURCE_EXHAUSTED_CAUSE_WORKER_DEPLOYMENT_LIMITS,
	}
}
