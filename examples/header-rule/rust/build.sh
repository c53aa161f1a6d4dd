#!/usr/bin/env bash
# Builds target/header_rule.wasm. Needs: rustup target add wasm32-unknown-unknown
set -euo pipefail
cd "$(dirname "$0")"
out=${1:-target/header_rule.wasm}
mkdir -p "$(dirname "$out")"
cargo build --quiet --release --target wasm32-unknown-unknown --target-dir target
cp target/wasm32-unknown-unknown/release/header_rule.wasm "$out"
