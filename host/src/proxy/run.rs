//! The way of one exchange.

use std::convert::Infallible;
use std::rc::Rc;

use http::{Request, Response};
use hyper::body::Incoming;

use super::begin::{Begun, begin};
use super::chain::Inbound;
use super::connection::Connection;
use super::ending::Ending;
use super::forward;
use super::respond;
use super::response_body::ResponseBody;
use super::tunnel;
use crate::server::Visit;

/// Takes a request from its head to a response whose body ends the exchange.
///
/// # Errors
/// None: whatever goes wrong is an answer, or a body that breaks off.
pub async fn handle(
    connection: Rc<Connection>,
    visit: Visit,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    let Begun {
        mut ending,
        body,
        upgrade,
        problem,
    } = begin(connection, visit, request);
    if let Some(answer) = problem {
        return Ok(respond::with_answer(ending, answer).await);
    }
    let mut inbound = Inbound::new(body);
    if let Err(made) = ending.request_hooks(&mut inbound).await {
        return Ok(respond::with_made(ending, made).await);
    }
    match forward::forward(&mut ending, inbound, upgrade.as_ref()).await {
        Ok(mut response) => {
            if let Some(upgrade) = upgrade
                && response.status() == http::StatusCode::SWITCHING_PROTOCOLS
            {
                let upstream = hyper::upgrade::on(&mut response.response);
                return Ok(tunnel::open(ending, upgrade, upstream, response));
            }
            Ok(respond::with_response(ending, response).await)
        }
        Err(answer) => Ok(respond::with_answer(ending, answer).await),
    }
}

/// What every step works on.
pub(super) type Running = Box<Ending>;
