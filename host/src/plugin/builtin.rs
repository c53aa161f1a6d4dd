//! The components that ship with the gateway.

include!(concat!(env!("OUT_DIR"), "/builtins.rs"));

/// The component of `builtin:NAME`.
pub fn find(name: &str) -> Option<&'static [u8]> {
    let found = BUILTINS.iter().find(|(known, _)| *known == name);
    found.map(|(_, component)| *component)
}

/// All names, in alphabetical order.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILTINS.iter().map(|(name, _)| *name)
}
