//! How a call of a plugin can fail.

use std::fmt;

/// Why a hook gave no verdict. `Display` is for the operator's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The code trapped, or broke the rules of the component model.
    Trap(String),
    /// It used more CPU time than `limits.deadline`.
    Deadline,
    /// It waited for longer than `limits.wait`.
    Waited,
    /// All its instances wait, and as many exchanges wait for one of them as may.
    Busy,
    /// It wanted more memory than `limits.memory`, and gave up.
    Memory,
    /// The plugin itself returned an error with this message.
    Refused(String),
    /// What it returned cannot be sent.
    InvalidReply(&'static str),
    /// What it returned is more than `limits.host_call_bytes`. The call ended
    /// before the engine was through with it.
    TooLarge,
    /// It failed so often that it is left alone for a while.
    Tripped,
    /// No instance of it can be made.
    Unavailable(String),
}

impl Failure {
    /// A fixed word for each case, as a label of metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Failure::Trap(_) => "trap",
            Failure::Deadline => "deadline",
            Failure::Waited => "waited",
            Failure::Busy => "busy",
            Failure::Memory => "memory",
            Failure::Refused(_) => "error",
            Failure::InvalidReply(_) | Failure::TooLarge => "invalid-reply",
            Failure::Tripped => "tripped",
            Failure::Unavailable(_) => "unavailable",
        }
    }

    /// Whether the instance cannot be used again.
    pub(super) fn costs_the_instance(&self) -> bool {
        matches!(
            self,
            Failure::Trap(_)
                | Failure::Deadline
                | Failure::Waited
                | Failure::Memory
                | Failure::TooLarge
                | Failure::Unavailable(_)
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Trap(why) => write!(f, "trapped: {why}"),
            Failure::Deadline => f.write_str("used more CPU time than limits.deadline allows"),
            Failure::Waited => f.write_str("waited for longer than limits.wait allows"),
            Failure::Busy => f.write_str("has as many waiting calls as limits.instances allows"),
            Failure::Memory => f.write_str("needs more memory than limits.memory allows"),
            Failure::Refused(why) => write!(f, "returned an error: {why}"),
            Failure::InvalidReply(why) => write!(f, "returned what cannot be sent: {why}"),
            Failure::TooLarge => f.write_str(
                "returned what cannot be sent: more data in one call than \
                 limits.host_call_bytes allows",
            ),
            Failure::Tripped => {
                f.write_str("failed again and again, and is left alone for a while")
            }
            Failure::Unavailable(why) => write!(f, "cannot be started again: {why}"),
        }
    }
}

impl std::error::Error for Failure {}
