"""A client that asks one thing at a time, to find out whether a peer does what its scenario asks."""

import re, socket, time

from places import KEYS


def request(port, headers=(), path="/x", timeout=2.0):
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as s:
        s.settimeout(timeout)
        h = "".join(f"{k}: {v}\r\n" for k, v in headers)
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: api.example.test\r\n{h}Connection: close\r\n\r\n".encode())
        b = b""
        while True:
            try:
                d = s.recv(65536)
            except TimeoutError:
                break
            if not d:
                break
            b += d
            # some peers close late (Envoy: 1 s after a local reply), so stop at content-length
            if (
                (i := b.find(b"\r\n\r\n")) >= 0
                and (m := re.search(rb"(?i)\r\ncontent-length: *(\d+)", b[:i]))
                and len(b) >= i + 4 + int(m[1])
            ):
                break
    head, _, body = b.partition(b"\r\n\r\n")
    if not head:
        raise OSError("empty response")
    return int(head.split()[1]), head.decode("latin1").lower(), body.decode("latin1").lower()


def wait_up(p, port, t0, limit=20.0):
    while time.monotonic() - t0 < limit:
        if p.poll() is not None:
            raise RuntimeError(f"exited with {p.returncode}")
        try:
            if request(port, [("x-api-key", KEYS[0][0])], timeout=1.0)[0] == 200:
                return (time.monotonic() - t0) * 1e3
        except OSError:
            pass
        time.sleep(0.002)
    raise RuntimeError("no 200 in time")
