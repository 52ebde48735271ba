package worker

import (
	"github.com/perdure/perdure/sdk/internal/worker"
)

// registrar is the registration half of workers and replayers.
type registrar = worker.Registrar

func must(err error) {
	if err != nil {
		panic(err)
	}
}
