# larder's commands. `make help` lists them. Building and running needs Go only;
# what tests and checks need besides is listed in .ci/tools.

SHELL := /bin/sh

# The version is stamped by name, so that building does not depend on whether
# git trusts the owner of this directory.
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/larder-store/larder/internal/cli.Version=$(VERSION)
export GOFLAGS := -buildvcs=false $(GOFLAGS)

# More arguments for `larder serve`, such as ARGS=--demo, and for the benchmarks.
ARGS ?=
FUZZTIME ?= 10m
TEST_TIMEOUT ?= 45m

# The oracles and the benchmarks are modules of their own.
OTHER_MODULES := $(patsubst %/go.mod,%,$(wildcard interop/go.mod interop/juju/go.mod bench/go.mod))

# Tests and checks find their tools here.
WITH_TOOLS := PATH="$$(.ci/tools path)"

.DEFAULT_GOAL := help
.PHONY: help run build test check quick-check format-check vet staticcheck house vulnerabilities bench fuzz tools clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

run: build ## build, then serve ./larder-data on loopback (ARGS=--demo fills it with samples)
	bin/larder serve --data ./larder-data --listen 127.0.0.1:8444 $(ARGS)

build: ## build the static binary bin/larder
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/larder ./cmd/larder

test: ## install the tools the tests need, then run every test
	@.ci/tools debian || echo "going on without them: tests that need them will fail"
	@.ci/tools go versitygw crane
	@.ci/tools python
	go vet ./...
	$(WITH_TOOLS) CGO_ENABLED=1 go test -race -timeout $(TEST_TIMEOUT) ./...
	@for module in $(OTHER_MODULES); do \
		echo "cd $$module && go test ./..."; \
		(cd $$module && PATH="$$($(CURDIR)/.ci/tools path)" go test -timeout $(TEST_TIMEOUT) ./...) || exit 1; \
	done

check: quick-check vulnerabilities ## every check: format, vet, staticcheck, house rules, known vulnerabilities

quick-check: format-check vet staticcheck house ## the checks that need no network once the tools are there

format-check: ## fail on files that gofmt would change
	@files=$$(gofmt -l $$(git ls-files -co --exclude-standard -- '*.go' | while read -r f; do [ -f "$$f" ] && echo "$$f"; done)); \
	if [ -n "$$files" ]; then echo "not formatted, run gofmt -w on:"; echo "$$files"; exit 1; fi

vet: ## go vet in every module
	go vet ./...
	@for module in $(OTHER_MODULES); do (cd $$module && go vet ./...) || exit 1; done

staticcheck: ## staticcheck in every module
	@.ci/tools go staticcheck
	$(WITH_TOOLS) staticcheck ./...
	@for module in $(OTHER_MODULES); do (cd $$module && $(CURDIR)/.tools/bin/staticcheck ./...) || exit 1; done

house: ## who may import whom, licences of what is linked, forbidden text
	go test -count=1 ./internal/house

vulnerabilities: ## govulncheck; says so and goes on where the database is out of reach
	@status=0; .ci/tools go govulncheck && .tools/bin/govulncheck ./... || status=$$?; \
	case $$status in \
	0) ;; \
	3) exit 1 ;; \
	*) echo "known vulnerabilities were NOT checked: govulncheck could not run (is the network there?)" ;; \
	esac

bench: ## print the table of ratios to peers and limits (ARGS='-run refresh -rounds 3' for less)
	@.ci/tools debian
	cd bench && PATH="$$($(CURDIR)/.ci/tools path)" go run . $(ARGS)

fuzz: ## run every fuzz target for FUZZTIME (default 10m) each
	@for module in . $(OTHER_MODULES); do (cd $$module && \
		go list -f '{{.ImportPath}} {{.Dir}}' ./... | while read -r package dir; do \
			for target in $$(cat "$$dir"/*_test.go 2>/dev/null | sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p'); do \
				echo "$$package $$target"; \
				go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x "$$package" </dev/null || exit 1; \
			done || exit 1; \
		done) || exit 1; \
	done

tools: ## install what tests and quick-check need (Debian packages need root or sudo)
	@.ci/tools debian
	@.ci/tools go staticcheck versitygw crane
	@.ci/tools python

clean: ## remove what building leaves; keeps larder-data
	rm -rf bin dist .tools
