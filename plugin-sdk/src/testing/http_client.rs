//! The services that a plugin may call, played by closures of the test.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::edit::{self, header_name, header_value};
use super::gateway::Gateway;
use super::harness::Harness;
use super::world::{Phase, ask};
use crate::Plugin;
use crate::http_client::{Answer, Call, CallError, MAX_CALLS};
use crate::sys::types::http_client as wit;

type Service = Rc<dyn Fn(&Call) -> Result<Answer, CallError>>;

/// All services, and the calls that came.
#[derive(Clone, Default)]
pub(super) struct Services {
    by_name: BTreeMap<String, Service>,
    calls: Vec<Call>,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services")
            .field("names", &self.by_name.keys())
            .field("calls", &self.calls)
            .finish()
    }
}

impl Gateway {
    /// One more upstream that the plugin may call, all paths of it; or an origin,
    /// where `name` is one: `https://login.example.com`. `service` answers, or
    /// fails as the network would.
    ///
    /// `service` runs inside of the hook that calls: it sees the call and what
    /// the closure holds, and cannot ask the gateway itself.
    #[must_use]
    pub fn with_upstream(
        mut self,
        name: &str,
        service: impl Fn(&Call) -> Result<Answer, CallError> + 'static,
    ) -> Self {
        let services = &mut self.services.by_name;
        services.insert(name.to_owned(), Rc::new(service));
        self
    }
}

impl<P: Plugin> Harness<P> {
    /// The calls that the plugin made so far and that the gateway would have
    /// sent, in their order. They are kept where a hook fails: they were made.
    pub fn calls(&self) -> Vec<Call> {
        self.gateway.borrow().services.calls.clone()
    }
}

pub(crate) fn send(calls: &[wit::Call<'_>]) -> Vec<Result<wit::Answer, wit::CallError>> {
    if calls.len() > MAX_CALLS {
        let too_many = || wit::CallError::Invalid(format!("at most {MAX_CALLS} calls"));
        return calls.iter().map(|_| Err(too_many())).collect();
    }
    if ask(|w| w.phase == Phase::Configure) {
        let why = || wit::CallError::Failed("calls are made in hooks, not in `configure`".into());
        return calls.iter().map(|_| Err(why())).collect();
    }
    calls.iter().map(answer).collect()
}

/// Who is called, and the rest: a path and a query.
fn split(target: &str) -> Option<(&str, &str)> {
    let (name, rest) = target.split_once(':')?;
    let Some(host) = rest.strip_prefix("//") else {
        return Some((name, rest));
    };
    let origin = name.len() + "://".len() + host.find('/').unwrap_or(host.len());
    let (origin, path) = target.split_at_checked(origin)?;
    Some((origin, if path.is_empty() { "/" } else { path }))
}

fn answer(call: &wit::Call<'_>) -> Result<wit::Answer, wit::CallError> {
    let invalid = |what: &str| wit::CallError::Invalid(what.to_owned());
    let (callee, path) =
        split(call.target).ok_or_else(|| invalid("the target is not UPSTREAM:/path"))?;
    edit::method(call.method).map_err(|_| invalid("the method"))?;
    edit::target(path).map_err(|_| invalid("the path"))?;
    for (name, value) in call.headers {
        let hosts = name.eq_ignore_ascii_case("host");
        if hosts || header_name(name).is_err() || header_value(value).is_err() {
            return Err(invalid(&format!("header {name}")));
        }
    }
    let service = ask(|w| w.gateway.services.by_name.get(callee).cloned());
    let service = service.ok_or(wit::CallError::NotGranted)?;
    let lines = call.headers.iter();
    let ms = u64::from(call.timeout_ms);
    let call = Call {
        method: call.method.to_owned(),
        target: call.target.to_owned(),
        headers: lines.map(|&(n, v)| (n.to_owned(), v.to_vec())).collect(),
        body: call.body.to_vec(),
        timeout: (ms > 0).then(|| Duration::from_millis(ms)),
    };
    ask(|w| w.gateway.services.calls.push(call.clone()));
    match service(&call) {
        Ok(answer) => Ok(wit::Answer {
            status: answer.status,
            headers: answer.headers,
            body: answer.body,
        }),
        Err(CallError::NotGranted) => Err(wit::CallError::NotGranted),
        Err(CallError::Invalid(why)) => Err(wit::CallError::Invalid(why)),
        Err(CallError::TimedOut) => Err(wit::CallError::TimedOut),
        Err(CallError::TooLarge) => Err(wit::CallError::TooLarge),
        Err(CallError::Failed(why)) => Err(wit::CallError::Failed(why)),
    }
}
