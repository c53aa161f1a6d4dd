//! What kind of file it is, and the way from a core module to a component.

use std::borrow::Cow;

use wasmparser::{Encoding, Parser, Payload};
use wit_component::ComponentEncoder;

use super::LoadError;

/// The section in which a toolchain leaves the type that a core module should have.
const TYPE_SECTION: &str = "component-type";

/// The component in these bytes: themselves, or what a typed core module becomes.
pub(super) fn component(bytes: &[u8]) -> Result<Cow<'_, [u8]>, LoadError> {
    match kind(bytes)? {
        Kind::Component => Ok(Cow::Borrowed(bytes)),
        Kind::Module { typed: false } => Err(LoadError::NotAComponent(
            "it is a core module, and has no `component-type` section to make one from".to_owned(),
        )),
        Kind::Module { typed: true } => encode(bytes).map(Cow::Owned).map_err(|why| {
            if why.contains("wasi_snapshot_preview1") {
                LoadError::NotAComponent(
                    "it is a core module for WASI preview 1; build it for wasm32-wasip2 \
                     or wasm32-unknown-unknown"
                        .to_owned(),
                )
            } else {
                LoadError::Invalid(why)
            }
        }),
    }
}

enum Kind {
    Component,
    Module { typed: bool },
}

fn kind(bytes: &[u8]) -> Result<Kind, LoadError> {
    if bytes.is_empty() {
        return Err(LoadError::NotAComponent("it is empty".to_owned()));
    }
    if !bytes.starts_with(b"\0asm") {
        let text = bytes.trim_ascii_start();
        let what = if text.starts_with(b"(component") || text.starts_with(b"(module") {
            "it is the text format, which `wasm-tools parse` makes binary"
        } else {
            "it does not begin like WebAssembly"
        };
        return Err(LoadError::NotAComponent(what.to_owned()));
    }
    let (mut component, mut typed, mut depth) = (false, false, 0u32);
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| {
            if error.message().contains("unexpected end") {
                LoadError::Truncated
            } else {
                LoadError::Invalid(error.to_string())
            }
        })?;
        match payload {
            Payload::Version { encoding, .. } => {
                component |= depth == 0 && encoding == Encoding::Component;
                depth += 1;
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) => {
                typed |= section.name().starts_with(TYPE_SECTION);
            }
            _ => {}
        }
    }
    Ok(if component {
        Kind::Component
    } else {
        Kind::Module { typed }
    })
}

/// Makes a component; the engine validates it afterwards.
fn encode(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut encoder = ComponentEncoder::default();
    let encoder = encoder.module(bytes).map_err(|e| format!("{e:#}"))?;
    encoder.encode().map_err(|e| format!("{e:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing::on_request;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_answered(head in 0usize..9, bytes: Vec<u8>) {
            let start = b"\0asm\x0d\0\x01\0".get(..head).unwrap_or(b"\0asm\x01\0\0\0");
            let _ = component(&[start, &bytes].concat());
        }

        #[test]
        fn a_damaged_module_is_answered(changes in prop::collection::vec((any::<u16>(), any::<u8>()), 1..4)) {
            let mut module = on_request(&[("request", "method", "(param i32)")], "");
            for (at, byte) in changes {
                let at = usize::from(at) % module.len();
                module[at] = byte;
            }
            let _ = component(&module);
        }
    }
}
