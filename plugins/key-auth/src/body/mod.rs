//! Keys in bodies.

mod json;
mod multipart;

use crate::{Found, form};

/// How a body is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `application/json`, and everything that ends in `+json`.
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
    /// `multipart/form-data` with its boundary.
    Multipart(String),
}

impl Kind {
    /// By a `content-type`; none of the types that no key is looked for in.
    pub(crate) fn of(content_type: &str) -> Option<Self> {
        let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        let essence = essence.trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/x-www-form-urlencoded" => Some(Self::Form),
            "multipart/form-data" => {
                multipart::parameter(parameters, "boundary").map(Self::Multipart)
            }
            _ if essence == "application/json" || essence.ends_with("+json") => Some(Self::Json),
            _ => None,
        }
    }

    /// The value of `name`.
    pub(crate) fn find(&self, body: &[u8], name: &str) -> Found {
        match self {
            Self::Json => json::find(body, name),
            Self::Form => form::find(body, name),
            Self::Multipart(boundary) => multipart::find(body, boundary, name),
        }
    }

    /// The body without these names; none where it has none of them.
    pub(crate) fn without(&self, body: &[u8], names: &[String]) -> Option<Vec<u8>> {
        match self {
            Self::Json => json::without(body, names),
            Self::Form => form::without(body, names),
            Self::Multipart(boundary) => multipart::without(body, boundary, names),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn types_are_told_by_their_essence() {
        assert_eq!(
            Kind::of("Application/JSON; charset=utf-8"),
            Some(Kind::Json)
        );
        assert_eq!(Kind::of("application/merge-patch+json"), Some(Kind::Json));
        assert_eq!(
            Kind::of("application/x-www-form-urlencoded"),
            Some(Kind::Form)
        );
        let multipart = Kind::Multipart("a b".to_owned());
        assert_eq!(
            Kind::of("multipart/form-data; x=1; Boundary=\"a b\""),
            Some(multipart)
        );
        assert_eq!(Kind::of("multipart/form-data"), None);
        assert_eq!(Kind::of("text/plain"), None);
    }
}
