package e2e

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/perdure/perdure/sdk/worker"
)

// cacheVariable names the environment variable with the size of the sticky cache: with 0
// every scenario runs with full replays.
const cacheVariable = "PERDURE_TEST_STICKY_CACHE"

func TestMain(m *testing.M) {
	if os.Getenv(addressVariable) == "" {
		fmt.Printf("%s is not set: the scenarios are skipped\n", addressVariable)
	}
	if value := os.Getenv(cacheVariable); value != "" {
		size, err := strconv.Atoi(value)
		if err != nil {
			fmt.Printf("%s is not a number: %v\n", cacheVariable, err)
			os.Exit(1)
		}
		worker.SetStickyWorkflowCacheSize(size)
	}
	os.Exit(m.Run())
}
