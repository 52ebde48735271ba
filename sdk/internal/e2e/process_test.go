package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/worker"
)

// workerVariable makes the test binary a worker process for the task queue it names.
const workerVariable = "PERDURE_TEST_WORKER_QUEUE"

// serve is the worker process. It ends by being killed.
func serve(queue string) error {
	c, err := client.Dial(client.Options{HostPort: os.Getenv(addressVariable), Logger: logger.Discard{}})
	if err != nil {
		return err
	}
	defer c.Close()
	w := worker.New(c, queue, worker.Options{StickyScheduleToStartTimeout: time.Second})
	w.RegisterWorkflow(Collect)
	return w.Run(worker.InterruptCh())
}

// process starts a worker process and returns how to kill it without warning.
func (s *scenario) process() (kill func()) {
	s.t.Helper()
	if testing.Short() {
		s.t.Skip("starts a process")
	}
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	command := exec.Command(self)
	command.Env = append(os.Environ(), workerVariable+"="+s.queue)
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		s.t.Fatal(err)
	}
	killed := false
	kill = func() {
		if !killed {
			killed = true
			_ = command.Process.Kill()
			_ = command.Wait()
		}
	}
	s.t.Cleanup(kill)
	return kill
}

func TestAWorkerProcessThatIsKilledInMidWorkflowLosesNothing(t *testing.T) {
	s := newScenario(t)
	run := s.start(Collect)
	var want []string
	for i := range 3 {
		kill := s.process()
		word := fmt.Sprintf("word-%d", i)
		s.signal(run, "word", word)
		want = append(want, word)
		s.eventually("the signal to be handled", func() bool {
			answer, err := s.QueryWorkflow(s.ctx, run.GetID(), "", "words")
			if err != nil {
				return false // no worker yet, or the killed one's queue is asked
			}
			var words []string
			return answer.Get(&words) == nil && slices.Equal(words, want)
		})
		kill()
	}
	s.process()
	s.signal(run, "word", "done")
	if got := result[[]string](s, run); !slices.Equal(got, want) {
		t.Fatalf("got %q", got)
	}
}
