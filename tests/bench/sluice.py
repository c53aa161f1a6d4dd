"""The configuration of Sluice: one worker, no access log, the keys of S2 as their SHA-256."""

import hashlib, os

from places import CONF, KEYS, REPOSITORY, RUN, UP_A

# The scenarios that the built-in plugins cover.
SCENARIOS = ("S1", "S2")


def binary():
    target = os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")
    return os.environ.get("SLUICE_BINARY", f"{target}/release/sluice")


def credential(key, consumer):
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f'[consumers.{consumer}]\ncredentials = [{{ id = "{consumer}-1", prefix = "{key[:8]}", sha256 = "{digest}" }}]\n'


def sluice_conf(name, scen, port, w, limit):
    toml = f"""[listeners.public]
address = "127.0.0.1:{port}"

[runtime]
workers = {w}
watch = false
compile_cache = "{RUN}/compile-cache"

[access_log]
output = "off"

[upstreams.a]
targets = ["127.0.0.1:{UP_A}"]

[[routes]]
name = "all"
upstreams = ["a"]
"""
    if scen == "S2":
        toml += 'plugins = ["auth"]\n\n[plugins.auth]\nsource = "builtin:key-auth"\n\n'
        toml += "".join(credential(*entry) for entry in KEYS)
    file = CONF / f"{name}.toml"
    file.write_text(toml)
    return [binary(), "run", str(file)], {}
