#!/usr/bin/env bash
# Installs what the examples are built with, each from its registry, into target/tools
# of the repository; what is there stays. Of Debian: a compiler for C.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$PWD/target/tools
packages=(clang lld wasi-libc libclang-rt-dev-wasm32 libjsmn-dev)
python=componentize-py==0.25.1
javascript=componentize-qjs@0.4.5
bindings=wit-bindgen-cli@0.63.0
mkdir -p "$tools/bin"

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# A file tells which version is there, so that another one is installed over it.
missing() {
  [ "$(cat "$tools/$1.version" 2>/dev/null)" != "$2" ]
}

installed() {
  ln -sf "../$3" "$tools/bin/"
  echo "$2" >"$tools/$1.version"
}

compiles_c() {
  command -v clang >/dev/null && command -v wasm-ld >/dev/null &&
    [ -e "$(clang --target=wasm32-wasi -print-libgcc-file-name)" ] &&
    [ -e /usr/include/wasm32-wasi/stdlib.h ] && [ -e /usr/include/jsmn.h ]
}

if ! compiles_c; then
  command -v apt-get >/dev/null || { echo "missing, and there is no apt-get: ${packages[*]}" >&2; exit 1; }
  as_root apt-get update -qq
  as_root apt-get install -y -qq --no-install-recommends "${packages[@]}"
fi

if missing python "$python"; then
  python3 -m venv "$tools/python" || { as_root apt-get install -y -qq python3-venv; python3 -m venv "$tools/python"; }
  "$tools/python/bin/pip" install --quiet "$python"
  installed python "$python" python/bin/componentize-py
fi

if missing javascript "$javascript"; then
  command -v npm >/dev/null || { as_root apt-get update -qq; as_root apt-get install -y -qq --no-install-recommends nodejs npm; }
  npm install --silent --no-audit --no-fund --prefix "$tools/javascript" "$javascript"
  installed javascript "$javascript" javascript/node_modules/.bin/componentize-qjs
fi

if missing bindings "$bindings"; then
  # Unoptimised: it runs for milliseconds, and builds in half the time.
  CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --no-default-features --features c --root "$tools/bindings" "$bindings"
  installed bindings "$bindings" bindings/bin/wit-bindgen
fi
