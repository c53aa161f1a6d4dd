//! Clients: HTTP/1.1 and HTTP/2 through hyper, clear-text or over TLS, and raw bytes.

mod answer;
pub mod raw;

use std::net::SocketAddr;

use http::header::HOST;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri, Version};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::rt::{Read, Write};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

pub use answer::Answer;

use crate::body::{self, Body};
use crate::{tls, wait};

/// The Host of every request that does not say another.
pub const HOST_NAME: &str = "gateway.test";

/// One connection.
pub enum Client {
    /// HTTP/1.1.
    Http1(http1::SendRequest<Body>),
    /// HTTP/2.
    Http2(http2::SendRequest<Body>),
}

impl Client {
    /// HTTP/1.1 in clear text.
    pub async fn http1(address: SocketAddr) -> Self {
        Self::try_http1(address)
            .await
            .expect("an HTTP/1.1 connection")
    }

    /// The same; an error when nobody listens.
    pub async fn try_http1(address: SocketAddr) -> Result<Self, body::Error> {
        Self::speak_http1(TokioIo::new(connect(address).await?)).await
    }

    /// HTTP/2 in clear text, by prior knowledge.
    pub async fn http2(address: SocketAddr) -> Self {
        let stream = connect(address).await.expect("a connection");
        Self::speak_http2(TokioIo::new(stream))
            .await
            .expect("an HTTP/2 connection")
    }

    /// The same with a client that takes this many bytes of each stream before they are read.
    pub async fn http2_with_window(address: SocketAddr, bytes: u32) -> Self {
        let stream = connect(address).await.expect("a connection");
        let handshake = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(bytes)
            .handshake(TokioIo::new(stream));
        let (sender, connection) = handshake.await.expect("an HTTP/2 connection");
        tokio::spawn(connection);
        Self::Http2(sender)
    }

    /// Over TLS, in the first of these protocols that the gateway takes.
    pub async fn tls(address: SocketAddr, authority: &tls::Authority, protocols: &[&str]) -> Self {
        let stream = connect(address).await.expect("a connection");
        let stream = authority
            .connect(stream, protocols)
            .await
            .expect("a TLS session");
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let stream = TokioIo::new(stream);
        let spoken = match http2 {
            true => Self::speak_http2(stream).await,
            false => Self::speak_http1(stream).await,
        };
        spoken.expect("an HTTP connection over TLS")
    }

    async fn speak_http1<S>(stream: S) -> Result<Self, body::Error>
    where
        S: Read + Write + Unpin + Send + 'static,
    {
        let (sender, connection) = http1::handshake(stream).await?;
        tokio::spawn(connection.with_upgrades());
        Ok(Self::Http1(sender))
    }

    async fn speak_http2<S>(stream: S) -> Result<Self, body::Error>
    where
        S: Read + Write + Unpin + Send + 'static,
    {
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
        tokio::spawn(connection);
        Ok(Self::Http2(sender))
    }

    /// A second handle on the same HTTP/2 connection.
    ///
    /// # Panics
    /// On an HTTP/1.1 connection, which carries one request at a time.
    #[must_use]
    pub fn another(&self) -> Self {
        match self {
            Self::Http1(_) => panic!("an HTTP/1.1 connection is not shared"),
            Self::Http2(sender) => Self::Http2(sender.clone()),
        }
    }

    /// Sends a request; its response as it comes.
    pub async fn try_send(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, body::Error> {
        match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                Ok(sender.send_request(request).await?)
            }
            Self::Http2(sender) => {
                sender.ready().await?;
                Ok(sender.send_request(for_http2(request)).await?)
            }
        }
    }

    /// Sends a request; its response as it comes.
    pub async fn send(&mut self, request: Request<Body>) -> Response<Incoming> {
        let what = format!("{} {}", request.method(), request.uri());
        let sent = wait::within(&what, self.try_send(request)).await;
        sent.unwrap_or_else(|error| panic!("{what}: {error:?}"))
    }

    /// Sends a request and reads its response to the end.
    pub async fn try_fetch(&mut self, request: Request<Body>) -> Result<Answer, body::Error> {
        Answer::read(self.try_send(request).await?).await
    }

    /// Sends a request and reads its response to the end.
    pub async fn fetch(&mut self, request: Request<Body>) -> Answer {
        let what = format!("{} {}", request.method(), request.uri());
        let answer = wait::within(&what, self.try_fetch(request)).await;
        answer.unwrap_or_else(|error| panic!("{what}: {error:?}"))
    }
}

async fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A request without a body for a path of [`HOST_NAME`].
pub fn request(method: Method, path: &str) -> Request<Body> {
    with_body(method, path, body::empty())
}

/// GET
pub fn get(path: &str) -> Request<Body> {
    request(Method::GET, path)
}

/// A request with a body.
pub fn with_body(method: Method, path: &str, body: Body) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, HOST_NAME)
        .body(body)
        .expect("a valid request")
}

/// Adds headers to a request or takes the place of those that it has.
pub trait With {
    /// With this header instead of all of its name.
    #[must_use]
    fn with(self, name: &'static str, value: &str) -> Self;
}

impl<B> With for Request<B> {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a valid header value");
        self.headers_mut()
            .insert(HeaderName::from_static(name), value);
        self
    }
}

/// What HTTP/1.1 says as Host, HTTP/2 says as `:authority`.
fn for_http2(mut request: Request<Body>) -> Request<Body> {
    let host = request.headers_mut().remove(HOST);
    let host = host
        .as_ref()
        .and_then(|host| host.to_str().ok())
        .unwrap_or(HOST_NAME);
    let uri = format!("http://{host}{}", request.uri());
    *request.uri_mut() = uri.parse::<Uri>().expect("a valid URI");
    *request.version_mut() = Version::HTTP_2;
    request
}
