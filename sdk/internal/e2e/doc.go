// Package e2e runs the SDK against a real server. Its tests are scenarios: a client
// starts workflows, workers of this process run them, and what comes out is looked at
// through the client and in the history.
//
// The tests need a server, whose address they take from the environment variable
// PERDURE_TEST_ADDRESS; without it they are skipped. `make test` runs them against a
// Perdure server. Any server that speaks the workflow service will do:
//
//	temporal server start-dev --headless --port 27233 &
//	PERDURE_TEST_ADDRESS=127.0.0.1:27233 go test ./internal/e2e
//	PERDURE_TEST_ADDRESS=127.0.0.1:27233 PERDURE_TEST_STICKY_CACHE=0 go test ./internal/e2e
package e2e
