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
	// FailWorkflow fails the workflow.
	FailWorkflow = flow.FailWorkflow
)

type (
	// Options of a worker. The zero value works.
	Options = worker.Options

	// DeploymentOptions make a worker part of a worker deployment.
	DeploymentOptions = worker.DeploymentOptions

	// WorkerDeploymentVersion names a version of a worker deployment.
	WorkerDeploymentVersion = worker.WorkerDeploymentVersion
)
