//! `[listeners.NAME]`

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::super::key::join;
use super::super::model::{Admin, Listener, ListenerLimits, ListenerTimeouts, Name, Secret, Tls};
use super::super::reader::{Context, Fault, Item, Table};
use super::super::source::LARGEST_VALUE;
use super::TIMEOUT;
use super::names::named;

/// The most certificates of a listener.
const MOST_CERTIFICATES: usize = 1;

/// The most networks in `trusted_proxies`.
const MOST_PROXIES: usize = 1024;

const ADDRESS: &str = "an IP address and a port such as \"127.0.0.1:8080\" or \"[::]:8080\"";

/// Reads `listeners` of the root: there must be one.
pub(super) fn listeners(root: &Table<'_, '_>) -> BTreeMap<Name, Listener> {
    let expected = "a table [listeners.NAME] with an address";
    let listeners = root.need("listeners", expected, |item| {
        if item.entries()?.is_empty() {
            return item.reject(Fault::new("no listener").expected(expected));
        }
        Some(named(item, |_, item| item.table(listener).flatten()))
    });
    listeners.unwrap_or_default().into_iter().collect()
}

fn listener(table: &Table<'_, '_>) -> Option<Listener> {
    let address = table.need("address", ADDRESS, address);
    let tls = table.maybe("tls", |item| item.table(tls).flatten());
    let trusted_proxies = table.or("trusted_proxies", Vec::new(), trusted_proxies);
    let forwarded = table.or("forwarded", false, Item::boolean);
    let limits = table.or("limits", ListenerLimits::default(), |i| i.table(limits));
    let timeouts = table.or("timeouts", ListenerTimeouts::default(), |i| {
        i.table(timeouts)
    });
    Some(Listener {
        address: address?,
        tls,
        trusted_proxies,
        forwarded,
        limits,
        timeouts,
    })
}

/// An IP address and a port; port 0 stands for any free one.
pub(super) fn address(item: &Item<'_>) -> Option<SocketAddr> {
    item.parse(|text| {
        let address = text.parse().ok();
        address.ok_or_else(|| Fault::new("not an address").expected(ADDRESS))
    })
}

fn tls(table: &Table<'_, '_>) -> Option<Tls> {
    let expected = "[{ certificate = \"FILE\", key = \"FILE\" }]";
    let pairs = table.need("certificates", expected, |item| {
        let pairs = item.array(MOST_CERTIFICATES)?;
        if pairs.is_empty() {
            return item.reject(Fault::new("no certificate").expected(expected));
        }
        let read = pairs.iter().map(|item| item.table(certificate).flatten());
        read.collect::<Option<Vec<Tls>>>()
    });
    pairs?.into_iter().next()
}

fn certificate(table: &Table<'_, '_>) -> Option<Tls> {
    let certificate = table.need("certificate", "a file with the chain, in PEM", pem);
    let key = table.need("key", "a file with the private key, in PEM", pem);
    Some(Tls {
        certificate: certificate?,
        key: Secret(key?),
    })
}

fn pem(item: &Item<'_>) -> Option<Vec<u8>> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let bytes = item.file(LARGEST_VALUE)?;
    if bytes.windows(BEGIN.len()).any(|window| window == BEGIN) {
        return Some(bytes);
    }
    item.reject(Fault::new("the file has no PEM block").expected("a file with `-----BEGIN …`"))
}

/// Sorted, since their order means nothing.
fn trusted_proxies(item: &Item<'_>) -> Option<Vec<IpNet>> {
    let mut networks = item.each(MOST_PROXIES, |item| item.parse(network))?;
    networks.sort();
    networks.dedup();
    Some(networks)
}

fn network(text: &str) -> Result<IpNet, Fault> {
    let network = match text.parse::<IpNet>() {
        Ok(network) => Some(network.trunc()),
        Err(_) => text.parse::<IpAddr>().ok().map(IpNet::from),
    };
    network.ok_or_else(|| {
        let fault = Fault::new("not a network");
        fault.expected("an address or a network such as \"10.0.0.0/8\" or \"fd00::/8\"")
    })
}

fn limits(table: &Table<'_, '_>) -> ListenerLimits {
    let default = ListenerLimits::default();
    ListenerLimits {
        connections: table.or("connections", default.connections, |i| {
            i.count(1..=1_000_000)
        }),
        header_bytes: table.or("header_bytes", default.header_bytes, |i| {
            i.size(1 << 10..=1 << 20)
        }),
        headers: table.or("headers", default.headers, |i| i.count(1..=10_000)),
        streams: table.or("streams", default.streams, |i| i.integer(1..=10_000)),
    }
}

fn timeouts(table: &Table<'_, '_>) -> ListenerTimeouts {
    let default = ListenerTimeouts::default();
    ListenerTimeouts {
        header: table.or("header", default.header, |i| i.duration(TIMEOUT)),
        idle: table.or("idle", default.idle, |i| i.duration(TIMEOUT)),
        body: table.or("body", default.body, |i| i.duration(TIMEOUT)),
        write: table.or("write", default.write, |i| i.duration(TIMEOUT)),
    }
}

/// Reports every address that is listened on twice. Port 0 is a new one each time.
pub(super) fn no_shared_addresses(
    cx: &Context,
    listeners: &BTreeMap<Name, Listener>,
    admin: Option<&Admin>,
) {
    let mut seen: BTreeMap<SocketAddr, String> = BTreeMap::new();
    let of_listeners = listeners.iter().map(|(name, listener)| {
        let table = join("listeners", name);
        (join(&table, "address"), listener.address)
    });
    let of_admin = admin.map(|admin| ("admin.address".to_owned(), admin.address));
    for (key, address) in of_listeners.chain(of_admin) {
        if address.port() == 0 {
            continue;
        }
        match seen.get(&address) {
            Some(first) => {
                let message = format!("the address is taken: {}", cx.first_at(first));
                cx.report(&key, Fault::new(message));
            }
            None => {
                seen.insert(address, key);
            }
        }
    }
}
