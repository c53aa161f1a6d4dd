"""The configuration of Sluice: one worker, no access log, the keys of S2 as their SHA-256."""

import hashlib, os

from places import CONF, KEYS, REPOSITORY, RUN, UP_A, UP_B

SCENARIOS = ("S1", "S2", "S3")

# All four built-in plugins. The peers send no headers about limits, so this does not either.
FULL = """
[upstreams.b]
targets = ["127.0.0.1:{b}"]

[plugins.limit.config]
limits = [{{ name = "minute", amount = {limit}, window = "1m", algorithm = "fixed-window" }}]
headers = "none"

[plugins.shape.config.request]
remove.headers = ["x-debug"]
add.headers = {{ x-gateway = "peers-bench" }}

[plugins.shape.config.response]
remove.headers = ["x-powered-by"]
add.headers = {{ x-gateway = "peers-bench" }}

[plugins.canary.config]
variants = [{{ upstream = "a", weight = 90 }}, {{ upstream = "b", weight = 10 }}]
"""


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
"""
    plugins = {"S1": {}, "S2": {"auth": "key-auth"}}.get(
        scen, {"auth": "key-auth", "limit": "quota", "shape": "transform", "canary": "canary"}
    )
    names = ", ".join(f'"{plugin}"' for plugin in plugins)
    toml += f'upstreams = {["a", "b"] if scen == "S3" else ["a"]}\nplugins = [{names}]\n'
    for plugin, builtin in plugins.items():
        toml += f'\n[plugins.{plugin}]\nsource = "builtin:{builtin}"\n'
    if scen == "S3":
        toml += FULL.format(b=UP_B, limit=limit)
    if plugins:
        toml += "".join(credential(*entry) for entry in KEYS)
    file = CONF / f"{name}.toml"
    file.write_text(toml)
    return [binary(), "run", str(file)], {}
