package worker

import (
	"testing"

	"github.com/perdure/perdure/sdk/internal/client"
)

type both struct {
	client.ClientInterceptorBase
	WorkerInterceptorBase
}

type clientOnly struct{ client.ClientInterceptorBase }

func TestInterceptorsOfTheClientThatAreForWorkersAreOutsideOfTheWorkersOwn(t *testing.T) {
	shared, own := &both{}, &WorkerInterceptorBase{}
	backend := &client.Backend{Interceptors: []client.ClientInterceptor{&clientOnly{}, shared}}
	all := interceptorsOf(backend, []WorkerInterceptor{own})
	if len(all) != 2 || all[0] != WorkerInterceptor(shared) || all[1] != WorkerInterceptor(own) {
		t.Fatalf("the interceptors are %v", all)
	}
}
