#!/usr/bin/env bash
# Builds target/header_rule.wasm. Needs: npm install componentize-qjs@0.4.5
set -euo pipefail
cd "$(dirname "$0")"
out=${1:-target/header_rule.wasm}
mkdir -p "$(dirname "$out")"
# --sync: hooks are plain calls; the other runtime wants a host with async.
componentize-qjs --sync --wit ../wit --world header-rule --js header-rule.js --output "$out"
