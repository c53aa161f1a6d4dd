//! Host and port, as they stand in `Host` and in a target.

use std::net::Ipv6Addr;

/// Whether this is `host` or `host:port`, where a host is a name, an IPv4 address or an
/// IPv6 address in brackets. Percent-escapes, user names and lists are refused, though
/// RFC 3986 knows some of them: no two parties agree on what they mean.
pub(crate) fn is_authority(bytes: &[u8], needs_port: bool) -> bool {
    let (host_is_good, rest) = match bytes.strip_prefix(b"[") {
        Some(inner) => {
            let end = inner.iter().position(|b| *b == b']').unwrap_or(inner.len());
            let (address, rest) = inner.split_at(end);
            (is_ipv6(address) && !rest.is_empty(), rest.get(1..))
        }
        None => {
            let end = bytes.iter().position(|b| !is_name_byte(*b));
            let (name, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            (!name.is_empty(), Some(rest))
        }
    };
    host_is_good
        && match rest.unwrap_or_default().split_first() {
            None => !needs_port,
            Some((b':', port)) => is_port(port),
            Some(_) => false,
        }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b';'
                | b'='
        )
}

fn is_ipv6(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

fn is_port(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_digit)
        && std::str::from_utf8(bytes).is_ok_and(|text| text.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_and_without_a_port() {
        for good in [
            "a",
            "api.example.com",
            "a_b.c",
            "127.0.0.1",
            "a:0",
            "[::1]:8443",
            "[fe80::1]",
            "a.:65535",
        ] {
            assert!(is_authority(good.as_bytes(), false), "{good}");
        }
        for bad in [
            "",
            ":80",
            "a:",
            "a:65536",
            "a:+1",
            "a:8o",
            "a b",
            "a/b",
            "a@b",
            "u:p@b",
            "a,b",
            "a%41",
            "[::1",
            "[]",
            "::1",
            "[::1]x",
            "[a]",
            "[fe80::1%25eth0]",
            "a\0",
            "ä",
            "a?b",
            "a\\b",
            "a:1:2",
        ] {
            assert!(!is_authority(bad.as_bytes(), false), "{bad}");
        }
        assert!(is_authority(b"a:443", true));
        assert!(!is_authority(b"a", true));
    }
}
