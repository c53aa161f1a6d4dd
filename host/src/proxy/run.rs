//! The way of one exchange.

use std::rc::Rc;

use http::StatusCode;

use super::begin::{Begun, begin};
use super::chain::Inbound;
use super::connection::Connection;
use super::ending::Ending;
use super::forward;
use super::respond;
use super::response_body::ResponseBody;
use super::tunnel::{self, Tunnel};
use crate::message::{Headers, RequestHead, Response, ResponseHead};
use crate::server::{ClientBody, Visit};

/// What becomes of a request.
pub enum Handled {
    /// A response, whose body ends the exchange.
    Response(Response<ResponseBody>),
    /// Both sides leave HTTP: the head of the `101` response, and what follows it.
    Tunnel(ResponseHead, Box<Tunnel>),
}

impl Handled {
    /// The response, where the client has not asked to leave HTTP.
    pub fn into_response(self) -> Response<ResponseBody> {
        match self {
            Self::Response(response) => response,
            Self::Tunnel(..) => Response {
                head: ResponseHead {
                    status: StatusCode::BAD_GATEWAY,
                    headers: Headers::new(),
                },
                body: ResponseBody::empty(),
            },
        }
    }
}

/// Takes a request from its head to a response. Whatever goes wrong is an answer, or a body that
/// breaks off.
pub async fn handle(
    connection: Rc<Connection>,
    visit: Visit,
    head: RequestHead,
    body: ClientBody,
) -> Handled {
    let Begun {
        mut ending,
        upgrade,
        problem,
    } = begin(connection, visit, head);
    if let Some(answer) = problem {
        return Handled::Response(respond::with_answer(ending, answer).await);
    }
    let mut inbound = Inbound::new(body);
    if let Err(made) = ending.request_hooks(&mut inbound).await {
        return Handled::Response(respond::with_made(ending, made).await);
    }
    match forward::forward(&mut ending, inbound, upgrade.as_ref()).await {
        Ok(response) => match upgrade {
            Some(_) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                let (head, tunnel) = tunnel::open(ending, response);
                Handled::Tunnel(head, Box::new(tunnel))
            }
            _ => Handled::Response(respond::with_response(ending, response).await),
        },
        Err(answer) => Handled::Response(respond::with_answer(ending, answer).await),
    }
}

/// What every step works on.
pub(super) type Running = Box<Ending>;
