package worker

import (
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/worker"
)

// WorkflowPanicPolicy says what happens when workflow code panics or turns out not
// to be deterministic.
type WorkflowPanicPolicy = flow.PanicPolicy

const (
	// BlockWorkflow fails the workflow task and lets the workflow wait for a worker
	// with corrected code. The default.
	BlockWorkflow = flow.BlockWorkflow
	// FailWorkflow ends the workflow with the error, for good: correcting the code comes too
	// late for it.
	FailWorkflow = flow.FailWorkflow
)

type (
	// Options of a worker. The zero value works.
	Options = worker.Options

	// DeploymentOptions make a worker part of a worker deployment.
	DeploymentOptions = worker.DeploymentOptions

	// PreferredVersionProvider chooses the version that workflow.GetVersion records where a
	// run first comes by a change. It is not asked in replay.
	PreferredVersionProvider = flow.PreferredVersionProvider

	// PreferredVersionProviderInput is what a PreferredVersionProvider is asked about.
	PreferredVersionProviderInput = flow.PreferredVersionProviderInput

	// VersionPreference is what a PreferredVersionProvider prefers.
	VersionPreference = flow.VersionPreference

	// WorkerDeploymentVersion names a version of a worker deployment.
	WorkerDeploymentVersion = worker.WorkerDeploymentVersion
)
