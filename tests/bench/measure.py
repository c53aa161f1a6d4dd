"""One measurement: start a peer alone, check it, load it, account for its CPU."""

import collections, json, os, socket, time

from client import request, wait_up
from machine import core_busy, cpu_s, mem, note, nthreads, spawn, spawn_capture, stop
from places import BIG, BIN, CONF, KEYS, RUN


class Bench:
    def __init__(self, a):
        self.a = a
        ncpu = os.cpu_count() or 1
        if a.mode == "pinned":
            self.w, self.pc, self.lc = 1, {0}, {1 % ncpu}
        else:
            self.w, self.pc, self.lc = min(2, ncpu), set(range(ncpu)), set(range(ncpu))
        self.w = a.workers or self.w
        os.sched_setaffinity(0, self.lc)

    def load(self, port, secs, rate):
        p = spawn_capture(
            [str(BIN / "load"), str(port), str(self.a.conns), str(secs), str(rate), str(CONF / "keys.txt")], self.lc
        )
        return {**json.loads(p), "paced": rate > 0}

    def measured(self, p, fn):
        b0, c0, t0 = core_busy(), cpu_s(p.pid), time.monotonic()
        r = fn()
        c1, t1, b1 = cpu_s(p.pid), time.monotonic(), core_busy()
        dt = t1 - t0
        r.update(cpu_us=(c1 - c0) / max(r["n"], 1) * 1e6, util=(c1 - c0) / dt, wall=dt)
        if self.a.mode == "pinned":
            pc, lc = next(iter(self.pc)), next(iter(self.lc))
            # CPU on the proxy's core that is not the proxy's
            r["foreign"] = max(0.0, (b1[pc] - b0[pc] - (c1 - c0)) / dt)
            r["loadcore"] = (b1[lc] - b0[lc]) / dt
            # neither the proxy nor others kept its core busy while the load's core was full: the load side was short of CPU
            r["starved"] = (
                r.get("dur") is not None
                and not r.get("paced")
                and r["util"] + r["foreign"] < 0.9
                and r["loadcore"] > 0.97
            )
        return r

    def start(self, peer, limit=BIG):
        scen, name, conf, port = peer
        cmd, env = conf(f"{name}-{scen}", scen, port, self.w, limit)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", port))  # raises when something else holds the port
        t0 = time.monotonic()
        p = spawn(cmd, self.pc, env, RUN / f"{name}-{scen}.out")
        try:
            ms = wait_up(p, port, t0)
        except Exception:
            stop(p)
            raise
        note(p)
        return p, ms

    def verify(self, peer):
        scen, name, conf, port = peer
        bad = []
        ok = lambda c, m: None if c else bad.append(m)
        p, _ = self.start(peer)
        try:
            k, c = KEYS[123]
            st, h, b = request(
                port,
                [("x-api-key", k), ("x-debug", "1"), ("x-consumer-id", "spoof"), ("accept", "*/*")],
                "/__echo?a=1",
            )
            ok(st == 200 and "get /__echo?a=1" in b, f"proxying: {st}")
            ok("x-powered-by" in h or scen == "S3", "response header lost")
            if scen != "S1":
                ok(f"x-consumer-id: {c}" in b, "consumer id not set")
                ok("spoof" not in b, "client-sent x-consumer-id survives")
                ok(request(port)[0] == 401, "no key: not 401")
                ok(request(port, [("x-api-key", "nope")])[0] == 401, "wrong key: not 401")
            if scen == "S3":
                ok(k not in b and "x-debug" not in b and "x-gateway: peers-bench" in b, "request transform")
                ok("x-powered-by" not in h and "x-gateway: peers-bench" in h, "response transform")
                n = 400
                share = sum("x-upstream: b" in request(port, [("x-api-key", KEYS[i][0])])[1] for i in range(n)) / n
                ok(0.04 < share < 0.17, f"canary share {share}")
        finally:
            stop(p)
        if scen == "S3":
            p, _ = self.start(peer, 20)
            try:
                got = [request(port, [("x-api-key", KEYS[7][0])])[0] for _ in range(30)]
                ok(got[:19] == [200] * 19 and got[-5:] == [429] * 5, f"limit 20/min: {collections.Counter(got)}")
                ok(request(port, [("x-api-key", KEYS[8][0])])[0] == 200, "limit is not per consumer")
            finally:
                stop(p)
        return bad

    def quiet(self):
        """wait (at most --quiet-wait seconds) for a moment in which other work leaves the cores alone."""
        end = time.monotonic() + self.a.quiet_wait
        while time.monotonic() < end:
            b0 = core_busy()
            time.sleep(0.5)
            b1 = core_busy()
            if all((b1[c] - b0[c]) / 0.5 < 0.08 for c in self.pc | self.lc):
                return
            time.sleep(0.5)

    def measure(self, peer):
        a = self.a
        self.quiet()
        p, ms = self.start(peer)
        port = peer[3]
        try:
            time.sleep(0.4)
            r = {"start_ms": ms, "idle": mem(p.pid), "threads": nthreads(p.pid)}
            self.load(port, a.warm, 0)
            if a.rate_secs:
                r["rate"] = self.measured(p, lambda: self.load(port, a.rate_secs, a.rate))
            r["sat"] = self.measured(p, lambda: self.load(port, a.secs, 0))
            r["after"] = mem(p.pid)
            note(p)
        finally:
            stop(p)
        return r
