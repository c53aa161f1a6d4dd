//! Where requests and calls go: the upstreams of the configuration, and the
//! origins that plugins may call beside them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustls::RootCertStore;

use crate::config::model::{
    Balance, ClientTls, Config, HttpGrant, Name, Origin, PoolLimits, Protocol, Upstream,
    UpstreamTimeouts,
};
use crate::tls;
use crate::upstream::Tls;

/// An upstream that is ready.
#[derive(Clone)]
pub struct Destination {
    /// What the operator wrote; of an origin, what holds where nothing is written.
    pub config: Arc<Upstream>,
    /// TLS, where it has it.
    pub tls: Option<Tls>,
}

/// By name; an origin's name is the origin.
pub type Destinations = BTreeMap<Name, Destination>;

/// Everything that `config` sends requests to. What `previous` has, and that is
/// the same, is taken over. Of what cannot be, there is the key with what is wrong.
pub(super) fn open(
    config: &Config,
    previous: Option<&Destinations>,
) -> (Destinations, Vec<(String, String)>) {
    let mut opening = Opening {
        previous,
        system: None,
        ready: Destinations::new(),
        problems: Vec::new(),
    };
    for (name, upstream) in &config.upstreams {
        opening.upstream(name, upstream);
    }
    for (name, plugin) in &config.plugins {
        for grant in &plugin.grants.http {
            if let HttpGrant::Origin(origin) = grant {
                opening.origin(name, origin);
            }
        }
    }
    (opening.ready, opening.problems)
}

struct Opening<'a> {
    previous: Option<&'a Destinations>,
    /// What the machine trusts, once it was asked.
    system: Option<Result<Arc<RootCertStore>, String>>,
    ready: Destinations,
    problems: Vec<(String, String)>,
}

impl Opening<'_> {
    fn upstream(&mut self, name: &Name, config: &Arc<Upstream>) {
        if let Err(why) = self.add(config.clone()) {
            let (key, why) = match why.strip_prefix("ca: ") {
                Some(why) => (format!("upstreams.{name}.tls.ca"), why),
                None => (format!("upstreams.{name}.tls"), &*why),
            };
            self.problems.push((key, why.to_owned()));
        }
    }

    fn origin(&mut self, plugin: &Name, origin: &Origin) {
        if let Err(why) = self.add(Arc::new(of_origin(origin))) {
            let key = format!("plugins.{plugin}.grants.http");
            self.problems.push((key, format!("{origin}: {why}")));
        }
    }

    fn add(&mut self, config: Arc<Upstream>) -> Result<(), String> {
        let known = self.previous.and_then(|all| all.get(&config.name));
        let ready = match known.filter(|known| known.config == config) {
            Some(known) => known.clone(),
            None => Destination {
                tls: match &config.tls {
                    Some(tls) => {
                        let roots = self.roots(tls)?;
                        Some(Tls::new(&config, tls.server_name.as_deref(), roots)?)
                    }
                    None => None,
                },
                config,
            },
        };
        self.ready.insert(ready.config.name.clone(), ready);
        Ok(())
    }

    fn roots(&mut self, wanted: &ClientTls) -> Result<Arc<RootCertStore>, String> {
        match &wanted.ca {
            Some(ca) => tls::roots(Some(ca)),
            None => self.system.get_or_insert_with(|| tls::roots(None)).clone(),
        }
    }
}

fn of_origin(origin: &Origin) -> Upstream {
    Upstream {
        name: origin.to_string().into(),
        targets: vec![origin.target.clone()],
        balance: Balance::RoundRobin,
        protocol: Protocol::Http1,
        host: origin.authority().parse().ok(),
        tls: origin.secure.then(ClientTls::default),
        timeouts: UpstreamTimeouts::default(),
        pool: PoolLimits::default(),
    }
}
