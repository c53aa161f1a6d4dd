# What a developer types. `make help` lists it.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Workspaces of their own: they build for a Wasm target, or stay out of the gateway's lock file.
EXAMPLES := $(patsubst %/Cargo.toml,%,$(wildcard examples/*/Cargo.toml examples/*/rust/Cargo.toml))
FIXTURES := tests/plugins
ASIDE    := $(EXAMPLES) $(patsubst %/Cargo.toml,%,$(wildcard tests/plugins/Cargo.toml tests/fuzz/Cargo.toml tests/bench/*/Cargo.toml))
GUEST    := wasm32-unknown-unknown

# The black-box tests wait more than they work.
export RUST_TEST_THREADS ?= 8

.PHONY: help
help: ## This list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "%-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: setup ## Run the gateway on its embedded demo
	cargo run --release -p sluice -- run

.PHONY: test
test: setup tools lint build ## Everything that must hold: format, lints, all tests
	cargo test --workspace --no-fail-fast
	for folder in $(EXAMPLES); do (cd "$$folder" && cargo test); done

.PHONY: build
build: setup ## Build the gateway for the tests
	cargo build --workspace

.PHONY: lint
lint: setup ## Check format and lints, change nothing
	cargo fmt --all --check
	for folder in $(ASIDE); do (cd "$$folder" && cargo fmt --all --check); done
	cargo clippy --workspace --all-targets -- -D warnings
	for folder in $(EXAMPLES); do (cd "$$folder" && cargo clippy --all-targets -- -D warnings); done
	if [ -d $(FIXTURES) ]; then cd $(FIXTURES) && cargo clippy --examples --target $(GUEST) -- -D warnings; fi

.PHONY: fmt
fmt: setup ## Format everything
	cargo fmt --all
	for folder in $(ASIDE); do (cd "$$folder" && cargo fmt --all); done

.PHONY: bench
bench: setup ## Compare with other gateways on this machine: see tests/bench/README.md
	cargo build --release -p sluice
	tests/bench/setup.sh
	tests/bench/bench.py $(BENCH)

.PHONY: setup
setup: ## The toolchain with its Wasm targets, a C compiler, a Redis for tests; what is there stays
	@command -v rustup >/dev/null || { echo "rustup is missing: see https://rustup.rs" >&2; exit 1; }
	@command -v cc >/dev/null || { \
	  command -v apt-get >/dev/null || { echo "a C compiler is missing (cc)" >&2; exit 1; }; \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	  $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends gcc libc6-dev; }
	@command -v redis-server >/dev/null || { \
	  command -v apt-get >/dev/null || { echo "redis-server is missing (7 or later)" >&2; exit 1; }; \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	  $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends redis-server; }
	@have=$$(rustup target list --installed 2>/dev/null || true); \
	for target in $$(sed -nE 's/^targets = \[(.*)\]/\1/p' rust-toolchain.toml | tr -d '",'); do \
	  grep -qx "$$target" <<<"$$have" || { rustup toolchain install || rustup show; rustup target add "$$target"; }; \
	done
	@cargo fmt --version >/dev/null && cargo clippy --version >/dev/null || rustup component add rustfmt clippy

.PHONY: tools
tools: setup ## What the examples in other languages are built with, into target/tools
	@examples/header-rule/setup.sh
