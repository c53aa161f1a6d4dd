//! What the black-box tests stand on: the gateway as a process, upstreams that
//! behave well or badly on demand, clients of every protocol, constant load,
//! and the plugins that only a test would write.
//!
//! Nothing here looks into the gateway: it is what a user would run.

pub mod body;
pub mod client;
pub mod command;
pub mod config;
pub mod examples;
pub mod gateway;
pub mod grpc;
pub mod keys;
pub mod lines;
pub mod load;
pub mod metrics;
pub mod paths;
pub mod plugins;
pub mod port;
pub mod redis;
pub mod tcp_proxy;
pub mod tls;
pub mod upstream;
pub mod wait;
pub mod websocket;

pub use client::Client;
pub use config::Settings;
pub use gateway::Gateway;
pub use redis::Redis;
pub use tcp_proxy::TcpProxy;
pub use upstream::Upstream;
