//! `tls` of what the gateway connects to.

use super::super::model::ClientTls;
use super::super::pattern;
use super::super::reader::{Fault, Item, Table};

/// Bytes of the largest file of certificates.
const MOST_CA: u64 = 4 << 20;

pub(super) fn client_tls(table: &Table<'_, '_>) -> ClientTls {
    ClientTls {
        ca: table.maybe("ca", |i| i.file(MOST_CA)),
        server_name: table.maybe("server_name", |i: &Item<'_>| i.parse(server_name)),
    }
}

fn server_name(text: &str) -> Result<String, Fault> {
    match pattern::target(&format!("{text}:1")) {
        Ok(target) => Ok(target.host),
        Err(_) => Err(Fault::new("not a host").expected("a name or an IP address")),
    }
}
