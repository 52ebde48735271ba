package configured

import "github.com/perdure/perdure/sdk/workflow"

func Skipped(workflow.Context) {
	go func() {}()
}
