package testsuite

import (
	"github.com/google/uuid"
	"github.com/stretchr/testify/mock"

	"github.com/perdure/perdure/sdk/internal/testenv"
)

// TestUpdateCallback is told what becomes of an update: it implements the callbacks of
// UpdateWorkflow with functions, of which any may be nil. They are called in between the
// tasks of the workflow.
type TestUpdateCallback struct {
	// OnAccept is called when the update was validated and its handler has begun.
	OnAccept func()
	// OnReject is called instead when the validator, or the lack of a handler, rejects
	// the update.
	OnReject func(error)
	// OnComplete is called with what the handler returned.
	OnComplete func(any, error)
}

// Accept calls OnAccept.
func (uc *TestUpdateCallback) Accept() {
	if uc.OnAccept != nil {
		uc.OnAccept()
	}
}

// Reject calls OnReject.
func (uc *TestUpdateCallback) Reject(err error) {
	if uc.OnReject != nil {
		uc.OnReject(err)
	}
}

// Complete calls OnComplete.
func (uc *TestUpdateCallback) Complete(success any, err error) {
	if uc.OnComplete != nil {
		uc.OnComplete(success, err)
	}
}

// UpdateWorkflow sends an update to the workflow; uc is told what becomes of it. An empty
// updateID is filled in. A second update with the id of an earlier one is the same: uc gets
// what that got. When the workflow ends before the update, that fails.
func (e *TestWorkflowEnvironment) UpdateWorkflow(updateName, updateID string, uc testenv.UpdateCallbacks, args ...any) {
	payloads := e.encode(e.start.WorkflowID, args...)
	if updateID == "" {
		updateID = uuid.NewString()
	}
	e.engine.Post(func() {
		if root := e.engine.Root(); root != nil {
			root.Update(updateID, updateName, payloads, uc)
		}
	})
}

// UpdateWorkflowByID is UpdateWorkflow for any workflow of the test. It fails with a
// NotFound error if there is no open one of the id.
func (e *TestWorkflowEnvironment) UpdateWorkflowByID(workflowID, updateName, updateID string, uc testenv.UpdateCallbacks, args ...any) error {
	x, err := e.findOpen(workflowID)
	if err != nil {
		return err
	}
	payloads := e.encode(workflowID, args...)
	if updateID == "" {
		updateID = uuid.NewString()
	}
	e.engine.Post(func() { x.Update(updateID, updateName, payloads, uc) })
	return nil
}

// UpdateWorkflowNoRejection is UpdateWorkflow that fails the test if the update is
// rejected.
func (e *TestWorkflowEnvironment) UpdateWorkflowNoRejection(updateName string, updateID string, t mock.TestingT, args ...any) {
	e.UpdateWorkflow(updateName, updateID, &TestUpdateCallback{OnReject: func(err error) {
		t.Errorf("update %s was rejected: %v", updateName, err)
		t.FailNow()
	}}, args...)
}
