//! What changed of a plugin, and which grants are newly asked for.

use std::sync::Arc;

use super::super::model::{Grants, OnError, Plugin, PluginLimits, PluginSource};
use super::super::units::{show_duration, show_size};
use super::fields::Fields;

pub(super) fn fields(old: Option<&Arc<Plugin>>, new: &Arc<Plugin>) -> Vec<String> {
    let Plugin {
        name: _,
        source,
        sha256,
        on_error,
        on_error_status,
        limits,
        grants,
        config,
        shown_config,
    } = &**new;
    let mut fields = Fields::default();
    let none = Grants::default();
    self::grants(&mut fields, old.map_or(&none, |old| &old.grants), grants);
    let Some(old) = old else {
        return fields.into_details();
    };
    fields.with("source", &old.source, source, |source| match source {
        PluginSource::Builtin(name) => format!("builtin:{name}"),
        PluginSource::File(path) => path.display().to_string(),
    });
    fields.hidden("sha256", &old.sha256, sha256);
    fields.with("on_error", &old.on_error, on_error, |policy| {
        let name = match policy {
            OnError::Deny => "deny",
            OnError::Skip => "skip",
        };
        name.to_owned()
    });
    fields.shown("on_error_status", old.on_error_status, on_error_status);
    self::limits(&mut fields, &old.limits, limits);
    if old.config != *config {
        fields.say("config".to_owned());
    } else if old.shown_config != *shown_config {
        fields.say("config: written otherwise, with the same values".to_owned());
    }
    fields.into_details()
}

fn grants(fields: &mut Fields, old: &Grants, new: &Grants) {
    let (old, new) = (in_words(old), in_words(new));
    for grant in new.iter().filter(|g| !old.contains(g)) {
        fields.say(format!("grants newly asked for: {grant}"));
    }
    for grant in old.iter().filter(|g| !new.contains(g)) {
        fields.say(format!("grants no longer asked for: {grant}"));
    }
}

fn in_words(grants: &Grants) -> Vec<String> {
    let Grants {
        consumers,
        kv,
        quota,
        http,
        secrets,
    } = grants;
    let mut words = Vec::new();
    words.extend(consumers.then(|| "consumers".to_owned()));
    words.extend(kv.iter().map(|name| format!("kv {name}")));
    words.extend(quota.iter().map(|name| format!("quota {name}")));
    words.extend(http.iter().map(|call| format!("http {call}")));
    words.extend(secrets.iter().map(|name| format!("secret {name}")));
    words
}

fn limits(fields: &mut Fields, old: &PluginLimits, new: &PluginLimits) {
    let PluginLimits {
        deadline,
        memory,
        host_call_bytes,
        instances,
        wait,
    } = new;
    let size = |bytes: &usize| show_size(*bytes as u64);
    fields.with("limits.deadline", &old.deadline, deadline, |d| {
        show_duration(*d)
    });
    fields.with("limits.memory", &old.memory, memory, size);
    let key = "limits.host_call_bytes";
    fields.with(key, &old.host_call_bytes, host_call_bytes, size);
    fields.shown("limits.instances", old.instances, instances);
    fields.with("limits.wait", &old.wait, wait, |d| show_duration(*d));
}
