//! The heads of requests and responses, and what comes with them.

use http::{Method, StatusCode, Uri, Version};

use super::Headers;

/// The head of a request (RFC 9110, 3.4).
#[derive(Debug, Clone)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The target: path and query, and where the client named one, the authority.
    pub uri: Uri,
    /// The version that it came in.
    pub version: Version,
    /// All header lines.
    pub headers: Headers,
}

/// The head of a response.
#[derive(Debug, Clone)]
pub struct ResponseHead {
    /// The status.
    pub status: StatusCode,
    /// All header lines.
    pub headers: Headers,
}

/// A request.
#[derive(Debug)]
pub struct Request<B> {
    /// What comes before the body.
    pub head: RequestHead,
    /// The body.
    pub body: B,
}

/// A response.
#[derive(Debug)]
pub struct Response<B> {
    /// What comes before the body.
    pub head: ResponseHead,
    /// The body.
    pub body: B,
}

impl From<http::request::Parts> for RequestHead {
    fn from(parts: http::request::Parts) -> Self {
        Self {
            method: parts.method,
            uri: parts.uri,
            version: parts.version,
            headers: parts.headers.into(),
        }
    }
}

impl From<http::response::Parts> for ResponseHead {
    fn from(parts: http::response::Parts) -> Self {
        Self {
            status: parts.status,
            headers: parts.headers.into(),
        }
    }
}

impl<B> From<http::Request<B>> for Request<B> {
    fn from(request: http::Request<B>) -> Self {
        let (parts, body) = request.into_parts();
        Self {
            head: parts.into(),
            body,
        }
    }
}

impl<B> From<Request<B>> for http::Request<B> {
    fn from(Request { head, body }: Request<B>) -> Self {
        let mut request = http::Request::new(body);
        *request.method_mut() = head.method;
        *request.uri_mut() = head.uri;
        *request.version_mut() = head.version;
        *request.headers_mut() = head.headers.into();
        request
    }
}

impl<B> From<http::Response<B>> for Response<B> {
    fn from(response: http::Response<B>) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            head: parts.into(),
            body,
        }
    }
}

impl<B> From<Response<B>> for http::Response<B> {
    fn from(Response { head, body }: Response<B>) -> Self {
        let mut response = http::Response::new(body);
        *response.status_mut() = head.status;
        *response.headers_mut() = head.headers.into();
        response
    }
}

impl<B> Response<B> {
    /// The same head before another body.
    pub fn map<C>(self, body: impl FnOnce(B) -> C) -> Response<C> {
        Response {
            head: self.head,
            body: body(self.body),
        }
    }
}
