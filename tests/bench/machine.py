"""What /proc says, and the processes of a benchmark: none outlives it."""

import collections, ctypes, os, re, signal, subprocess
from pathlib import Path

from places import RUN

TCK = os.sysconf("SC_CLK_TCK")
LIBC = ctypes.CDLL(None)
live: dict[int, tuple[subprocess.Popen, set]] = {}
niceness = 0


def child(cores):
    def f():
        LIBC.prctl(1, int(signal.SIGTERM), 0, 0, 0)  # PR_SET_PDEATHSIG: ends with us even when we are killed
        os.sched_setaffinity(0, cores)
        if niceness:
            os.setpriority(os.PRIO_PROCESS, 0, niceness)

    return f


def stat(pid):
    try:
        s = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    f = s[s.rindex(")") + 2 :].split()
    return {
        "ppid": int(f[1]),
        "cpu": int(f[11]) + int(f[12]),
        "ccpu": int(f[13]) + int(f[14]),
        "start": f[19],
        "state": f[0],
    }


def tree(root):
    kids = collections.defaultdict(list)
    for d in os.listdir("/proc"):
        if d.isdigit() and (s := stat(d)):
            kids[s["ppid"]].append(int(d))
    out, todo = [], [root]
    while todo:
        p = todo.pop()
        out.append(p)
        todo += kids[p]
    return out


def cpu_s(root):
    """user+sys seconds of the tree, reaped children included."""
    t = 0
    for p in tree(root):
        if s := stat(p):
            t += s["cpu"] + s["ccpu"]
    return t / TCK


def nthreads(root):
    n = 0
    for p in tree(root):
        try:
            n += len(os.listdir(f"/proc/{p}/task"))
        except OSError:
            pass
    return n


def mem(root):
    rss = pss = 0
    for p in tree(root):
        try:
            for l in Path(f"/proc/{p}/smaps_rollup").read_text().splitlines():
                if l.startswith("Rss:"):
                    rss += int(l.split()[1])
                elif l.startswith("Pss:"):
                    pss += int(l.split()[1])
        except OSError:
            pass
    return rss / 1024, pss / 1024


def core_busy():
    out = {}
    for l in Path("/proc/stat").read_text().splitlines():
        if re.match(r"cpu\d", l):
            f = l.split()
            v = list(map(int, f[1:9]))
            out[int(f[0][3:])] = (sum(v) - v[3] - v[4]) / TCK
    return out


def spawn(cmd, cores, env=None, log="/dev/null"):
    with open(log, "ab") as f:
        p = subprocess.Popen(
            cmd,
            stdin=subprocess.DEVNULL,
            stdout=f,
            stderr=f,
            env={**os.environ, **(env or {})},
            cwd=RUN,
            preexec_fn=child(cores),
        )
    live[p.pid] = (p, set())
    return p


def note(p):
    """remember (pid, start time) of all descendants, so that none can be left behind or mistaken for another."""
    live[p.pid][1].update((q, s["start"]) for q in tree(p.pid) if (s := stat(q)))


def stop(p):
    if p.pid not in live:
        return
    note(p)
    known = live.pop(p.pid)[1]
    if p.poll() is None:
        p.send_signal(signal.SIGTERM)
        try:
            p.wait(3)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
    for q, st in known:
        s = stat(q)
        if q != p.pid and s and s["start"] == st and s["state"] != "Z":
            try:
                os.kill(q, signal.SIGKILL)
            except ProcessLookupError:
                pass


def stop_all():
    for p, _ in list(live.values()):
        stop(p)


def spawn_capture(cmd, cores):
    p = subprocess.Popen(
        cmd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=child(cores),
    )
    live[p.pid] = (p, set())
    try:
        out, err = p.communicate(timeout=120)
    finally:
        stop(p)
    if p.returncode:
        raise RuntimeError(f"{cmd[0]}: {err[-300:]}")
    return out
