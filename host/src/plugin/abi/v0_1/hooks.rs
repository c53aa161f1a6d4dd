//! The types of the hooks' functions.

use std::sync::Arc;

use bytes::Bytes;
use wasmtime::component::TypedFunc;

use super::lifecycle::{Description, Problem};
use super::types::{BodyVerdict, HeadVerdict, Summary};

/// `lifecycle.describe`
pub(super) type Describe = TypedFunc<(), (Description,)>;
/// `lifecycle.configure`
pub(super) type Configure = TypedFunc<(Arc<str>,), (Result<(), Vec<Problem>>,)>;
/// `on-request` and `on-response`
pub(super) type OnHead = TypedFunc<(), (Result<HeadVerdict, String>,)>;
/// `on-request-body` and `on-response-body`
pub(super) type OnBody = TypedFunc<(Bytes,), (Result<BodyVerdict, String>,)>;
/// `on-log`
pub(super) type OnLog = TypedFunc<(Summary,), ()>;
