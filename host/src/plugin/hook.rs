//! The hooks that a plugin may export.

use std::fmt;

/// One moment of an exchange at which a plugin can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Hook {
    /// The request's head is there.
    OnRequest,
    /// The request's body is there, for a plugin that asked for it.
    OnRequestBody,
    /// The response's head is there.
    OnResponse,
    /// The response's body is there, for a plugin that asked for it.
    OnResponseBody,
    /// The exchange has ended.
    OnLog,
}

impl Hook {
    /// All hooks, in the order in which an exchange meets them.
    pub const ALL: [Hook; 5] = [
        Hook::OnRequest,
        Hook::OnRequestBody,
        Hook::OnResponse,
        Hook::OnResponseBody,
        Hook::OnLog,
    ];

    /// The name of the WIT interface and of its one function.
    pub const fn name(self) -> &'static str {
        match self {
            Hook::OnRequest => "on-request",
            Hook::OnRequestBody => "on-request-body",
            Hook::OnResponse => "on-response",
            Hook::OnResponseBody => "on-response-body",
            Hook::OnLog => "on-log",
        }
    }

    /// The hook whose interface has this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.name() == name)
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hooks(u8);

impl Hooks {
    /// Whether `hook` is in the set.
    pub const fn contains(self, hook: Hook) -> bool {
        self.0 & (1 << hook as u8) != 0
    }

    /// Whether there is no hook at all.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The hooks of the set, in the order in which an exchange meets them.
    pub fn iter(self) -> impl Iterator<Item = Hook> {
        Hook::ALL.into_iter().filter(move |h| self.contains(*h))
    }
}

impl FromIterator<Hook> for Hooks {
    fn from_iter<I: IntoIterator<Item = Hook>>(hooks: I) -> Self {
        Self(
            hooks
                .into_iter()
                .fold(0, |set, hook| set | (1 << hook as u8)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in() {
        let set: Hooks = [Hook::OnLog, Hook::OnRequest].into_iter().collect();
        assert!(set.contains(Hook::OnRequest) && set.contains(Hook::OnLog));
        assert!(!set.contains(Hook::OnResponse));
        assert_eq!(
            set.iter().collect::<Vec<_>>(),
            [Hook::OnRequest, Hook::OnLog]
        );
    }

    #[test]
    fn names_lead_back() {
        for hook in Hook::ALL {
            assert_eq!(Hook::named(hook.name()), Some(hook));
        }
    }
}
