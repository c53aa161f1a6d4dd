"""Where things are, and the keys that S2 and S3 ask for."""

import os, random
from pathlib import Path

# What setup.sh installed and built.
ROOT = Path(os.environ.get("BENCH_HOME", Path.home() / ".cache/sluice-bench"))
CONF, RUN = ROOT / "conf", ROOT / "run"
BIN = ROOT / "target/release"
REPOSITORY = Path(__file__).resolve().parents[2]
UP_A, UP_B, PORT = 19801, 19802, 19810
# A limit that nobody reaches.
BIG = 1_000_000_000
KEYS = [(random.Random(7000 + i).randbytes(16).hex(), f"consumer-{i:04d}") for i in range(1000)]


def prepare():
    for folder in (CONF, RUN):
        folder.mkdir(parents=True, exist_ok=True)
    (CONF / "keys.txt").write_text("".join(f"{key} {consumer}\n" for key, consumer in KEYS))
