//! What a message of HTTP is made of before its body, whichever protocol it came by.

mod head;
mod headers;

pub use head::{Request, RequestHead, Response, ResponseHead};
pub use headers::{Headers, Named};
