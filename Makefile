# Perdure. `make test` and `make check` are what CI runs; see CONTRIBUTING.md.

# The race detector needs a C compiler; without one the tests run without it.
RACE := $(shell command -v $$(go env CC) >/dev/null 2>&1 && echo -race)

# Modules outside the workspace: they depend on the peer.
OUTSIDE := GOWORK=off go -C

.PHONY: test
test: build ## Run all tests
	go test $(RACE) -timeout 10m ./... ./sdk/...
	test/with-perdure bin/perdure go test $(RACE) -count=1 ./sdk/internal/e2e
	PERDURE_TEST_STICKY_CACHE=0 test/with-perdure bin/perdure go test $(RACE) -count=1 ./sdk/internal/e2e
	$(OUTSIDE) test test -count=1 -timeout 20m ./...

.PHONY: check
check: ## gofmt, go vet and staticcheck on every module
	@unformatted="$$(git ls-files '*.go' | xargs gofmt -l)"; \
	if [ -n "$$unformatted" ]; then echo "not gofmt'd:"; echo "$$unformatted"; exit 1; fi
	go vet ./... ./sdk/...
	$(OUTSIDE) test vet ./...
	$(OUTSIDE) bench vet ./...
	go tool staticcheck ./... ./sdk/...
	cd test && GOWORK=off go generate ./scenario && git diff --exit-code -- owned

.PHONY: build
build: ## Build bin/perdure
	go build -o bin/perdure ./cmd/perdure

bin/peer: test/peer/main.go test/peer/go.mod
	$(OUTSIDE) test/peer build -o ../../bin/peer .

SECONDS ?= 10

.PHONY: bench
bench: build bin/peer ## Compare with a Temporal server on this machine (SECONDS=10 RUN=regexp OUTPUT=text|markdown|json)
	$(OUTSIDE) bench run . -perdure ../bin/perdure -peer ../bin/peer -seconds $(SECONDS) -run '$(RUN)' $(if $(OUTPUT),-output $(OUTPUT))

.PHONY: golden
golden: bin/peer ## Record the interop tests' golden files from a Temporal server
	test/with-peer bin/peer sh -c '$(OUTSIDE) test test . -count=1 -run TestRecordGolden -record -peer "$$PEER"'

.PHONY: interop
interop: bin/peer ## Run Perdure's SDK against a live Temporal server
	test/with-peer bin/peer sh -c '$(OUTSIDE) test test . -count=1 -run TestPerdureSDKOnATemporalServer -peer "$$PEER"'

KILLS ?= 200

.PHONY: crash
crash: ## Kill the server KILLS=200 times under load and check that nothing is lost
	$(OUTSIDE) test test ./crash -count=1 -v -timeout 60m -kills $(KILLS)

.PHONY: generate
generate: ## Regenerate code (needs protoc)
	go generate ./internal/records
	cd test && GOWORK=off go generate ./scenario

.PHONY: help
help: ## Show this help
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | sort | expand -t 12
