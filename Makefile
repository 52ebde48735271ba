# Perdure. `make test` and `make check` are what CI runs; see CONTRIBUTING.md.

# Companions of the SDK that are modules of their own, in the workspace.
CONTRIB := $(addprefix sdk/contrib/,opentelemetry opentracing tally tools/workflowcheck)

# Companions outside the workspace: what they depend on would raise the versions of others.
APART := sdk/contrib/datadog

# All packages of the workspace.
PACKAGES := ./... ./sdk/... $(CONTRIB:%=./%/...)

# Modules outside the workspace: they depend on the peer.
OUTSIDE := GOWORK=off go -C

.PHONY: quick
quick: ## Unit tests alone, without the race detector and without starting processes
	go test -short $(PACKAGES)

.PHONY: test
test: test-unit test-e2e test-outside ## Run all tests

.PHONY: test-unit
test-unit: race-detector # the tests of the server's and the SDK's packages
	go test -race -timeout 15m $(PACKAGES)

.PHONY: test-e2e
test-e2e: build race-detector # the SDK on a real server, with and without its sticky cache
	test/with-perdure bin/perdure go test -race -count=1 ./sdk/internal/e2e
	PERDURE_TEST_STICKY_CACHE=0 test/with-perdure bin/perdure go test -race -count=1 ./sdk/internal/e2e

.PHONY: test-outside
test-outside: # interop, errors, hostile connections, crash proof
	$(OUTSIDE) test test -count=1 -timeout 20m ./...
	for module in $(APART); do $(OUTSIDE) $$module test ./... || exit 1; done

.PHONY: race-detector
race-detector:
	@if [ "$$(go env CGO_ENABLED)" != 1 ] || ! command -v "$$(go env CC)" >/dev/null; then \
	  echo "The race detector needs a C compiler, and there is no $$(go env CC) or CGO_ENABLED is not 1." >&2; \
	  echo "Install one (Debian: apt-get install gcc libc6-dev). 'make quick' runs without." >&2; exit 1; fi

.PHONY: check
check: check-format check-vet check-lint check-generated check-tidy ## Everything that needs no running: gofmt, leftovers of merges, go vet, staticcheck, generated code, go.mod

.PHONY: check-format
check-format:
	@unformatted="$$(git ls-files '*.go' | xargs gofmt -l)"; \
	if [ -n "$$unformatted" ]; then echo "not gofmt'd:"; echo "$$unformatted"; exit 1; fi
	@if git grep -nIE '^(<{7}|>{7}|[|]{7})( |$$)'; then echo "left over from a merge"; exit 1; fi

.PHONY: check-vet
check-vet:
	go vet $(PACKAGES)
	$(OUTSIDE) test vet ./...
	$(OUTSIDE) bench vet ./...
	for module in $(APART); do $(OUTSIDE) $$module vet ./... || exit 1; done

.PHONY: check-lint
check-lint:
	go tool staticcheck $(PACKAGES)
	staticcheck=$$(go tool -n staticcheck) && for module in test bench $(APART); do \
	  (cd $$module && GOWORK=off $$staticcheck ./...) || exit 1; done

.PHONY: check-generated
check-generated: # generating code anew changes nothing
	test/check-generated

MODULES := . sdk $(CONTRIB) $(APART) test test/peer bench

.PHONY: check-tidy
check-tidy: # every go.mod is as go mod tidy leaves it
	@for module in $(MODULES); do echo "go -C $$module mod tidy -diff"; go -C $$module mod tidy -diff || exit 1; done

.PHONY: build
build: ## Build bin/perdure
	go build -o bin/perdure ./cmd/perdure

bin/peer: $(wildcard test/peer/*.go) test/peer/go.mod
	$(OUTSIDE) test/peer build -o ../../bin/peer .

SECONDS ?= 10

bin/floor: $(wildcard bench/floor/*.go) bench/go.mod
	$(OUTSIDE) bench build -o ../bin/floor ./floor

.PHONY: bench
ifeq ($(STORE),postgres)
bench: build bin/peer # both on a PostgreSQL that is started for it
	test/with-postgres sh -c '$(OUTSIDE) bench run . -perdure ../bin/perdure -peer ../bin/peer -seconds $(SECONDS) -run "$(RUN)" -postgres "$$POSTGRES_URL" -postgres-pid "$$POSTGRES_PID"'
else
bench: build bin/peer bin/floor ## Compare with a Temporal server on this machine (SECONDS=10 RUN=regexp OUTPUT=text|markdown|json, STORE=postgres)
	$(OUTSIDE) bench run . -perdure ../bin/perdure -peer ../bin/peer -floor ../bin/floor -seconds $(SECONDS) -run '$(RUN)' $(if $(OUTPUT),-output $(OUTPUT))
endif

.PHONY: bench-nodes
bench-nodes: build ## What three nodes cost at rest, and what forwarding costs
	$(OUTSIDE) bench build -o ../bin/nodes ./nodes
	POSTGRES_OPTIONS="-c shared_preload_libraries=pg_stat_statements" test/with-postgres \
	  sh -c 'bin/nodes -perdure bin/perdure -postgres "$$POSTGRES_URL" -postgres-pid "$$POSTGRES_PID" -length $(SECONDS)s'

SCENARIO ?= 1
SERVERS ?= bin/floor bin/perdure

.PHONY: bench-turns
bench-turns: build bin/floor ## Compare SERVERS="bin/floor bin/perdure" by turns on a busy machine (SCENARIO=index); bin/perdure:secured has metrics and authentication
	$(OUTSIDE) bench run ./turns -scenario $(SCENARIO) $(SERVERS:%=../%)

.PHONY: bench-sdk
bench-sdk: build ## Compare Perdure's SDK with the Temporal Go SDK: CPU of workers and clients, replay, memory of cached workflows
	$(OUTSIDE) bench run . -perdure ../bin/perdure -seconds $(SECONDS) -sdks $(if $(OUTPUT),-output $(OUTPUT))
	$(OUTSIDE) bench test . -run '^$$' -bench Replay
	$(OUTSIDE) bench test . -run '^$$' -bench CachedWorkflow -benchtime 2000x -perdure ../bin/perdure

SLEEPING ?= 100000

.PHONY: bench-sleeping
bench-sleeping: build ## Memory and disk that SLEEPING=100000 sleeping workflows take, and how fast a server starts on them (SLEEPING_DIR=directory: more are added to those that are there)
	$(OUTSIDE) bench run . -perdure ../bin/perdure -sleeping $(SLEEPING) $(if $(SLEEPING_DIR),-sleeping-dir $(SLEEPING_DIR)) -seconds $(SECONDS)

.PHONY: bench-memory
bench-memory: build ## What is in a server's memory after a short while of each scenario
	$(OUTSIDE) bench run ./memory ../bin/perdure

.PHONY: cliffs
cliffs: ## Print whether the cost of a step grows with the size of what it is a step of (RUN=regexp)
	$(OUTSIDE) bench run ./cliffs $(if $(RUN),-run '$(RUN)')

.PHONY: golden
golden: bin/peer ## Record the interop tests' golden files from a Temporal server
	test/with-peer bin/peer sh -c '$(OUTSIDE) test test . -count=1 -run TestRecordGolden -record -peer "$$PEER"'

PICTURES ?= /tmp/perdure-ui

.PHONY: ui
ui: ## Drive all of the web UI with a browser, and write a picture of each page to PICTURES=/tmp/perdure-ui
	mkdir -p $(PICTURES)
	$(OUTSIDE) test test ./ui -count=1 -v -timeout 20m -all -screenshots $(abspath $(PICTURES))

.PHONY: interop
interop: bin/peer ## Run Perdure's SDK against a live Temporal server
	test/with-peer bin/peer sh -c '$(OUTSIDE) test test . -count=1 -run TestPerdureSDKOnATemporalServer -peer "$$PEER"'

.PHONY: differ-golden
differ-golden: bin/peer ## Record what a Temporal server answers in the conversations of test/differ (GROUP=name: only those)
	DIFFER_GROUP=$(GROUP) test/with-peer bin/peer sh -c '$(OUTSIDE) test test ./differ -count=1 -timeout 30m -run TestRecord -record -peer "$$PEER" -peer-http "$$PEER_HTTP" -peer-binary $(CURDIR)/bin/peer'

.PHONY: differ-known
differ-known: ## Write the list of known differences from a Temporal server anew
	$(OUTSIDE) test test ./differ -count=1 -run 'TestAConversation|TestEachKnown' -update-known

SEEDS ?= 100
FIRST_SEED ?= 1000
PARALLEL ?= 16

.PHONY: differ
differ: bin/peer ## Compare SEEDS=100 made-up lives of workflows, from FIRST_SEED=1000 on, PARALLEL=16 at once, with a Temporal server
	$(OUTSIDE) test test ./differ -count=1 -timeout 120m -run TestALife -v -parallel $(PARALLEL) -peer-binary $(CURDIR)/bin/peer -seeds $(SEEDS) -first-seed $(FIRST_SEED)

CHECKS ?= 1000

.PHONY: properties
properties: ## Run the tests that draw their input at random with CHECKS=1000 draws of a new seed
	go test -count=1 -timeout 60m ./internal/workflow ./internal/activity ./internal/schedule/spec -rapid.seed=0 -rapid.checks=$(CHECKS) -run 'TestAnythingMayHappen|TestWhateverHappens|TestTheNextMatch'

.PHONY: fuzz-api
fuzz-api: ## Send a server mutated requests for SECONDS=60
	$(OUTSIDE) test test ./differ -count=1 -timeout 120m -run TestNoRequest -v -fuzz-seconds $(SECONDS)

.PHONY: api-differences
api-differences: ## Write anew what differs from the Temporal Go SDK's API, and count it
	$(OUTSIDE) test run ./apicompare -update

KILLS ?= 200
WORKFLOWS ?= 100000
RESHARD_KILLS ?= 20

.PHONY: crash
crash: ## Kill the server KILLS=200 times under load and check that nothing is lost
	$(OUTSIDE) test test ./crash -count=1 -v -timeout 60m -kills $(KILLS)

STOPS ?= 50
CUTS ?= 50
RESTARTS ?= 20

.PHONY: cluster-crash
cluster-crash: ## Three nodes on PostgreSQL: KILLS=200 of them killed, STOPS=50 stopped, CUTS=50 cut off each way, RESTARTS=20 of the database; nothing is lost
	$(OUTSIDE) test test ./cluster -count=1 -v -timeout 180m -kills $(KILLS) -stops $(STOPS) -cuts $(CUTS) -pair-cuts $(CUTS) -db-cuts $(CUTS) -restarts $(RESTARTS) -pause 15s

BACKUP_KILLS ?= 20
STORE_BYTES ?= 5000000000

.PHONY: test-nodes
test-nodes: build ## The interop suite, the conversations, and the tests of internal/server (but for those of lists and metrics) on three nodes
	PERDURE_TEST_NODES=3 $(OUTSIDE) test test -count=1 -timeout 20m .
	PERDURE_TEST_NODES=3 $(OUTSIDE) test test -count=1 -timeout 20m ./differ -run 'TestAConversation'
	PERDURE_TEST_NODES=3 go test -count=1 -timeout 20m ./internal/server

.PHONY: backup-crash
backup-crash: ## Kill the server BACKUP_KILLS=20 times while it makes backups under load; restore and check each
	$(OUTSIDE) test test ./crash -count=1 -v -timeout 60m -run TestBackups -backup-kills $(BACKUP_KILLS) -backup-checks $(BACKUP_KILLS)

.PHONY: backup-load
backup-load: ## Measure a backup of a store of STORE_BYTES=5000000000 beside load, its restoration and verification (needs four times as much disk)
	$(OUTSIDE) test test ./crash -count=1 -v -timeout 60m -run TestABackupBesideLoad -store-bytes $(STORE_BYTES)

flow-million: WORKFLOWS = 1000000
DIR ?= bin/flow-million

.PHONY: flow-crash
flow-crash: ## Kill the server KILLS=200 times while flow control holds workflows back, and check that no key is ever over its limit
	$(OUTSIDE) test test ./crash -count=1 -v -timeout 60m -run OverItsLimit -flow-kills $(KILLS)

.PHONY: flow-million
flow-million: build ## WORKFLOWS=1000000 wait at 10,000 gates in DIR=bin/flow-million, are let in under KILLS=200 kills, and all histories are checked
	$(OUTSIDE) bench run ./flow -perdure $(CURDIR)/bin/perdure -dir $(CURDIR)/$(DIR) -workflows $(WORKFLOWS) fill
	$(OUTSIDE) bench run ./flow -perdure $(CURDIR)/bin/perdure -dir $(CURDIR)/$(DIR) -workflows $(WORKFLOWS) -kills $(KILLS) drain
	$(OUTSIDE) bench run ./flow -perdure $(CURDIR)/bin/perdure -dir $(CURDIR)/$(DIR) -workflows $(WORKFLOWS) check

.PHONY: bench-flow
bench-flow: build ## What flow control costs starts, whether one key slows down others, and in which shares keys are served
	for part in rates fair hot; do $(OUTSIDE) bench run ./flow -perdure $(CURDIR)/bin/perdure $$part || exit 1; done

.PHONY: reshard-crash
reshard-crash: ## Reshard a store of WORKFLOWS=100000 workflows under kill -9, RESHARD_KILLS=20 times, and compare
	$(OUTSIDE) test test ./reshard -count=1 -v -timeout 60m -workflows $(WORKFLOWS) -kills $(RESHARD_KILLS)

.PHONY: generate
generate: ## Regenerate code (needs protoc)
	go generate ./internal/records ./internal/peer ./api/... ./sdk/mocks
	cd test && GOWORK=off go generate ./scenario
	cd bench && GOWORK=off go generate ./drive

.PHONY: reshard-nodes
reshard-nodes: ## Three nodes under load make 64 shards of 16 while they are killed 5 times; nothing is lost
	$(OUTSIDE) test test ./cluster -count=1 -v -timeout 30m -run ShardsAreSplit -shards 16 -reshard 64 -split-kills 5 -reshard-time 20m

.PHONY: cluster-simulation
cluster-simulation: ## 100 nodes and 10,000 shards in virtual time
	PERDURE_LARGE_CLUSTER=1 go test -count 1 -v -run AllShardsAreServedByOne ./internal/cluster

.PHONY: help
help: ## Show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | sort | expand -t 12
