//! What an HTTP/2 request must hold to, beyond what hyper asks of it.

use http::StatusCode;
use http::header::{COOKIE, HOST, HeaderValue};
use http::uri::Scheme;

use super::answer::{Answer, Source};
use crate::message::{Headers, RequestHead};
use crate::server::http1::is_authority;

/// Brings a request into the form that HTTP/1 has: at most `lines` header lines, one `cookie`,
/// and in `host` what `:authority` says (RFC 9113, 8.3.1).
pub(super) fn settle(head: &mut RequestHead, lines: usize) -> Result<(), Answer> {
    join_cookies(&mut head.headers);
    if head.headers.len() > lines {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        let detail = "the request has too many header lines";
        return Err(Answer::new(status, Source::Request, detail));
    }
    settle_host(head)
        .and_then(|()| check_values(&head.headers))
        .map_err(|detail| Answer::new(StatusCode::BAD_REQUEST, Source::Request, detail))
}

fn settle_host(head: &mut RequestHead) -> Result<(), &'static str> {
    if head.headers.get_all(HOST).nth(1).is_some() {
        return Err("the request has more than one Host header");
    }
    let host = head.headers.get(HOST);
    let authority = head.uri.authority().map(|a| a.as_str().as_bytes());
    let Some(winner) = authority.or_else(|| host.map(HeaderValue::as_bytes)) else {
        return Err("the request names no host");
    };
    if !is_authority(winner, false) {
        return Err("the authority is not a host with an optional port");
    }
    if let (Some(authority), Some(host)) = (authority, host) {
        let port: &[u8] = match head.uri.scheme() == Some(&Scheme::HTTPS) {
            true => b":443",
            false => b":80",
        };
        let bare = |named| <[u8]>::strip_suffix(named, port).unwrap_or(named);
        if !bare(authority).eq_ignore_ascii_case(bare(host.as_bytes())) {
            return Err("Host and :authority differ");
        }
    }
    if authority.is_some() {
        let value = HeaderValue::from_bytes(winner);
        let value = value.map_err(|_| "the authority is not valid")?;
        head.headers.insert(HOST, value);
    }
    Ok(())
}

/// HTTP/2 has no white space around values that a reader of HTTP/1 would take off (RFC 9113, 8.2.1).
fn check_values(headers: &Headers) -> Result<(), &'static str> {
    for (_, value) in headers.iter() {
        if let [b' ' | b'\t', ..] | [.., b' ' | b'\t'] = value.as_bytes() {
            return Err("a header's value begins or ends with white space");
        }
    }
    Ok(())
}

/// HTTP/2 may cut `cookie` into several lines, which nobody else understands (RFC 9113, 8.2.3).
fn join_cookies(headers: &mut Headers) {
    if headers.get_all(COOKIE).nth(1).is_none() {
        return;
    }
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn settled(uri: &str, lines: &[(&'static str, &str)]) -> Result<Headers, u16> {
        let mut head = crate::message::Request::from(http::Request::new(())).head;
        head.uri = uri.parse().unwrap();
        for (name, value) in lines {
            head.headers
                .append(HeaderName::from_static(name), value.parse().unwrap());
        }
        match settle(&mut head, 4) {
            Ok(()) => Ok(head.headers),
            Err(answer) => Err(answer.status.as_u16()),
        }
    }

    #[test]
    fn the_crumbs_of_a_cookie_are_one_line() {
        let headers = settled("http://a/", &[("cookie", "a=1")]).unwrap();
        assert_eq!(headers["cookie"], "a=1");
        let crumbs = [("cookie", "a=1"), ("cookie", "b=2; c=3")];
        let headers = settled("http://a/", &crumbs).unwrap();
        assert_eq!(headers.get_all(COOKIE).count(), 1);
        assert_eq!(headers["cookie"], "a=1; b=2; c=3");
    }

    #[test]
    fn the_host_is_what_the_authority_says() {
        for (uri, host, settled_host) in [
            ("http://a:8080/", None, "a:8080"),
            ("/", Some("a:80"), "a:80"),
            ("http://a/", Some("A"), "a"),
            ("http://a:80/", Some("a"), "a:80"),
            ("https://a/", Some("a:443"), "a"),
            ("https://[::1]:443/", Some("[::1]"), "[::1]:443"),
        ] {
            let lines: Vec<_> = host.map(|host| ("host", host)).into_iter().collect();
            let headers = settled(uri, &lines).expect(uri);
            assert_eq!(headers["host"], settled_host, "{uri} {host:?}");
        }
    }

    #[test]
    fn a_host_that_could_mean_two_things_is_refused() {
        for (uri, hosts) in [
            ("/", &[][..]),
            ("/", &["a", "a"]),
            ("/", &["evil.com/.example.com"]),
            ("/", &["api.example.com:80@evil.com"]),
            ("/", &[""]),
            ("http://a,b/", &[]),
            ("http://u@a/", &[]),
            ("http://a/", &["b"]),
            ("http://a/", &["a:443"]),
            ("https://a/", &["a:80"]),
            ("http://a/", &["a", "a"]),
        ] {
            let lines: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
            assert_eq!(settled(uri, &lines).err(), Some(400), "{uri} {hosts:?}");
        }
    }

    #[test]
    fn white_space_around_a_value_is_refused() {
        for value in [" b", "b ", "\tb", "b\t", " "] {
            assert_eq!(settled("http://a/", &[("a", value)]).err(), Some(400));
        }
        assert!(settled("http://a/", &[("a", "b c"), ("b", "")]).is_ok());
    }

    #[test]
    fn more_lines_than_the_listener_takes_are_refused() {
        let line = ("a", "b");
        assert!(settled("http://a/", &[line; 4]).is_ok());
        assert_eq!(settled("http://a/", &[line; 5]).err(), Some(431));
    }
}
