#!/usr/bin/env python3
"""HTTP gateways side by side on one machine (standard library only, Python >= 3.11).

  setup.sh                                   once on a machine: peers and tools
  bench.py                                   all peers, pinned, 3 interleaved rounds
  bench.py --scenarios S2 --peers 'sluice|nginx'
  bench.py --extra ours:S2 '/path/gw --listen 127.0.0.1:{port} --workers {workers}' 19950
  bench.py --verify-only                     only the conformance checks

--extra NAME COMMAND PORT   NAME may end in :S1, :S2 or :S3 (default S1); may be given many times. In COMMAND
  {port} {workers} {up_a} {up_b} {up_a_port} {up_b_port} {keys} {limit} are filled in ({{ }} for literal braces);
  the same values are exported as BENCH_PORT, BENCH_WORKERS, BENCH_UP_A ... The process must stay in the foreground.

Per measurement one peer alone is started, timed to its first 200, left idle, warmed up, put under a fixed rate
(open loop) and then under a closed loop of --conns connections, and stopped. CPU is user+sys of the whole process
tree (/proc/PID/stat, threads included; children that have been reaped count through cutime/cstime).
"""
import argparse, collections, json, random, re, signal, sys, time
from pathlib import Path

import machine, places
from client import wait_up
from measure import Bench
from peers import extra_conf, peers
from report import table


def arguments():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = ap.add_argument
    add("--mode", choices=("pinned", "unpinned"), default="pinned",
        help="pinned: proxy on core 0 with 1 worker, load and upstream on core 1; unpinned: all cores, 2 workers")
    add("--workers", type=int, default=0)
    add("--rounds", type=int, default=3)
    add("--secs", type=float, default=4, help="closed-loop seconds per round")
    add("--rate", type=float, default=5000, help="fixed rate, requests/s")
    add("--rate-secs", type=float, default=4)
    add("--warm", type=float, default=1.5)
    add("--conns", type=int, default=64)
    add("--scenarios", default="S1,S2,S3")
    add("--peers", default=".", help="regular expression on the peer's name")
    add("--extra", nargs=3, action="append", default=[], metavar=("NAME[:SCEN]", "COMMAND", "PORT"))
    add("--extra-only", action="store_true", help="drop every built-in peer")
    add("--quiet-wait", type=float, default=10,
        help="seconds to wait, before each measurement, for other work on the cores to pause")
    add("--max-foreign", type=float, default=0.06,
        help="a round counts as quiet when other work took at most this share of the proxy's core")
    add("--nice", type=int, default=0,
        help="nice value of proxy, load and upstream (negative takes CPU from everybody else on the machine)")
    add("--no-verify", action="store_true")
    add("--verify-only", action="store_true")
    add("--keep-failing", action="store_true", help="measure a peer even when its checks fail")
    add("--report", metavar="JSON", nargs="+",
        help="only print the table of earlier runs (their rounds taken together)")
    add("--json", default=str(places.ROOT / "results.json"))
    return ap.parse_args()


def earlier(files):
    results = collections.defaultdict(list)
    for file in files:
        for entry in json.loads(Path(file).read_text()):
            results[entry["scen"], entry["peer"]] += entry["rounds"]
    return results


def chosen(a):
    ps = [] if a.extra_only else peers()
    scenarios = a.scenarios.split(",")
    ps = [(s, n, c, places.PORT + i) for i, (s, n, c) in enumerate(ps) if s in scenarios and re.search(a.peers, n)]
    for name, command, port in a.extra:
        name, _, scenario = name.partition(":")
        ps.append((scenario or "S1", name, extra_conf(command), int(port)))
    return ps


def verified(bench, ps):
    """Those peers that do what their scenario asks, and whether all do."""
    good = []
    for p in ps:
        try:
            bad = bench.verify(p)
        except Exception as e:
            bad = [f"{type(e).__name__}: {e}"]
        print(f"check {p[0]} {p[1]:16s} {'ok' if not bad else 'FAIL ' + '; '.join(bad)}", flush=True)
        if not bad or bench.a.keep_failing:
            good.append(p)
    return good, len(good) == len(ps)


def one_line(a, number, p, r):
    s, line = r["sat"], f"round {number} {p[0]} {p[1]:16s}"
    line += f" sat {s['rps']:8.0f} req/s {s['cpu_us']:6.1f} us/req util {s['util'] * 100:3.0f}%"
    if t := r.get("rate"):
        line += f" | {a.rate:g}/s {t['cpu_us']:6.1f} us/req p50 {t['p50']:.0f} p99 {t['p99']:.0f}"
    if "foreign" in s:
        line += f" | foreign {s['foreign'] * 100:.0f}%"
    return line + f" | start {r['start_ms']:.0f} ms"


def measured(bench, ps):
    a, rng, results = bench.a, random.Random(1), {(p[0], p[1]): [] for p in ps}
    base = bench.load(places.UP_A, 2, 0)
    where = "one core" if a.mode == "pinned" else "all cores"
    print(f"direct to upstream, closed loop: {base['rps']:.0f} req/s (load + upstream on {where}), p50 {base['p50']} us",
          flush=True)
    for number in range(1, a.rounds + 1):
        for p in rng.sample(ps, len(ps)):
            try:
                r = bench.measure(p)
            except Exception as e:
                print(f"round {number} {p[0]} {p[1]}: {type(e).__name__}: {e}", flush=True)
                continue
            results[p[0], p[1]].append(r)
            print(one_line(a, number, p, r), flush=True)
        entries = [{"scen": k[0], "peer": k[1], "rounds": v} for k, v in results.items()]
        Path(a.json).write_text(json.dumps(entries, indent=1))
    return results


def main():
    a = arguments()
    machine.niceness = a.nice
    if a.report:
        print(table(earlier(a.report), a))
        return
    places.prepare()
    ps = chosen(a)
    for s in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, lambda *_: sys.exit(143))
    bench = Bench(a)
    try:
        up = machine.spawn([str(places.BIN / "upstream"), str(places.UP_A), str(places.UP_B)], bench.lc,
                           log=places.RUN / "upstream.out")
        wait_up(up, places.UP_A, time.monotonic(), 5)
        if not a.no_verify:
            ps, all_good = verified(bench, ps)
            if a.verify_only:
                sys.exit(not all_good)
        results = measured(bench, ps)
        print(f"\nmode {a.mode}, {bench.w} worker(s), {a.conns} connections, {a.rounds} rounds; medians over the quiet "
              f"rounds, for each phase (others took <= {a.max_foreign * 100:.0f}% of the proxy's core; with fewer than "
              "2 such, the 3 quietest); min over all rounds; +-% = (max-min)/median; memory in MiB; others a%/b% = at "
              "fixed rate / closed loop\n")
        print(table(results, a))
    finally:
        machine.stop_all()


if __name__ == "__main__":
    main()
