package perduretest

import (
	"context"
	"sync"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/typed"
	"github.com/perdure/perdure/sdk/worker"
)

// Worker is a worker of the test.
type Worker struct {
	worker worker.Worker
	client client.Client
	// crashed ends when the worker is killed.
	crashed context.Context
	kill    context.CancelFunc
	stop    func()
	stopped chan struct{}
}

// Work starts a worker on the environment's task queue. It is stopped at the end of
// the test.
func (e *Env) Work(register func(worker.Registry)) *Worker {
	e.T.Helper()
	return e.WorkOn(TaskQueue, worker.Options{}, register)
}

// WorkOn starts a worker on a task queue.
func (e *Env) WorkOn(taskQueue string, options worker.Options, register func(worker.Registry)) *Worker {
	e.T.Helper()
	w := &Worker{stopped: make(chan struct{})}
	w.crashed, w.kill = context.WithCancel(context.Background())
	w.client = e.dial(w)
	w.worker = worker.New(w.client, taskQueue, options)
	w.stop = sync.OnceFunc(func() {
		defer close(w.stopped)
		w.worker.Stop()
		w.client.Close()
		w.kill()
	})
	register(w.worker)
	e.mu.Lock()
	fakes := e.fakes
	e.mu.Unlock()
	for _, f := range fakes {
		f(w.worker)
	}
	if err := w.worker.Start(); err != nil {
		e.T.Fatalf("starting a worker: %v", err)
	}
	e.mu.Lock()
	e.workers = append(e.workers, w)
	e.mu.Unlock()
	return w
}

// Stop stops the worker in order: it finishes what it is doing.
func (w *Worker) Stop() {
	w.stop()
	<-w.stopped
}

// Crash kills the worker: nothing that it does from now on reaches the server, and
// the workflows it has in its cache are gone. The contexts of activities it is
// running end. Start another worker for somebody to carry on.
func (w *Worker) Crash() {
	w.kill()
	go w.stop() // it may be a task of the worker itself that crashes it
}

// fake registers the fake of an activity.
type fake func(worker.ActivityRegistry)

var overriding = activity.RegisterOptions{DisableAlreadyRegisteredCheck: true}

// Fake replaces the activity of that name in all workers that are started from now
// on. The fake has the form of an activity; it may be another one for each test.
func (e *Env) Fake(name string, activityFunc any) {
	options := overriding
	options.Name = name
	e.fake(func(r worker.ActivityRegistry) { r.RegisterActivityWithOptions(activityFunc, options) })
}

// FakeActivity replaces an activity that has a definition.
func FakeActivity[In, Out any](e *Env, a typed.Activity[In, Out], f func(context.Context, In) (Out, error)) {
	e.fake(func(r worker.ActivityRegistry) { a.RegisterWithOptions(r, f, overriding) })
}

func (e *Env) fake(f fake) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fakes = append(e.fakes, f)
}
