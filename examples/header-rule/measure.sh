#!/usr/bin/env bash
# Prints what the plugin costs in each language: size, times of compiling, loading and
# calling, memory. Builds the gateway's benchmark, which takes minutes. Takes the
# components as build.sh left them.
set -euo pipefail
cd "$(dirname "$0")"
config='{"header":"x-team","allow":["blue","green"],"stamp":"x-checked"}'
echo "| language | component | compile | load from the cache | new instance | call | memory after 192,000 calls |"
echo "|---|--:|--:|--:|--:|--:|--:|"
for language in rust javascript python c; do
  component=$PWD/$language/target/header_rule.wasm
  [ -e "$component" ] || { echo "not built: $component" >&2; exit 1; }
  cargo bench --quiet -p sluice --bench hook -- "$component" "$config" x-team:green |
    awk -v language="$language" '
      /^compiled/ { compile = $NF }
      /^from the compile cache/ { load = $NF }
      /^a new instance/ { instance = $NF }
      /^on-request, / { call = $NF }
      / bytes of memory$/ { size = $1; memory = $3 }
      END {
        printf "| %s | %.0f KiB | %s | %s | %s | %s | %.0f KiB |\n",
          language, size / 1024, compile, load, instance, call, memory / 1024
      }'
done
