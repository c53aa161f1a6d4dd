//! The annotated configuration of the repository.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::super::load_text;
use super::super::model::{MemoryStore, PluginSource, Runtime, StoreKind};
use super::valid;

const EXAMPLE: &str = include_str!("../../../../config/sluice.toml");
const EXAMPLE_KEY: &str = "k_demo_example_key_0123456789abcdef";

#[test]
fn the_annotated_configuration_loads_and_its_key_is_documented() {
    let config = valid(EXAMPLE).config;
    let source = PluginSource::Builtin("key-auth".to_owned());
    assert_eq!(config.plugins["auth"].source, source);
    let credential = &config.consumers.0["example"].credentials[0];
    assert_eq!(
        credential.sha256,
        <[u8; 32]>::from(Sha256::digest(EXAMPLE_KEY))
    );
    assert!(EXAMPLE_KEY.starts_with(&credential.prefix));
    assert!(EXAMPLE.contains(EXAMPLE_KEY));
}

#[test]
fn the_annotated_values_are_the_defaults() {
    let config = valid(EXAMPLE).config;
    let listener = &config.listeners["public"];
    assert_eq!(listener.limits, Default::default());
    assert_eq!(listener.timeouts, Default::default());
    assert_eq!(config.runtime, Runtime::default());
    let local = StoreKind::Memory(MemoryStore::default());
    assert_eq!(config.stores["local"], local);
    let upstream = &config.upstreams["orders"];
    assert_eq!(upstream.timeouts, Default::default());
    assert_eq!(upstream.pool, Default::default());
    assert_eq!(config.plugins["auth"].limits, Default::default());
}

#[test]
fn what_is_commented_out_is_valid_too() {
    let table: Vec<&str> = EXAMPLE
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| line.contains(" = ") && !line.contains(".pem") && !line.contains('<'))
        .collect();
    assert_eq!(table.len(), 15, "{table:?}");
    for line in table {
        let text = EXAMPLE.replace(&format!("# {line}"), line);
        let loaded = load_text("sluice.toml", &text, Path::new(""));
        assert!(loaded.is_ok(), "{line}: {loaded:?}");
    }
}
