//! A response that a plugin makes itself.

use crate::config::quote;

pub use crate::bindings::types::{Field, Reply};

impl Reply {
    /// A reply without headers and body. The gateway adds the framing.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A plain text.
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self::new(status).with_body("text/plain; charset=utf-8", body.into())
    }

    /// JSON that is written already.
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::new(status).with_body("application/json", body)
    }

    /// What went wrong, as `application/problem+json` (RFC 9457).
    pub fn problem(status: u16, title: &str, detail: &str) -> Self {
        let mut body = String::from(r#"{"type":"about:blank","title":"#);
        quote(title, &mut body);
        body.push_str(",\"status\":");
        body.push_str(&status.to_string());
        body.push_str(",\"detail\":");
        quote(detail, &mut body);
        body.push('}');
        Self::new(status).with_body("application/problem+json", body)
    }

    /// This reply with one more header line.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push(Field {
            name: name.to_owned(),
            value: value.into(),
        });
        self
    }

    /// This reply with a body and its media type.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.with_header("content-type", content_type)
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name))
            .map(|field| field.value.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_json_whatever_its_text() {
        let reply = Reply::problem(403, "For\"bidden", "line\nline");
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "type": "about:blank", "title": "For\"bidden", "status": 403, "detail": "line\nline"
            })
        );
        assert_eq!(
            reply.header("Content-Type"),
            Some(&b"application/problem+json"[..])
        );
    }
}
