//! The functions of the contract, answered by the fake gateway. Their
//! signatures are those of the generated bindings.

use super::edit::{self, Change, edit};
use super::exchange::{Line, Message};
use super::world::{Phase, World, ask};
use crate::bindings::types::{Edit, Field, RefusedEdit, Rejected};

fn fields(message: &Message) -> Vec<Field> {
    let lines = message.headers.iter();
    lines
        .map(|(name, value)| Field {
            name: name.as_str().to_owned(),
            value: value.as_bytes().to_vec(),
        })
        .collect()
}

fn values(message: &Message, name: &str) -> Vec<Vec<u8>> {
    let values = message.headers.get_all(name).iter();
    values.map(|v| v.as_bytes().to_vec()).collect()
}

fn count(message: &Message, name: &str) -> u32 {
    u32::try_from(message.headers.get_all(name).iter().count()).unwrap_or(u32::MAX)
}

pub(crate) mod request {
    use super::*;

    pub(crate) fn method() -> String {
        ask(|w| w.exchange.method.clone())
    }

    pub(crate) fn scheme() -> String {
        ask(|w| w.exchange.scheme.clone())
    }

    pub(crate) fn authority() -> String {
        ask(|w| {
            w.exchange
                .request
                .header("host")
                .unwrap_or_default()
                .to_owned()
        })
    }

    pub(crate) fn path() -> String {
        ask(|w| w.exchange.path().to_owned())
    }

    pub(crate) fn query() -> Option<String> {
        ask(|w| w.exchange.query().map(str::to_owned))
    }

    pub(crate) fn header(name: &str) -> Option<Vec<u8>> {
        ask(|w| {
            w.exchange
                .request
                .headers
                .get(name)
                .map(|v| v.as_bytes().to_vec())
        })
    }

    pub(crate) fn header_count(name: &str) -> u32 {
        ask(|w| count(&w.exchange.request, name))
    }

    pub(crate) fn header_values(name: &str) -> Vec<Vec<u8>> {
        ask(|w| values(&w.exchange.request, name))
    }

    pub(crate) fn headers() -> Vec<Field> {
        ask(|w| fields(&w.exchange.request))
    }

    pub(crate) fn capture(name: &str) -> Option<String> {
        ask(|w| w.exchange.captures.get(name).cloned())
    }
}

pub(crate) mod request_edit {
    use super::*;

    pub(crate) fn set_method(method: &str) -> Result<(), Rejected> {
        edit(Phase::Request, |w| {
            w.exchange.method = edit::method(method)?;
            Ok(())
        })
    }

    pub(crate) fn set_target(target: &str) -> Result<(), Rejected> {
        edit(Phase::Request, |w| {
            w.exchange.target = edit::target(target)?;
            Ok(())
        })
    }

    pub(crate) fn set_header(name: &str, value: &[u8]) -> Result<(), Rejected> {
        change(name, Change::Set(value)).map(drop)
    }

    pub(crate) fn append_header(name: &str, value: &[u8]) -> Result<(), Rejected> {
        one_host(name)?;
        change(name, Change::Append(value)).map(drop)
    }

    pub(crate) fn add_header(name: &str, value: &[u8]) -> Result<bool, Rejected> {
        change(name, Change::Add(value)).map(|was| !was)
    }

    pub(crate) fn remove_header(name: &str) -> Result<bool, Rejected> {
        one_host(name)?;
        change(name, Change::Remove)
    }

    fn change(name: &str, change: Change<'_>) -> Result<bool, Rejected> {
        edit(Phase::Request, |w| {
            edit::change(&mut w.exchange.request.headers, name, change)
        })
    }

    pub(crate) fn apply(edits: &[Edit<'_>]) -> Result<(), RefusedEdit> {
        let before = ask(|w| w.exchange.clone());
        let one = |name: &str, edit: Change<'_>| {
            if !matches!(edit, Change::Set(_) | Change::Add(_)) {
                one_host(name)?;
            }
            change(name, edit)
        };
        let done = edit::apply(edits, one, |name| {
            ask(|w| w.exchange.target = edit::without(&w.exchange.target, name));
        });
        if done.is_err() {
            ask(|w| w.exchange = before);
        }
        done
    }

    fn one_host(name: &str) -> Result<(), Rejected> {
        if name.eq_ignore_ascii_case("host") {
            return Err(Rejected::Reserved);
        }
        Ok(())
    }
}

pub(crate) mod routing {
    use super::*;

    pub(crate) fn choices() -> Vec<String> {
        ask(|w| w.exchange.upstreams.clone())
    }

    pub(crate) fn chosen() -> String {
        ask(|w| w.exchange.upstream.clone())
    }

    pub(crate) fn choose(upstream: &str) -> Result<(), Rejected> {
        edit(Phase::Request, |w| {
            let known = w.exchange.upstreams.iter().find(|u| *u == upstream);
            w.exchange.upstream = known.ok_or(Rejected::Unknown)?.clone();
            Ok(())
        })
    }

    pub(crate) fn available(upstream: &str) -> bool {
        ask(|w| !w.gateway.unavailable.contains(upstream))
    }
}

pub(crate) mod response {
    use super::*;

    pub(crate) fn status() -> u16 {
        ask(|w| w.exchange.status)
    }

    pub(crate) fn upstream() -> Option<String> {
        ask(|w| w.exchange.answered_by.clone())
    }

    pub(crate) fn header(name: &str) -> Option<Vec<u8>> {
        ask(|w| {
            w.exchange
                .response
                .headers
                .get(name)
                .map(|v| v.as_bytes().to_vec())
        })
    }

    pub(crate) fn header_count(name: &str) -> u32 {
        ask(|w| count(&w.exchange.response, name))
    }

    pub(crate) fn header_values(name: &str) -> Vec<Vec<u8>> {
        ask(|w| values(&w.exchange.response, name))
    }

    pub(crate) fn headers() -> Vec<Field> {
        ask(|w| fields(&w.exchange.response))
    }
}

pub(crate) mod response_edit {
    use super::*;

    pub(crate) fn set_status(status: u16) -> Result<(), Rejected> {
        edit(Phase::Response, |w| {
            if !(200..=599).contains(&status) {
                return Err(Rejected::Invalid);
            }
            w.exchange.status = status;
            Ok(())
        })
    }

    pub(crate) fn set_header(name: &str, value: &[u8]) -> Result<(), Rejected> {
        change(name, Change::Set(value)).map(drop)
    }

    pub(crate) fn append_header(name: &str, value: &[u8]) -> Result<(), Rejected> {
        change(name, Change::Append(value)).map(drop)
    }

    pub(crate) fn add_header(name: &str, value: &[u8]) -> Result<bool, Rejected> {
        change(name, Change::Add(value)).map(|was| !was)
    }

    pub(crate) fn remove_header(name: &str) -> Result<bool, Rejected> {
        change(name, Change::Remove)
    }

    pub(crate) fn apply(edits: &[Edit<'_>]) -> Result<(), RefusedEdit> {
        let before = ask(|w| w.exchange.clone());
        let done = edit::apply(edits, change, |_| {});
        if done.is_err() {
            ask(|w| w.exchange = before);
        }
        done
    }

    fn change(name: &str, change: Change<'_>) -> Result<bool, Rejected> {
        edit(Phase::Response, |w| {
            edit::change(&mut w.exchange.response.headers, name, change)
        })
    }
}

pub(crate) mod context {
    use super::*;

    pub(crate) fn request_id() -> String {
        ask(|w| w.exchange.request_id.clone())
    }

    pub(crate) fn route() -> String {
        ask(|w| w.exchange.route.clone())
    }

    pub(crate) fn client_address() -> String {
        ask(|w| w.exchange.client_address.clone())
    }

    pub(crate) fn get(key: &str) -> Option<Vec<u8>> {
        ask(|w| w.exchange.kept.get(key).cloned())
    }

    pub(crate) fn set(key: &str, value: &[u8]) -> Result<(), Rejected> {
        ask(|w| w.exchange.kept.insert(key.to_owned(), value.to_vec()));
        Ok(())
    }

    pub(crate) fn tag(key: &str, value: &str) -> Result<(), Rejected> {
        ask(|w| w.exchange.tags.push((key.to_owned(), value.to_owned())));
        Ok(())
    }
}

pub(crate) mod identity {
    use super::*;
    use crate::sys::types::types::ConsumerResult;

    pub(crate) fn caller() -> Option<ConsumerResult> {
        let caller = ask(|w| w.exchange.caller.clone())?;
        Some(ConsumerResult {
            id: caller.id,
            groups: caller.groups,
            attributes: caller.attributes,
            credential: caller.credential,
        })
    }

    pub(crate) fn id() -> Option<String> {
        ask(|w| Some(w.exchange.caller.as_ref()?.id.clone()))
    }

    pub(crate) fn groups() -> Vec<String> {
        let groups = |w: &mut World| Some(w.exchange.caller.as_ref()?.groups.clone());
        ask(groups).unwrap_or_default()
    }

    pub(crate) fn credential() -> Option<String> {
        ask(|w| w.exchange.caller.as_ref()?.credential.clone())
    }
}

pub(crate) mod identity_edit {
    use super::*;
    use crate::identity::Caller;
    use crate::sys::types::types::ConsumerParam;

    pub(crate) fn identify(consumer: &str, credential: Option<&str>) -> Result<(), Rejected> {
        edit(Phase::Request, |w| {
            let known = w.gateway.consumers.get(consumer);
            let known = known.ok_or(Rejected::Unknown)?;
            w.exchange.caller = Some(Caller {
                id: consumer.to_owned(),
                groups: known.groups.clone(),
                attributes: known.attributes.clone(),
                credential: credential.map(str::to_owned),
            });
            Ok(())
        })
    }

    pub(crate) fn set_caller(who: ConsumerParam<'_>) -> Result<(), Rejected> {
        edit(Phase::Request, |w| {
            if who.id.is_empty() {
                return Err(Rejected::Invalid);
            }
            let pairs = who.attributes.iter();
            w.exchange.caller = Some(Caller {
                id: who.id.to_owned(),
                groups: who.groups.iter().map(|&g| g.to_owned()).collect(),
                attributes: pairs.map(|&(n, v)| (n.to_owned(), v.to_owned())).collect(),
                credential: who.credential.map(str::to_owned),
            });
            Ok(())
        })
    }
}

pub(crate) mod log {
    use super::*;
    use crate::log::Level;

    pub(crate) fn enabled(_: Level) -> bool {
        true
    }

    pub(crate) fn write(level: Level, message: &str, fields: &[(&str, &str)]) {
        let fields = fields.iter();
        let line = Line {
            level,
            message: message.to_owned(),
            fields: fields.map(|&(n, v)| (n.to_owned(), v.to_owned())).collect(),
        };
        ask(|w| w.exchange.log.push(line));
    }
}

pub(crate) mod clock {
    use super::*;

    pub(crate) fn unix_ms() -> u64 {
        ask(|w| w.gateway.unix_ms)
    }

    pub(crate) fn monotonic_ns() -> u64 {
        ask(|w| w.gateway.monotonic_ns)
    }
}

pub(crate) mod random {
    use super::*;

    /// splitmix64 from a fixed seed: the same numbers in every run of a test.
    pub(crate) fn next_u64() -> u64 {
        ask(|w| {
            w.gateway.random = w.gateway.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = w.gateway.random;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        })
    }

    pub(crate) fn bytes(count: u32) -> Vec<u8> {
        (0..count.min(4096))
            .map(|_| next_u64().to_le_bytes()[0])
            .collect()
    }
}

pub(crate) mod consumers {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::consumers::{Credential, Shown};

    /// The gateway's bound, in bytes.
    const LONGEST_KEY: usize = 4096;

    pub(crate) fn credentials() -> Vec<Credential> {
        ask(|w| {
            let consumers = w.gateway.consumers.values();
            consumers
                .flat_map(|c| c.credentials.iter().cloned())
                .collect()
        })
    }

    pub(crate) fn find(key: &[u8]) -> Option<u32> {
        let now = super::clock::unix_ms() / 1000;
        let digest = Sha256::digest(key);
        let place = credentials().iter().position(|c| {
            key.len() <= LONGEST_KEY
                && key.starts_with(c.prefix.as_bytes())
                && c.sha256 == digest.as_slice()
                && c.not_before.is_none_or(|from| from <= now)
                && c.expires.is_none_or(|end| now < end)
        });
        u32::try_from(place?).ok()
    }

    pub(crate) fn find_in_header(name: &str) -> Shown {
        if edit::header_name(name).is_err() {
            return Shown::None;
        }
        match &super::request::header_values(name)[..] {
            [key] if !key.is_empty() => find(key).map_or(Shown::Unknown, Shown::Known),
            [] | [_] => Shown::None,
            _ => Shown::Several,
        }
    }

    pub(crate) fn groups(consumer: &str) -> Option<Vec<String>> {
        ask(|w| w.gateway.consumers.get(consumer).map(|c| c.groups.clone()))
    }
}

pub(crate) mod hook_choice {
    use super::*;
    use crate::plugin::Hook;
    use crate::sys::types::hook_choice::Hook as Named;

    pub(crate) fn skip(hook: Named) {
        let hook = match hook {
            Named::OnRequest => Hook::OnRequest,
            Named::OnRequestBody => Hook::OnRequestBody,
            Named::OnResponse => Hook::OnResponse,
            Named::OnResponseBody => Hook::OnResponseBody,
            Named::OnLog => Hook::OnLog,
        };
        ask(|w| {
            if w.phase == Phase::Configure {
                w.gateway.skipped.push(hook);
            }
        });
    }
}
