"""The configurations of nginx, nginx with Lua, HAProxy, and of commands given on the command line."""

import shlex

from envoy import envoy_conf
from places import BIG, CONF, KEYS, ROOT, RUN, UP_A, UP_B
from sluice import SCENARIOS, sluice_conf

# A private copy of the Lua packages: apt removes them when luajit is installed.
DEB = ROOT / "deb/root"


def nginx_conf(name, scen, port, w, limit, flavour):
    lua = flavour == "lua" and scen != "S1"
    o = []
    if lua:
        o += [
            f"load_module {DEB}/usr/lib/nginx/modules/ndk_http_module.so;",
            f"load_module {DEB}/usr/lib/nginx/modules/ngx_http_lua_module.so;",
        ]
    o += [
        f"worker_processes {w};",
        f"pid {RUN}/{name}.pid;",
        f"error_log {RUN}/{name}.log crit;",
        "daemon off;",
        "events { worker_connections 4096; }",
        "http {",
        "  access_log off; tcp_nodelay on; server_tokens off;",
        "  keepalive_timeout 3600s; keepalive_requests 1000000000;",  # default 1000: would reconnect all the time
        f"  client_body_temp_path {RUN}/nb; proxy_temp_path {RUN}/np; fastcgi_temp_path {RUN}/nf; uwsgi_temp_path {RUN}/nu; scgi_temp_path {RUN}/ns;",
    ]
    for u, p in (("up_a", UP_A), ("up_b", UP_B)):
        o += [
            f"  upstream {u} {{ server 127.0.0.1:{p}; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 3600s; }}"
        ]
    target = "up_a"
    if scen == "S3":
        o += ['  split_clients "$request_id" $canary { 10% up_b; * up_a; }']
        target = "$canary"
    loc = [
        f"      proxy_pass http://{target};",
        "      proxy_http_version 1.1;",
        '      proxy_set_header Connection "";',
        "      proxy_set_header Host $host;",
    ]
    if scen == "S3":
        loc += ["      proxy_hide_header X-Powered-By;", "      add_header X-Gateway peers-bench;"]
    if scen != "S1" and not lua:
        o += ["  map_hash_max_size 8192; map_hash_bucket_size 128;", '  map $http_x_api_key $consumer { default "";']
        o += [f'    "{k}" {c};' for k, c in KEYS] + ["  }"]
        loc += ['      if ($consumer = "") { return 401; }', "      proxy_set_header X-Consumer-Id $consumer;"]
        if scen == "S3":
            rate, burst = ("1000000r/s", 1000000) if limit >= BIG else ("1r/m", max(limit - 1, 0))
            o += [f"  limit_req_zone $consumer zone=rl:16m rate={rate};", "  limit_req_status 429;"]
            loc += [
                f"      limit_req zone=rl burst={burst} nodelay;",
                "      proxy_set_header X-Gateway peers-bench;",
                '      proxy_set_header X-Api-Key "";',
                '      proxy_set_header X-Debug "";',
            ]
    if lua:
        o += [
            f'  lua_package_path "{DEB}/usr/share/lua/5.1/?.lua;;";',
            "  lua_shared_dict rl 16m;" if scen == "S3" else "",
            "  init_by_lua_block {",
            "    KEYS = {",
        ]
        o += [f'      ["{k}"]="{c}",' for k, c in KEYS] + ["    }", "  }"]
        code = [
            "local ngx = ngx",
            "local k = ngx.var.http_x_api_key",
            "local c = k and KEYS[k]",
            "if not c then return ngx.exit(401) end",
        ]
        if scen == "S3":
            code += [
                "local win = math.floor(ngx.now() / 60)",
                'local n, err = ngx.shared.rl:incr(c .. ":" .. win, 1, 0, 120)',
                f"if not n or n > {limit} then return ngx.exit(429) end",
            ]
        code += ['ngx.req.set_header("X-Consumer-Id", c)']
        if scen == "S3":
            code += [
                'ngx.req.set_header("X-Gateway", "peers-bench")',
                'ngx.req.clear_header("X-Api-Key")',
                'ngx.req.clear_header("X-Debug")',
            ]
        loc += ["      access_by_lua_block {"] + ["        " + c for c in code] + ["      }"]
    o += (
        ["  server {", f"    listen 127.0.0.1:{port} backlog=1024;", "    location / {"] + loc + ["    }", "  }", "}"]
    )
    f = CONF / f"{name}.conf"
    f.write_text("\n".join(o) + "\n")
    return ["/usr/sbin/nginx", "-p", str(RUN), "-e", f"{RUN}/{name}.log", "-c", str(f)], (
        {"LD_LIBRARY_PATH": f"{DEB}/usr/lib/x86_64-linux-gnu"} if lua else {}
    )


def haproxy_conf(name, scen, port, w, limit):
    (CONF / "keys.map").write_text("".join(f"{k} {c}\n" for k, c in KEYS))
    o = [
        "global",
        f"  nbthread {w}",
        "  maxconn 4096",
        "defaults",
        "  mode http",
        "  option http-keep-alive",
        "  http-reuse always",
        "  timeout connect 5s",
        "  timeout client 3600s",
        "  timeout server 3600s",
        "  timeout http-keep-alive 3600s",
        "frontend f",
        f"  bind 127.0.0.1:{port}",
        "  default_backend a",
    ]
    if scen != "S1":
        o += [
            f"  http-request set-var(txn.c) req.hdr(x-api-key),map_str({CONF}/keys.map)",
            "  http-request deny deny_status 401 unless { var(txn.c) -m found }",
        ]
        if scen == "S3":
            o += [
                "  http-request track-sc0 var(txn.c) table rl",
                f"  http-request deny deny_status 429 if {{ sc_http_req_rate(0,rl) gt {limit} }}",
            ]
        o += ["  http-request set-header x-consumer-id %[var(txn.c)]"]
    if scen == "S3":
        o += [
            "  http-request set-header x-gateway peers-bench",
            "  http-request del-header x-api-key",
            "  http-request del-header x-debug",
            "  http-response set-header x-gateway peers-bench",
            "  http-response del-header x-powered-by",
            "  use_backend b if { rand(100) lt 10 }",
            "backend rl",
            "  stick-table type string len 32 size 8k expire 120s store http_req_rate(60s)",
        ]
    o += [
        "backend a",
        f"  server s 127.0.0.1:{UP_A} pool-max-conn 256",
        "backend b",
        f"  server s 127.0.0.1:{UP_B} pool-max-conn 256",
    ]
    f = CONF / f"{name}.cfg"
    f.write_text("\n".join(o) + "\n")
    return ["/usr/sbin/haproxy", "-db", "-f", str(f)], {}


def extra_conf(command):
    def f(name, scen, port, w, limit):
        v = {
            "port": port,
            "workers": w,
            "up_a": f"127.0.0.1:{UP_A}",
            "up_b": f"127.0.0.1:{UP_B}",
            "up_a_port": UP_A,
            "up_b_port": UP_B,
            "keys": CONF / "keys.txt",
            "limit": limit,
        }
        return shlex.split(command.format(**v)), {f"BENCH_{k.upper()}": str(x) for k, x in v.items()}

    return f


def peers():
    def flavoured(conf, flavour):
        return lambda *arguments: conf(*arguments, flavour)

    nginx, lua = flavoured(nginx_conf, "native"), flavoured(nginx_conf, "lua")
    out = [("S1", "nginx", nginx), ("S1", "haproxy", haproxy_conf), ("S1", "envoy", flavoured(envoy_conf, "native"))]
    for s in ("S2", "S3"):
        out += [(s, "nginx-native", nginx), (s, "nginx-lua", lua), (s, "haproxy", haproxy_conf)]
        out += [(s, f"envoy-{f}", flavoured(envoy_conf, f)) for f in ("native", "wasm-v8")]
    return out + [(s, "sluice", sluice_conf) for s in SCENARIOS]
