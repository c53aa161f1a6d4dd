//! `apply`: several edits in one call, all of them or none.

use wasmtime::component::LinkerInstance;
use wasmtime::{Result, StoreContextMut};

use super::types::{Edit, RefusedEdit};
use crate::exchange::{Change, EditName, Exchange, Rejected};
use crate::plugin::state::{State, edit};

/// In one call: nobody looks at the plugin's deadline meanwhile.
const MOST_EDITS: u32 = 256;

type Store<'a> = StoreContextMut<'a, State>;
type Done = std::result::Result<(), Rejected>;

/// The message that is edited.
pub(super) trait Side: Send + Sync + 'static {
    fn change(exchange: &mut Exchange, name: &EditName, change: Change<'_>) -> Done;
}

pub(super) struct Request;
pub(super) struct Response;

impl Side for Request {
    #[inline]
    fn change(exchange: &mut Exchange, name: &EditName, change: Change<'_>) -> Done {
        exchange.change_request_header(name, change)
    }
}

impl Side for Response {
    #[inline]
    fn change(exchange: &mut Exchange, name: &EditName, change: Change<'_>) -> Done {
        exchange.change_response_header(name, change)
    }
}

pub(super) fn link<S: Side>(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap("apply", |mut store: Store, (edits,): (Vec<Edit>,)| {
        edit(&mut store, |store, exchange| {
            let before = exchange.edits();
            for (at, edit) in (0..).zip(&edits) {
                let done = match at {
                    0..MOST_EDITS => make::<S>(store, exchange, edit)?,
                    _ => Err(Rejected::Refused),
                };
                if let Err(why) = done {
                    exchange.undo_to(before);
                    let why = why.into();
                    return Ok((Err(RefusedEdit { at, why }),));
                }
            }
            Ok((Ok(()),))
        })
    })
}

fn make<S: Side>(store: &Store<'_>, exchange: &mut Exchange, edit: &Edit) -> Result<Done> {
    let (Edit::Set((name, _))
    | Edit::Add((name, _))
    | Edit::Append((name, _))
    | Edit::Remove(name)
    | Edit::Hide(name)) = edit;
    let name = name.to_str(store)?;
    let change = match edit {
        Edit::Set((_, value)) => Change::Set(value.as_le_slice(store)),
        Edit::Add((_, value)) => Change::Add(value.as_le_slice(store)),
        Edit::Append((_, value)) => Change::Append(value.as_le_slice(store)),
        Edit::Remove(_) => Change::Remove,
        Edit::Hide(_) => Change::Hide(&name),
    };
    let names = &store.data().names;
    Ok(names.with(&name, |name| S::change(exchange, name, change)))
}
