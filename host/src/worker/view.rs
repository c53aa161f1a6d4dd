//! A generation as one worker sees it: with the worker's own pools, plugin
//! instances and series in the places where the hot path needs them.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::Worker;
use super::link::Link;
use crate::config::model::{Name, Route};
use crate::generation::Generation;
use crate::plugin::Hook;
use crate::telemetry::RouteSeries;
use crate::upstream::{Availability, Pool};

/// A generation on one worker.
pub struct View {
    /// What it is a view of.
    pub generation: Arc<Generation>,
    /// In the order of the configuration.
    pub routes: Vec<RouteView>,
    /// What is counted where no route matched.
    pub no_route: Arc<RouteSeries>,
    pools: HashMap<Name, Rc<Pool>>,
    links: HashMap<Name, Rc<Link>>,
}

/// A route on one worker.
pub struct RouteView {
    /// What the configuration says.
    pub route: Arc<Route>,
    /// The plugins in the order in which their request hooks run.
    pub chain: Vec<Rc<Link>>,
    /// One for each of the route's upstreams.
    pub pools: Vec<Rc<Pool>>,
    /// Whether those are available.
    pub availability: Arc<[Arc<Availability>]>,
    /// What is counted.
    pub series: Arc<RouteSeries>,
    /// Some plugin has `on-log`.
    pub has_log_hook: bool,
    /// Some plugin reads the request after it has gone upstream.
    pub keeps_request: bool,
    /// Some plugin reads the response after it has gone to the client.
    pub keeps_response: bool,
}

impl View {
    /// Nothing, until there is a worker to make the rest with.
    pub(super) fn empty(generation: Arc<Generation>) -> Self {
        Self {
            generation,
            routes: Vec::new(),
            no_route: Arc::default(),
            pools: HashMap::new(),
            links: HashMap::new(),
        }
    }

    /// Pools and plugin instances that `before` has, and that did not change, live on.
    pub fn new(generation: Arc<Generation>, worker: &Worker, before: Option<&Self>) -> Self {
        let pools = generation.destinations.iter().map(|(name, destination)| {
            let config = &destination.config;
            let same = before.and_then(|b| b.pools.get(name));
            let pool = match same.filter(|p| p.config == *config) {
                Some(pool) => pool.clone(),
                None => Pool::new(
                    config.clone(),
                    destination.tls.clone(),
                    worker.shard.upstream(name),
                    worker.timers.clone(),
                    worker.writes.clone(),
                    worker.names.clone(),
                    worker.index,
                ),
            };
            (name.clone(), pool)
        });
        let pools: HashMap<_, _> = pools.collect();
        let links = generation.bindings.iter().map(|(name, binding)| {
            let same = before.and_then(|b| b.links.get(name));
            let link = match same.filter(|l| Arc::ptr_eq(l.slot.binding(), binding)) {
                Some(link) => link.clone(),
                None => {
                    let first = generation.take_instance(name);
                    Rc::new(Link::new(
                        name.clone(),
                        binding.clone(),
                        first,
                        &worker.shard,
                    ))
                }
            };
            (name.clone(), link)
        });
        let links: HashMap<_, _> = links.collect();
        let routes = generation.config.routes.iter();
        Self {
            routes: routes
                .map(|r| RouteView::new(r, &pools, &links, worker))
                .collect(),
            no_route: worker.shard.route(&Name::from("")),
            generation,
            pools,
            links,
        }
    }

    /// The connections to an upstream.
    pub fn pool(&self, upstream: &str) -> Option<Rc<Pool>> {
        self.pools.get(upstream).cloned()
    }

    /// Closes connections that have been idle for too long, and brings gauges up to date.
    pub fn sweep(&self) {
        for pool in self.pools.values() {
            pool.sweep();
        }
        for link in self.links.values() {
            link.measure();
        }
    }
}

impl RouteView {
    fn new(
        route: &Arc<Route>,
        pools: &HashMap<Name, Rc<Pool>>,
        links: &HashMap<Name, Rc<Link>>,
        worker: &Worker,
    ) -> Self {
        let chain: Vec<_> = route
            .plugins
            .iter()
            .filter_map(|p| links.get(p).cloned())
            .collect();
        let any = |needs: fn(&Link) -> bool| chain.iter().any(|l| needs(l));
        let pools: Vec<_> = route
            .upstreams
            .iter()
            .filter_map(|u| pools.get(u).cloned())
            .collect();
        Self {
            availability: pools.iter().map(|p| p.availability.clone()).collect(),
            has_log_hook: any(|l| l.has(Hook::OnLog)),
            keeps_request: any(|l| l.slot.binding().uses_request_after()),
            keeps_response: any(|l| l.slot.binding().uses_response_after()),
            pools,
            series: worker.shard.route(&route.name),
            route: route.clone(),
            chain,
        }
    }
}
