//! Leaving HTTP for another protocol on the same connection (RFC 9110, 7.8).

use http::Version;
use http::header::{CONNECTION, HeaderValue, UPGRADE};

use crate::message::{Headers, RequestHead};

/// A request to switch protocols.
pub(super) struct Upgrade {
    /// To one of these, as a list.
    pub(super) protocols: HeaderValue,
}

impl Upgrade {
    /// HTTP/1.1 only: `Connection: upgrade` and `Upgrade`.
    pub(super) fn asked(request: &RequestHead) -> Option<Self> {
        let headers = &request.headers;
        if !headers.contains_key(UPGRADE) || request.version != Version::HTTP_11 {
            return None;
        }
        let asks = headers.get_all(CONNECTION).any(|v| {
            v.to_str().is_ok_and(|v| {
                v.split(',')
                    .any(|word| word.trim().eq_ignore_ascii_case("upgrade"))
            })
        });
        let protocols = asks.then(|| protocols(headers)).flatten()?;
        Some(Self { protocols })
    }

    /// Whether the head of a `101` response names what was asked for, and nothing else.
    pub(super) fn is_granted(&self, response: &Headers) -> bool {
        let mut granted = members(response.get_all(UPGRADE)).peekable();
        granted.peek().is_some()
            && granted.all(|granted| {
                members([&self.protocols])
                    .any(|asked| name(asked).eq_ignore_ascii_case(name(granted)))
            })
    }
}

/// All that `Upgrade` lists, but `h2c`: it would smuggle requests past routing, and is as if it
/// were not there. None where nothing else is listed.
pub(super) fn protocols(headers: &Headers) -> Option<HeaderValue> {
    let kept: Vec<&[u8]> = members(headers.get_all(UPGRADE))
        .filter(|member| !name(member).eq_ignore_ascii_case(b"h2c"))
        .collect();
    match kept.is_empty() {
        true => None,
        false => HeaderValue::from_bytes(&kept.join(&b", "[..])).ok(),
    }
}

fn members<'a>(lines: impl IntoIterator<Item = &'a HeaderValue>) -> impl Iterator<Item = &'a [u8]> {
    let members = lines.into_iter().flat_map(|line| {
        let members = line.as_bytes().split(|b| *b == b',');
        members.map(<[u8]>::trim_ascii)
    });
    members.filter(|member| !member.is_empty())
}

/// A protocol without its version.
fn name(protocol: &[u8]) -> &[u8] {
    let name = protocol.split(|b| *b == b'/').next();
    name.unwrap_or_default().trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(lines: &[&str]) -> Option<Upgrade> {
        let mut head = crate::message::Request::from(http::Request::new(())).head;
        head.headers
            .insert(CONNECTION, "x, Upgrade".parse().unwrap());
        for line in lines {
            head.headers.append(UPGRADE, line.parse().unwrap());
        }
        Upgrade::asked(&head)
    }

    #[test]
    fn h2c_is_asked_for_by_nobody() {
        for (lines, protocols) in [
            (&["websocket"][..], Some("websocket")),
            (&["a/1, b", "c"], Some("a/1, b, c")),
            (&["x, h2c"], Some("x")),
            (&["x", "H2C/1"], Some("x")),
            (&["h2c"], None),
            (&["h2c, h2c/17", " h2C "], None),
            (&["h2cx"], Some("h2cx")),
            (&[","], None),
        ] {
            let found = asked(lines).map(|upgrade| upgrade.protocols);
            let found = found.as_ref().map(|v| v.to_str().unwrap());
            assert_eq!(found, protocols, "{lines:?}");
        }
    }

    #[test]
    fn only_what_was_asked_for_is_granted() {
        let upgrade = asked(&["a/1, b"]).unwrap();
        for (granted, is_granted) in [
            ("a/1", true),
            ("A", true),
            ("b, a", true),
            ("h2c", false),
            ("a, c", false),
            ("", false),
        ] {
            let mut headers = Headers::new();
            headers.insert(UPGRADE, granted.parse().unwrap());
            assert_eq!(upgrade.is_granted(&headers), is_granted, "{granted}");
        }
        assert!(!upgrade.is_granted(&Headers::new()));
    }
}
