//! What differs between two configurations, in words.
//!
//! Two configurations without a difference mean the same, even where their
//! routes stand in another order. Values that may be secrets (`config`, headers,
//! attributes, keys) are never in a difference, only that they changed.

mod fields;
mod listeners;
mod plugins;
mod routes;
mod stores;
mod upstreams;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::model::{AccessLog, Admin, Config, Consumer, Credential, Name, Runtime};
use super::units::show_duration;
use fields::Fields;

/// What a change does to the thing that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is no more.
    Removed,
    /// It is another.
    Changed,
}

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What happens to it.
    pub kind: ChangeKind,
    /// What it is: `route orders`, `runtime`.
    pub subject: String,
    /// What of it changed, one each, in words.
    pub details: Vec<String>,
}

impl fmt::Display for Change {
    /// `~ upstream a: targets: + 127.0.0.1:9002, balance: round-robin -> least-request`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.kind {
            ChangeKind::Added => '+',
            ChangeKind::Removed => '-',
            ChangeKind::Changed => '~',
        };
        write!(f, "{sign} {}", self.subject)?;
        if !self.details.is_empty() {
            write!(f, ": {}", self.details.join(", "))?;
        }
        Ok(())
    }
}

/// All that differs between two configurations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ConfigDiff {
    /// Every difference, listeners first, then in the order of the model.
    pub changes: Vec<Change>,
}

impl ConfigDiff {
    /// Whether both mean the same.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    fn push(&mut self, kind: ChangeKind, subject: String, details: Vec<String>) {
        self.changes.push(Change {
            kind,
            subject,
            details,
        });
    }

    /// Both sides of named things: added, removed, or what `fields` says of them.
    fn named<'a, T: 'a>(
        &mut self,
        what: &str,
        old: impl Iterator<Item = (&'a Name, &'a T)>,
        new: impl Iterator<Item = (&'a Name, &'a T)>,
        fields: impl Fn(Option<&T>, &T) -> Vec<String>,
    ) {
        let old: BTreeMap<&Name, &T> = old.collect();
        let new: BTreeMap<&Name, &T> = new.collect();
        let names: BTreeSet<&Name> = old.keys().chain(new.keys()).copied().collect();
        for name in names {
            let subject = format!("{what} {name}");
            match (old.get(name), new.get(name)) {
                (Some(_), None) => self.push(ChangeKind::Removed, subject, Vec::new()),
                (None, Some(new)) => self.push(ChangeKind::Added, subject, fields(None, new)),
                (Some(old), Some(new)) => {
                    self.changed(subject, fields(Some(old), new));
                }
                (None, None) => {}
            }
        }
    }

    fn changed(&mut self, subject: String, details: Vec<String>) {
        if !details.is_empty() {
            self.push(ChangeKind::Changed, subject, details);
        }
    }
}

impl fmt::Display for ConfigDiff {
    /// One change a line; `no difference` where there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no difference");
        }
        for (index, change) in self.changes.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{change}")?;
        }
        Ok(())
    }
}

/// What `new` changes of `old`.
pub fn diff(old: &Config, new: &Config) -> ConfigDiff {
    // Without `..`: a new part of the model must find its place here.
    let Config {
        listeners,
        admin,
        runtime,
        access_log,
        stores,
        secrets,
        upstreams,
        plugins,
        routes,
        consumers,
    } = new;
    let mut diff = ConfigDiff::default();
    let (before, after) = (old.listeners.iter(), listeners.iter());
    diff.named("listener", before, after, listeners::fields);
    diff.admin(old.admin.as_ref(), admin.as_ref());
    diff.changed("runtime".to_owned(), runtime_fields(&old.runtime, runtime));
    diff.changed(
        "access log".to_owned(),
        log_fields(&old.access_log, access_log),
    );
    diff.named("store", old.stores.iter(), stores.iter(), stores::fields);
    diff.named("secret", old.secrets.iter(), secrets.iter(), stores::secret);
    let (before, after) = (old.upstreams.iter(), upstreams.iter());
    diff.named("upstream", before, after, upstreams::fields);
    let (before, after) = (old.plugins.iter(), plugins.iter());
    diff.named("plugin", before, after, plugins::fields);
    let before = old.routes.iter().map(|route| (&route.name, route));
    let after = routes.iter().map(|route| (&route.name, route));
    diff.named("route", before, after, routes::fields);
    let (before, after) = (old.consumers.0.iter(), consumers.0.iter());
    diff.named("consumer", before, after, consumer_fields);
    diff
}

impl ConfigDiff {
    fn admin(&mut self, old: Option<&Admin>, new: Option<&Admin>) {
        let subject = "admin".to_owned();
        match (old, new) {
            (None, Some(_)) => self.push(ChangeKind::Added, subject, Vec::new()),
            (Some(_), None) => self.push(ChangeKind::Removed, subject, Vec::new()),
            (Some(Admin { address: old }), Some(Admin { address: new })) => {
                let mut fields = Fields::default();
                fields.shown("address", old, new);
                self.changed(subject, fields.into_details());
            }
            (None, None) => {}
        }
    }
}

fn runtime_fields(old: &Runtime, new: &Runtime) -> Vec<String> {
    let Runtime {
        workers,
        compile_cache,
        state,
        usage_days,
        history,
        watch,
        drain,
    } = new;
    let folder = |path: &Option<std::path::PathBuf>| match path {
        Some(path) => path.display().to_string(),
        None => "off".to_owned(),
    };
    let mut fields = Fields::default();
    fields.shown("workers", old.workers, workers);
    fields.with("compile_cache", &old.compile_cache, compile_cache, folder);
    fields.with("state", &old.state, state, folder);
    fields.shown("usage_days", old.usage_days, usage_days);
    fields.shown("history", old.history, history);
    fields.shown("watch", old.watch, watch);
    fields.with("drain", &old.drain, drain, |d| show_duration(*d));
    fields.into_details()
}

fn log_fields(old: &AccessLog, new: &AccessLog) -> Vec<String> {
    let mut fields = Fields::default();
    fields.with("output", old, new, |log| match log {
        AccessLog::Off => "off".to_owned(),
        AccessLog::Stdout => "stdout".to_owned(),
        AccessLog::File(path) => path.display().to_string(),
    });
    fields.into_details()
}

fn consumer_fields(
    old: Option<&std::sync::Arc<Consumer>>,
    new: &std::sync::Arc<Consumer>,
) -> Vec<String> {
    let Some(old) = old else { return Vec::new() };
    let Consumer {
        groups,
        attributes,
        credentials,
    } = &**new;
    let mut fields = Fields::default();
    fields.hidden("groups", &old.groups, groups);
    fields.hidden("attributes", &old.attributes, attributes);
    let by_id = |credentials: &[Credential]| -> BTreeMap<String, Credential> {
        let pairs = credentials.iter().map(|c| (c.id.clone(), c.clone()));
        pairs.collect()
    };
    fields.keyed("credential", &by_id(&old.credentials), &by_id(credentials));
    fields.into_details()
}
