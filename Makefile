# sysops-agent: `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

GO        ?= go
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS   := -s -w -X main.version=$(VERSION)
FUZZTIME  ?= 20s
TOOLS     := $(CURDIR)/.tools
GOLANGCI  := v2.15.0
GOFUMPT   := v0.12.0

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

.PHONY: build
build: ## build bin/sysops-agent
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/sysops-agent ./cmd/sysops-agent

# Root does not keep data in a directory that belongs to somebody else.
DATA ?= $(shell if [ "$$(id -u)" = 0 ] && [ "$$(stat -c %u .)" != 0 ]; then echo /var/lib/sysops-agent; else echo "$(CURDIR)/data"; fi)

.PHONY: run
run: build ## build and run in the foreground with defaults, data in ./data (DATA=DIR), a live summary
	./bin/sysops-agent run --data-dir "$(DATA)" --live

.PHONY: deps
deps: ## install what the tests need (Debian packages; needs root)
	./scripts/install-test-deps

.PHONY: test
test: deps ## install what the tests need and run them all
	$(GO) test ./...

.PHONY: test-race
test-race: deps ## the same with the race detector
	$(GO) test -race ./...

.PHONY: bench
bench: ## the benchmarks of the design's table, peers side by side
	./scripts/bench/run

.PHONY: fuzz
fuzz: ## every fuzz test for FUZZTIME each
	./scripts/fuzz $(FUZZTIME)

.PHONY: lint
lint: $(TOOLS)/golangci-lint $(TOOLS)/gofumpt ## gofumpt, go vet and golangci-lint
	@test -z "$$($(TOOLS)/gofumpt -l cmd pkg migrations)" || { $(TOOLS)/gofumpt -l cmd pkg migrations; echo "not gofumpt'ed: run make format"; exit 1; }
	$(GO) vet ./...
	$(TOOLS)/golangci-lint run ./...

.PHONY: format
format: $(TOOLS)/gofumpt ## format the code
	$(TOOLS)/gofumpt -w cmd pkg migrations

.PHONY: generate
generate: ## write again what is generated and kept: metric reference, example configuration
	$(GO) run ./cmd/sysops-agent metrics > testdata/metrics.md
	$(GO) run ./cmd/sysops-agent config example > pkg/config/testdata/config.example.toml

.PHONY: clean
clean: ## remove what was built
	rm -rf bin $(TOOLS)

$(TOOLS)/golangci-lint:
	GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI)

$(TOOLS)/gofumpt:
	GOBIN=$(TOOLS) $(GO) install mvdan.cc/gofumpt@$(GOFUMPT)
