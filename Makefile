# The everyday commands. `make` lists them.
#
# Everything that is built or installed lies outside the checkout, in a cache that several checkouts share.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/runbook-operator
export CARGO_TARGET_DIR ?= $(CACHE)/target

REQUIREMENTS := tests/sandbox/requirements.txt
VENV := $(CACHE)/python/$(shell sha256sum $(REQUIREMENTS) | cut -c1-16)
export PYTHONPATH := $(CURDIR)/tests/sandbox
# Compiled files beside the sources would make a checkout differ from its commit.
export PYTHONDONTWRITEBYTECODE := 1
PYTHON := $(VENV)/bin/python
SANDBOX := $(PYTHON) -m runbook_sandbox.cli
PYTEST := $(PYTHON) -m pytest -c tests/sandbox/pyproject.toml -p no:cacheprovider --rootdir $(CURDIR)
OPERATOR := $(CARGO_TARGET_DIR)/debug/runbook-operator
CLI := $(CARGO_TARGET_DIR)/debug/kubectl-runbook
AWS := $(CARGO_TARGET_DIR)/debug/aws-stand-in
EXPORT := $(CARGO_TARGET_DIR)/debug/runbook-export
TOOLS := $(CACHE)/tools
NAME ?= default

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: build tools postgres ## Show the main job end to end on a real API server and a sandboxed AWS
	@$(PYTHON) -m runbook_sandbox.demo --operator $(OPERATOR) --cli $(CLI)

.PHONY: sandbox
sandbox: build tools postgres ## Leave the demo's sandbox running and print how to reach it (NAME=… for a second one)
	@$(SANDBOX) up --name $(NAME) --image runbook-operator:dev=$(OPERATOR)
	@$(PYTHON) -m runbook_sandbox.clocked --name $(NAME)

.PHONY: clean-sandbox
clean-sandbox: $(VENV)/.complete ## End the sandbox (NAME=… for a second one)
	@$(SANDBOX) down --name $(NAME)

.PHONY: aws
aws: $(VENV)/.complete ## Run the AWS sandbox alone, in the foreground (PORT=4566)
	@$(PYTHON) -m runbook_sandbox.aws.server --port $(or $(PORT),4566)

.PHONY: test
test: test-rust test-sandbox test-system ## Pass all tests

.PHONY: test-rust
test-rust: ## Decisions, observation plane, controllers, simulator
	cargo test --workspace

.PHONY: test-sandbox
test-sandbox: tools postgres ## The sandbox against what AWS and Kubernetes do
	$(PYTEST) tests/sandbox/tests -n 4 -q

.PHONY: test-system
test-system: build tools postgres ## The operator on the real API server and the sandboxed AWS
	RUNBOOK_OPERATOR=$(OPERATOR) RUNBOOK_CLI=$(CLI) RUNBOOK_AWS=$(AWS) RUNBOOK_EXPORT=$(EXPORT) \
	  $(PYTEST) tests/system -n 8 --dist loadgroup -q

BENCH_SIZES := $(or $(SIZES),100 1000 10000)
BENCH_BACKUPS := $(or $(BACKUPS),50 500)

.PHONY: bench
bench: tools ## Measure the operator with up to 10,000 policies (SIZES="100", BACKUPS="50", RECORD=1 writes docs/performance.md)
	cargo build --release --no-default-features -p runbook-operator -p runbook-tests --bin runbook-operator --bin aws-stand-in
	@$(PYTHON) -m runbook_sandbox.bench --operator $(CARGO_TARGET_DIR)/release/runbook-operator \
	  $(if $(SANDBOX_AWS),,--aws $(CARGO_TARGET_DIR)/release/aws-stand-in) --sizes "$(BENCH_SIZES)" \
	  --backups "$(BENCH_BACKUPS)" $(if $(RECORD),--record)

.PHONY: soak
soak: build tools ## Random edits, drift, faults and kills for a time, and what must hold then (MINUTES=5, SEED=…)
	@$(PYTHON) -m runbook_sandbox.soak --operator $(OPERATOR) --minutes $(or $(MINUTES),5) $(if $(SEED),--seed $(SEED))

.PHONY: check
check: $(VENV)/.complete $(TOOLS)/bin/cargo-deny ## Format, lints, generated files, licences
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo run -q -p runbook-api --bin crdgen -- --check
	diff -r crds/yaml charts/runbook-operator/files/crds || { echo "run: make generate"; exit 1; }
	$(VENV)/bin/ruff check --no-cache tests
	$(TOOLS)/bin/cargo-deny check bans licenses sources

.PHONY: generate
generate: ## Write the CRDs and their reference again
	cargo run -q -p runbook-api --bin crdgen
	rm -rf charts/runbook-operator/files/crds
	cp -r crds/yaml charts/runbook-operator/files/crds

.PHONY: format
format: $(VENV)/.complete ## Format the code
	cargo fmt --all
	$(VENV)/bin/ruff check --no-cache --fix tests

.PHONY: build
build:
	@cargo build --no-default-features -p runbook-operator -p runbook-exporter -p kubectl-runbook -p runbook-tests --bins

.PHONY: tools
tools: $(VENV)/.complete
	@$(PYTHON) -m runbook_sandbox.kubernetes.binaries >/dev/null

.PHONY: postgres
postgres: $(VENV)/.complete
	@$(PYTHON) -m runbook_sandbox.postgres >/dev/null

$(VENV)/.complete:
	@echo "installing the sandbox's Python packages into $(VENV)"
	@python3 -m venv --clear $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --requirement $(REQUIREMENTS)
	@touch $@

$(TOOLS)/bin/cargo-deny:
	cargo install --locked --root $(TOOLS) cargo-deny@0.20.2
