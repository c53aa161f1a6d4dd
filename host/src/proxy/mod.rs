//! One exchange from start to finish: normalise, route, request hooks, forward,
//! response hooks, log.

mod answer;
mod begin;
mod chain;
mod connection;
mod ending;
mod forward;
mod forwarded;
mod http2_request;
mod judged;
mod max_forwards;
mod outcalls;
pub mod path;
mod respond;
mod response_body;
mod run;
mod tunnel;
mod upgrade;

pub use answer::{Answer, Source};
pub use connection::Connection;
pub use response_body::{BrokenOff, ResponseBody};
pub use run::{Handled, handle};
pub use tunnel::Tunnel;
