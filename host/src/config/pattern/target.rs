//! `targets`: `host:port`, `1.2.3.4:80`, `[::1]:80`.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::model::Target;
use super::host;

/// Reads a target.
pub(in super::super) fn target(text: &str) -> Result<Target, String> {
    if text.contains("://") || text.contains('/') {
        return Err("a target has neither a scheme nor a path".to_owned());
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err("the port is missing".to_owned());
    };
    let number = port.parse::<u16>().ok().filter(|port| *port > 0);
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    let Some(port) = number.filter(|_| digits) else {
        return Err("the port is not a number from 1 to 65535".to_owned());
    };
    let host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(inside) => match inside.parse::<Ipv6Addr>() {
            Ok(address) => address.to_string(),
            Err(_) => return Err("not an IPv6 address between `[` and `]`".to_owned()),
        },
        None if host.contains(':') => {
            return Err("an IPv6 address stands in brackets: `[::1]:80`".to_owned());
        }
        None => name(host)?,
    };
    Ok(Target { host, port })
}

fn name(text: &str) -> Result<String, String> {
    let name = host::name(text)?;
    let last = name.rsplit('.').next().unwrap_or(&name);
    let numeric = last.bytes().all(|b| b.is_ascii_digit());
    if numeric && name.parse::<Ipv4Addr>().is_err() {
        return Err("not an IPv4 address".to_owned());
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::target;

    #[test]
    fn targets_are_read_and_shown_alike() {
        for text in [
            "127.0.0.1:9001",
            "[::1]:80",
            "orders.internal:65535",
            "a_b:1",
        ] {
            let shown = target(text).map(|target| target.to_string());
            assert_eq!(shown.as_deref(), Ok(text));
        }
        assert_eq!(target("LOCALHOST:80"), target("localhost:80"));
    }

    #[test]
    fn what_nobody_can_connect_to_is_refused() {
        let table = [
            "",
            ":",
            "a",
            "a:",
            ":80",
            "a:0",
            "a:65536",
            "a:+1",
            "a:http",
            "http://a:80",
            "a:80/x",
            "::1:80",
            "[::1]",
            "[x]:80",
            "300.1.1.1:80",
            "1.2.3:80",
            "a b:80",
            "*.a:80",
        ];
        for text in table {
            assert!(target(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-z0-9.:\\[\\]/]{0,20}") {
            if let Ok(read) = target(&text) {
                prop_assert_eq!(target(&read.to_string()), Ok(read));
            }
        }
    }
}
