// Package perduretest tests workflows on the real thing: the true server and the
// true worker, inside the test's process, in virtual time. A workflow that sleeps
// for thirty days is tested in milliseconds, and what the test sees (histories,
// retries, time-outs, errors) is what production does, as nothing is simulated but
// the clock.
//
//	func TestReminder(t *testing.T) {
//		perduretest.Run(t, func(env *perduretest.Env) {
//			env.Work(func(r worker.Registry) {
//				r.RegisterWorkflow(Remind)
//				r.RegisterActivity(SendMail)
//			})
//			run := env.Start(Remind, "ann")
//			if got := perduretest.Result[string](env, run); got != "reminded" {
//				t.Errorf("got %q", got)
//			}
//		})
//	}
//
// Time is that of [testing/synctest]: it stands still while anything in the test
// can run, and jumps to the next timer when all is waiting. [time.Now] and
// [time.Sleep] in the test, in activities and in the server all follow it.
// Activities may do what they like, but while one waits for the network or for
// something else outside the test, time does not pass.
//
// # Fakes
//
// [Env.Fake] and [FakeActivity] replace activities by name, for all workers that
// are started afterwards.
//
// # Crashes
//
// [Worker.Crash] and [Env.CrashServer] do what kill -9 does: what was not
// acknowledged is gone, what was acknowledged is there. [Env.Before] and [Env.After]
// choose the moment to the call: before the server has seen a completion, or after
// it has and before the worker knows.
//
//	env.After("RespondActivityTaskCompleted", 1, func(perduretest.Call) { env.CrashServer(time.Minute) })
//
// # Failures
//
// When a test has failed, the histories of all workflows it has started, and those
// of their children, are written to its log, a line for each event.
package perduretest
