#!/usr/bin/env python3
"""Where a request's CPU goes, peer by peer, in the closed loop: microseconds of user and system, and system calls.

  where.py 'S1:(nginx|sluice)'               a regular expression on SCENARIO:NAME
"""
import argparse, re, signal, subprocess, sys, time
from pathlib import Path

import machine, places
from client import wait_up
from measure import Bench
from peers import peers


def user_system(root):
    user = system = 0
    for process in machine.tree(root):
        text = Path(f"/proc/{process}/stat").read_text()
        fields = text[text.rindex(")") + 2 :].split()
        user += int(fields[11])
        system += int(fields[12])
    return user / machine.TCK, system / machine.TCK


def split(bench, process, port):
    before = user_system(process.pid)
    load = bench.load(port, 2.0, 0)
    user, system = (b - a for a, b in zip(before, user_system(process.pid)))
    per_request = 1e6 / load["n"]
    return f"user {user * per_request:5.1f}  system {system * per_request:5.1f} us  ({load['rps']:.0f} req/s)"


def system_calls(bench, process, port):
    out = places.RUN / "strace.txt"
    attach = [word for p in machine.tree(process.pid) for word in ("-p", str(p))]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    strace = subprocess.Popen(["strace", "-c", "-f", "-o", str(out), *attach], **quiet)
    time.sleep(0.5)
    load = bench.load(port, 1.0, 0)
    strace.send_signal(signal.SIGINT)
    strace.wait(5)
    rows = [line.split() for line in out.read_text().splitlines() if re.match(r"\s*[\d.]+\s+[\d.]+", line)]
    counts = {row[-1]: int(row[3]) / load["n"] for row in rows if row[-1] != "total"}
    most = sorted(counts.items(), key=lambda entry: -entry[1])[:7]
    return f"{sum(counts.values()):5.2f} system calls: " + ", ".join(f"{name} {count:.2f}" for name, count in most)


def main():
    pattern = sys.argv[1] if len(sys.argv) > 1 else "."
    places.prepare()
    bench = Bench(argparse.Namespace(mode="pinned", workers=1, conns=64))
    try:
        upstream = machine.spawn([str(places.BIN / "upstream"), str(places.UP_A), str(places.UP_B)], bench.lc)
        wait_up(upstream, places.UP_A, time.monotonic(), 5)
        for i, (scenario, name, conf) in enumerate(peers()):
            if not re.search(pattern, f"{scenario}:{name}"):
                continue
            port = places.PORT + i
            process, _ = bench.start((scenario, name, conf, port))
            try:
                bench.load(port, 0.5, 0)
                print(f"{scenario} {name:14s} {split(bench, process, port)}  {system_calls(bench, process, port)}", flush=True)
            finally:
                machine.stop(process)
    finally:
        machine.stop_all()


if __name__ == "__main__":
    main()
