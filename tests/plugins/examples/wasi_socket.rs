//! Wants to open a connection past the gateway.

use sluice_plugin::prelude::*;

/// Calls home.
#[derive(Config)]
struct Socket {
    /// Where to.
    address: String,
}

#[plugin]
impl Plugin for Socket {
    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        let connected = std::net::TcpStream::connect(&self.address).is_ok();
        request.set_header("x-connected", connected.to_string())?;
        Ok(Verdict::Next)
    }
}
