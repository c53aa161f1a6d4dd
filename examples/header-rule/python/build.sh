#!/usr/bin/env bash
# Builds target/header_rule.wasm. Needs: pip install componentize-py==0.25.1
set -euo pipefail
cd "$(dirname "$0")"
out=${1:-target/header_rule.wasm}
mkdir -p "$(dirname "$out")"
# --stub-wasi: without it the component imports sockets, which no plugin gets.
componentize-py --quiet --wit-path ../wit --world header-rule componentize --stub-wasi header_rule --output "$out"
