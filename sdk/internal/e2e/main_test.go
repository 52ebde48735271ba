package e2e

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/perdure/perdure/sdk/worker"
)

// cacheVariable names the environment variable with the size of the sticky cache: with 0
// every workflow task replays the history from its start.
const cacheVariable = "PERDURE_TEST_STICKY_CACHE"

func TestMain(m *testing.M) {
	if queue := os.Getenv(workerVariable); queue != "" {
		if err := serve(queue); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if os.Getenv(addressVariable) == "" {
		fmt.Printf("%s is not set: the scenarios are skipped\n", addressVariable)
	}
	os.Exit(m.Run())
}

// setCacheSize applies cacheVariable. It is called from tests, where the go command
// notices that the outcome depends on the variable.
var setCacheSize = sync.OnceValue(func() error {
	value := os.Getenv(cacheVariable)
	if value == "" {
		return nil
	}
	size, err := strconv.Atoi(value)
	if err != nil {
		return fmt.Errorf("%s is not a number: %w", cacheVariable, err)
	}
	worker.SetStickyWorkflowCacheSize(size)
	return nil
})
