#!/usr/bin/env bash
# Builds target/header_rule.wasm. Needs: cargo install wit-bindgen-cli@0.63.0, and of
# Debian clang lld wasi-libc libclang-rt-dev-wasm32 libjsmn-dev
set -euo pipefail
cd "$(dirname "$0")"
out=${1:-target/header_rule.wasm}
mkdir -p "$(dirname "$out")" target
wit-bindgen c ../wit --world header-rule --out-dir target >/dev/null
# wasi-libc lends its malloc and format; nothing of WASI is imported. The gateway
# makes the component from the types that the bindings leave in the module.
clang --target=wasm32-wasi -mexec-model=reactor -Os -std=gnu11 -Wall -Wextra -Werror \
  -Itarget -idirafter /usr/include -Wl,--gc-sections,--strip-debug \
  header_rule.c target/header_rule.c target/header_rule_component_type.o -o "$out"
