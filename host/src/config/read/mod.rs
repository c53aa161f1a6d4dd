//! From the tree to the model: one file for each table of the configuration.

mod consumers;
mod datetime;
mod grants;
mod json;
mod listeners;
mod names;
mod plugins;
mod routes;
mod runtime;
mod stores;
mod tls;
mod upstreams;

use std::ops::RangeInclusive;
use std::time::Duration;

use super::model::{AccessLog, Config, Runtime};
use super::reader::{Context, Item, read_table};
use super::tree::Entry;

use names::Names;

/// The bounds of every time-out.
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(86_400);

/// Reads the whole tree. What could not be read is reported, and left out or at its default.
pub(super) fn config(cx: &Context, root: &[Entry]) -> Config {
    read_table(cx, "", root, |root| {
        let listeners = listeners::listeners(root);
        let admin = root.maybe("admin", |item| item.table(runtime::admin).flatten());
        listeners::no_shared_addresses(cx, &listeners, admin.as_ref());
        let runtime = root.or("runtime", Runtime::default(), |i| i.table(runtime::runtime));
        let access_log = root.or("access_log", AccessLog::Stdout, |item| {
            item.table(runtime::access_log)
        });
        let upstreams = root.get("upstreams");
        let plugins = root.get("plugins");
        let consumers = root.get("consumers");
        let stores = root.get("stores");
        let secrets = root.get("secrets");
        let names = Names {
            upstreams: upstreams.as_ref().map(Item::keys).unwrap_or_default(),
            plugins: plugins.as_ref().map(Item::keys).unwrap_or_default(),
            stores: stores.as_ref().map(Item::keys).unwrap_or_default(),
            secrets: secrets.as_ref().map(Item::keys).unwrap_or_default(),
        };
        let routes = root.or("routes", Vec::new(), |item| routes::routes(item, &names));
        // Already followed, and gone from the tree; asked for only to be among the known keys.
        root.get("include");
        Config {
            listeners,
            admin,
            runtime,
            access_log,
            stores: stores.map_or_else(Default::default, stores::stores),
            secrets: secrets.map_or_else(Default::default, stores::secrets),
            upstreams: upstreams.map_or_else(Default::default, upstreams::upstreams),
            plugins: plugins.map_or_else(Default::default, |item| plugins::plugins(item, &names)),
            routes,
            consumers: consumers.map_or_else(Default::default, consumers::consumers),
        }
    })
}
