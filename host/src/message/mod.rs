//! What a message of HTTP is made of before its body, whichever protocol it came by.

mod head;
mod headers;
mod names;

pub use head::{Request, RequestHead, Response, ResponseHead};
pub use headers::{Headers, Named};
pub use names::Names;
