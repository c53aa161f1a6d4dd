"""The configuration of Envoy: native filters and proxy-wasm."""

import json

from places import BIG, CONF, KEYS, ROOT, UP_A, UP_B

WASM = ROOT / "target/wasm32-wasip1/release/wasm_keyauth.wasm"


def envoy_bin():
    return next((ROOT / "venv").glob("lib/python*/site-packages/envoy/_bin/envoy"))


def envoy_conf(name, scen, port, w, limit, flavour):
    T = "type.googleapis.com/envoy.extensions."
    H = T + "filters.http."
    filters = []
    if scen != "S1":
        if flavour == "native":
            filters.append(
                {
                    "name": "auth",
                    "typed_config": {
                        "@type": H + "api_key_auth.v3.ApiKeyAuth",
                        "credentials": [{"key": k, "client": c} for k, c in KEYS],
                        "key_sources": [{"header": "x-api-key"}],
                        "forwarding": {"header": "x-consumer-id", "hide_credentials": scen == "S3"},
                    },
                }
            )
        else:
            filters.append(
                {
                    "name": "wasm",
                    "typed_config": {
                        "@type": H + "wasm.v3.Wasm",
                        "config": {
                            "name": "auth",
                            "root_id": "auth",
                            "configuration": {
                                "@type": "type.googleapis.com/google.protobuf.StringValue",
                                "value": ";".join(f"{k}={c}" for k, c in KEYS),
                            },
                            "vm_config": {
                                "vm_id": "auth",
                                "runtime": "envoy.wasm.runtime." + flavour.removeprefix("wasm-"),
                                "code": {"local": {"filename": str(WASM)}},
                            },
                        },
                    },
                }
            )
    if scen == "S3":
        pct = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
        tb = lambda n: {"max_tokens": n, "tokens_per_fill": n, "fill_interval": "60s"}
        filters.append(
            {
                "name": "rl",
                "typed_config": {
                    "@type": H + "local_ratelimit.v3.LocalRateLimit",
                    "stat_prefix": "rl",
                    "token_bucket": tb(BIG),
                    "filter_enabled": pct,
                    "filter_enforced": pct,
                    "max_dynamic_descriptors": 4096,  # default 20: would evict on nearly every request
                    "always_consume_default_token_bucket": False,
                    "rate_limits": [
                        {
                            "actions": [
                                {"request_headers": {"header_name": "x-consumer-id", "descriptor_key": "consumer"}}
                            ]
                        }
                    ],
                    "descriptors": [{"entries": [{"key": "consumer"}], "token_bucket": tb(limit)}],
                },
            }
        )
    filters.append(
        {"name": "router", "typed_config": {"@type": H + "router.v3.Router", "suppress_envoy_headers": True}}
    )
    route = {"match": {"prefix": "/"}, "route": {"cluster": "a", "timeout": "60s"}}
    if scen == "S3":
        add = [
            {"header": {"key": "x-gateway", "value": "peers-bench"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        ]
        route = {
            "match": {"prefix": "/"},
            "route": {
                "timeout": "60s",
                "weighted_clusters": {"clusters": [{"name": "a", "weight": 90}, {"name": "b", "weight": 10}]},
            },
            "request_headers_to_add": add,
            "request_headers_to_remove": ["x-api-key", "x-debug"],
            "response_headers_to_add": add,
            "response_headers_to_remove": ["x-powered-by"],
        }
    addr = lambda p: {"socket_address": {"address": "127.0.0.1", "port_value": p}}
    cluster = lambda n, p: {
        "name": n,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": n, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": addr(p)}}]}]},
    }
    hcm = {
        "@type": T + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "codec_type": "HTTP1",
        "generate_request_id": False,
        "server_header_transformation": "PASS_THROUGH",
        "stream_idle_timeout": "0s",
        "route_config": {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [route]}]},
        "http_filters": filters,
    }
    cfg = {
        "static_resources": {
            "listeners": [
                {
                    "name": "l",
                    "address": addr(port),
                    "filter_chains": [{"filters": [{"name": "hcm", "typed_config": hcm}]}],
                }
            ],
            "clusters": [cluster("a", UP_A), cluster("b", UP_B)],
        }
    }
    f = CONF / f"{name}.json"
    f.write_text(json.dumps(cfg, indent=1))
    return [str(envoy_bin()), "-c", str(f), "--concurrency", str(w), "--disable-hot-restart", "-l", "error"], {}
