//! What is believed of whom, and what upstreams are told.

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;

use super::{Resolved, apply, resolve};
use crate::exchange::ClientAddress;
use crate::message::Headers;

const PROXIES: [&str; 2] = ["10.0.0.0/8", "2001:db8::/32"];

fn peer(ip: &str) -> ClientAddress {
    ClientAddress {
        ip: ip.parse().unwrap(),
        text: ip.parse().unwrap(),
    }
}

fn headers(lines: &[(&str, &str)]) -> Headers {
    let mut map = Headers::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

fn resolve_from(ip: &str, lines: &[(&str, &str)]) -> Resolved {
    let trusted = PROXIES.map(|net| net.parse::<IpNet>().unwrap());
    resolve(&peer(ip), &headers(lines), false, &trusted)
}

fn client(ip: &str, lines: &[(&str, &str)]) -> String {
    let client = resolve_from(ip, lines).client.map(|c| c.text);
    client.map_or("peer".to_owned(), |text| text.to_str().unwrap().to_owned())
}

/// What the upstream gets, as sorted lines.
fn told(ip: &str, lines: &[(&str, &str)], emit: bool) -> Vec<String> {
    let resolved = resolve_from(ip, lines);
    let mut map = headers(lines);
    apply(&mut map, &peer(ip), &resolved, emit);
    let mut told: Vec<_> = map
        .iter()
        .map(|(n, v)| format!("{n}: {}", v.to_str().unwrap()))
        .collect();
    told.sort();
    told
}

#[test]
fn the_rightmost_untrusted_address_is_the_client() {
    for (value, expected) in [
        ("203.0.113.9", "203.0.113.9"),
        ("1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (
            "1.1.1.1,203.0.113.9:4711,[2001:db8::5]:80 , 10.0.0.2",
            "203.0.113.9",
        ),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("203.0.113.9, unknown, 10.0.0.2", "10.0.0.2"),
        ("203.0.113.9, \u{e4}", "peer"),
        ("unknown", "peer"),
        ("", "peer"),
        ("10.0.0.1", "peer"),
    ] {
        assert_eq!(
            client("10.0.0.1", &[("x-forwarded-for", value)]),
            expected,
            "{value}"
        );
    }
    let two = [
        ("x-forwarded-for", "1.1.1.1, 2.2.2.2"),
        ("x-forwarded-for", "10.0.0.2"),
    ];
    assert_eq!(client("10.0.0.1", &two), "2.2.2.2");
    assert_eq!(client("203.0.113.1", &two), "peer");
}

#[test]
fn forwarded_is_read_where_it_is_alone() {
    let line = (
        "forwarded",
        "for=1.1.1.1, for=\"[2001:db9::1]\";proto=https, for=10.0.0.2;proto=http",
    );
    let found = resolve_from("2001:db8::1", &[line]);
    assert_eq!(found.client.unwrap().text, "2001:db9::1");
    assert!(found.https);
    assert_eq!(
        client("10.0.0.1", &[line, ("x-forwarded-for", "9.9.9.9")]),
        "9.9.9.9"
    );
    assert_eq!(client("203.0.113.1", &[line]), "peer");
    assert_eq!(
        client("10.0.0.1", &[("forwarded", "for=9.9.9.9, for=unknown")]),
        "peer"
    );
}

#[test]
fn only_a_trusted_peer_says_which_scheme_the_client_used() {
    for (ip, value, https) in [
        ("10.0.0.1", "https", true),
        ("10.0.0.1", "https, HTTP", false),
        ("10.0.0.1", "http,HTTPS", true),
        ("10.0.0.1", "wss", false),
        ("203.0.113.1", "https", false),
    ] {
        let found = resolve_from(ip, &[("x-forwarded-proto", value)]);
        assert_eq!(found.https, https, "{ip} {value}");
    }
}

#[test]
fn what_a_stranger_claims_is_replaced() {
    let lines = [
        ("host", "api.example.com"),
        ("x-forwarded-for", "1.1.1.1"),
        ("x-forwarded-for", "2.2.2.2"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil"),
        ("x-forwarded-prefix", "/evil"),
        ("x-real-ip", "1.1.1.1"),
        ("x_forwarded_for", "1.1.1.1"),
        ("x-forwarded_proto", "https"),
        ("x_real-ip", "1.1.1.1"),
        ("forwarded", "for=1.1.1.1"),
        ("x-forwarded", "stays"),
        ("x_other", "stays"),
    ];
    let expected = [
        "host: api.example.com",
        "x-forwarded-for: 203.0.113.1",
        "x-forwarded-host: api.example.com",
        "x-forwarded-proto: http",
        "x-forwarded: stays",
        "x_other: stays",
    ];
    assert_eq!(told("203.0.113.1", &lines, false), expected);
}

#[test]
fn what_a_trusted_proxy_says_is_kept_and_appended_to() {
    let lines = [
        ("host", "inner"),
        ("x-forwarded-for", "1.1.1.1"),
        ("x-forwarded-for", "2.2.2.2"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "api.example.com"),
        ("x-real-ip", "2.2.2.2"),
        ("forwarded", "for=2.2.2.2;proto=https"),
    ];
    let expected = [
        "forwarded: for=2.2.2.2;proto=https, for=10.0.0.1;host=inner;proto=http",
        "host: inner",
        "x-forwarded-for: 1.1.1.1, 2.2.2.2, 10.0.0.1",
        "x-forwarded-host: api.example.com",
        "x-forwarded-proto: https",
        "x-real-ip: 2.2.2.2",
    ];
    assert_eq!(told("10.0.0.1", &lines, false), expected);
}

#[test]
fn forwarded_is_sent_where_the_listener_asks() {
    let expected = [
        "forwarded: for=\"[2001:db9::7]\";host=\"a.example:8443\";proto=http",
        "host: a.example:8443",
        "x-forwarded-for: 2001:db9::7",
        "x-forwarded-host: a.example:8443",
        "x-forwarded-proto: http",
    ];
    assert_eq!(
        told("2001:db9::7", &[("host", "a.example:8443")], true),
        expected
    );
    let nothing = told("203.0.113.1", &[], false);
    assert_eq!(
        nothing,
        ["x-forwarded-for: 203.0.113.1", "x-forwarded-proto: http"]
    );
}
