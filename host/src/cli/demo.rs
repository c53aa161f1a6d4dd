//! The embedded demo: an upstream, two consumers, three routes.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;

use super::keys::Key;
use super::print;
use crate::config::{self, Loaded, Problem};

/// A demo that is about to run.
pub(super) struct Demo {
    upstreams: [SocketAddr; 2],
    keys: [Key; 2],
}

impl Demo {
    /// Starts the demo's own upstreams, and makes keys for its consumers.
    pub(super) async fn start() -> Result<Self, String> {
        let key = || Key::new().map_err(|why| format!("cannot make a key: {why}"));
        let upstream = async |name| {
            start_upstream(name)
                .await
                .map_err(|why| format!("cannot start the demo's upstream: {why}"))
        };
        Ok(Self {
            upstreams: [upstream("v1").await?, upstream("v2").await?],
            keys: [key()?, key()?],
        })
    }

    pub(super) fn load(&self) -> Result<Loaded, Vec<Problem>> {
        let folder = std::env::current_dir().unwrap_or_default();
        config::load_text("demo", &self.text(), &folder).map_err(|r| r.problems)
    }

    fn text(&self) -> String {
        let [v1, v2] = self.upstreams;
        let [acme, globex] = [
            self.keys[0].credential("acme-1"),
            self.keys[1].credential("globex-1"),
        ];
        format!(
            r#"
[listeners.public]
address = "127.0.0.1:8080"

[admin]
address = "127.0.0.1:9901"

[upstreams.v1]
targets = ["{v1}"]

[upstreams.both]
targets = ["{v1}", "{v2}"]

[plugins.auth]
source = "builtin:key-auth"

[[routes]]
name = "open"
match = {{ path = "/open/*" }}
upstreams = ["v1"]

[[routes]]
name = "orders"
match = {{ path = "/orders/*" }}
plugins = ["auth"]
upstreams = ["v1"]

[[routes]]
name = "balanced"
match = {{ path = "/balanced/*" }}
upstreams = ["both"]

[consumers.acme]
groups = ["premium"]
credentials = [{acme}]

[consumers.globex]
credentials = [{globex}]
"#
        )
    }

    /// What to try.
    pub(super) fn show(&self) {
        let [acme, globex] = &self.keys;
        print::err("");
        print::err("The demo runs. Try, in another terminal:");
        print::err("");
        print::err("  curl -i http://127.0.0.1:8080/open/hello");
        print::err(format_args!(
            "  curl -i http://127.0.0.1:8080/orders/7 -H 'x-api-key: {}'",
            acme.text
        ));
        print::err("  curl -s http://127.0.0.1:8080/balanced/{1,2,3,4}");
        print::err("");
        print::err(format_args!(
            "The other consumer's key is {}; without a key, /orders answers 401.",
            globex.text
        ));
        print::err("Metrics: http://127.0.0.1:9901/metrics. Ctrl-C stops.");
        print::err("");
    }
}

async fn start_upstream(name: &'static str) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(move |request| echo(name, request));
            let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::task::spawn_local(serving);
        }
    });
    Ok(address)
}

/// Says what arrived: a reader sees what the gateway made of the request.
async fn echo(
    name: &'static str,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let headers: serde_json::Map<_, _> = request
        .headers()
        .iter()
        .map(|(name, value)| {
            (
                name.to_string(),
                json!(String::from_utf8_lossy(value.as_bytes())),
            )
        })
        .collect();
    let seen = json!({
        "upstream": name,
        "method": request.method().as_str(),
        "path": request.uri().path(),
        "headers": headers,
    });
    Ok(Response::new(Full::new(Bytes::from(format!("{seen}\n")))))
}
