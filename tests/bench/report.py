"""The table."""

import statistics


def table(res, a):
    med = lambda xs: statistics.median(xs) if xs else float("nan")
    spread = lambda xs: (max(xs) - min(xs)) / med(xs) * 100 if xs and med(xs) else 0
    out = []
    hdr = (
        "scen",
        "peer",
        "quiet rate/sat",
        "sat req/s",
        "sat us/req",
        "min",
        "+-%",
        f"us/req@{a.rate:g}",
        "+-%",
        "p50 us",
        "p99 us",
        "sat p50",
        "sat p99",
        "start ms",
        "RSS idle",
        "RSS load",
        "PSS load",
        "thr",
        "notes",
    )
    rows = [hdr]
    for (scen, name), rs in sorted(
        res.items(), key=lambda kv: (kv[0][0], min([r["sat"]["cpu_us"] for r in kv[1]], default=9e9))
    ):
        if not rs:
            rows.append((scen, name) + ("-",) * 16 + ("FAILED",))
            continue

        # per phase, the rounds in which other work took little of the proxy's core and the load side had CPU enough;
        # the 3 least disturbed ones when there are fewer than 2
        def pick(k):
            c = [r for r in rs if k in r]
            q = [r for r in c if r[k].get("foreign", 0) <= a.max_foreign and not r[k].get("starved")]
            return (
                q if len(q) >= 2 else sorted(c, key=lambda r: r[k].get("foreign", 0) + bool(r[k].get("starved")))[:3]
            ), f"{len(q)}/{len(c)}"

        (qr, nr), (qs, ns) = pick("rate"), pick("sat")
        nq, chosen = f"{nr} {ns}", {"rate": qr, "sat": qs}
        g = lambda k, f: [r[k][f] for r in chosen[k] if f in r[k]]
        notes = []
        bad = sum(
            v for k in ("rate", "sat") for r in rs if k in r for s, v in r[k]["status"].items() if s != "200"
        ) + sum(r[k]["errs"] for k in ("rate", "sat") for r in rs if k in r)
        if bad:
            notes.append(f"{bad} non-200/errors")
        if sum(g("rate", "reconn") + g("sat", "reconn")):
            notes.append("reconnects")
        if a.mode == "pinned":
            if med([u + o for u, o in zip(g("sat", "util"), g("sat", "foreign"))]) < 0.9:
                notes.append(f"proxy core only {med(g('sat', 'util')) * 100:.0f}% used: load side is the limit")
            if max(g("sat", "foreign") + g("rate", "foreign")) > 0.03:
                notes.append(
                    f"others on its core: {med(g('rate', 'foreign') or [0]) * 100:.0f}%/{med(g('sat', 'foreign')) * 100:.0f}%"
                )
        if g("sat", "b_share") and scen == "S3":
            notes.append(f"canary {med(g('sat', 'b_share')) * 100:.1f}%")
        f = lambda x, n=1: f"{x:.{n}f}"
        rows.append(
            (
                scen,
                name,
                nq,
                f(med(g("sat", "rps")), 0),
                f(med(g("sat", "cpu_us"))),
                f(min(r["sat"]["cpu_us"] for r in rs)),
                f(spread(g("sat", "cpu_us"))),
                f(med(g("rate", "cpu_us"))),
                f(spread(g("rate", "cpu_us"))),
                f(med(g("rate", "p50")), 0),
                f(med(g("rate", "p99")), 0),
                f(med(g("sat", "p50")), 0),
                f(med(g("sat", "p99")), 0),
                f(med([r["start_ms"] for r in rs]), 0),
                f(med([r["idle"][0] for r in rs])),
                f(med([r["after"][0] for r in rs])),
                f(med([r["after"][1] for r in rs])),
                str(rs[-1]["threads"]),
                "; ".join(notes),
            )
        )
    wid = [max(len(str(r[i])) for r in rows) for i in range(len(hdr))]
    for i, r in enumerate(rows):
        if i and r[0] != rows[i - 1][0]:
            out.append("")
        out.append(
            "  ".join(
                str(x).ljust(w) if j < 2 or j == len(hdr) - 1 else str(x).rjust(w)
                for j, (x, w) in enumerate(zip(r, wid))
            ).rstrip()
        )
    return "\n".join(out)
