//! Plugins that call other services: what they may call, what it costs the
//! others, and the two examples that do it.

mod compose;
mod host;
mod introspect;
mod origins;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::LazyLock;

use sluice_tests::{paths, plugins};
use tokio::sync::watch;

static INTROSPECT: LazyLock<PathBuf> = LazyLock::new(|| plugins::example("introspect"));
static COMPOSE: LazyLock<PathBuf> = LazyLock::new(|| plugins::example("compose"));

/// The configuration that the page of an example tells people to paste, with
/// the built plugin and other addresses.
fn pasted(example: &str, file: &std::path::Path, addresses: &[(&str, String)]) -> String {
    let page = paths::repository().join(format!("examples/{example}/README.md"));
    let page = std::fs::read_to_string(page).expect("the page of the example");
    let toml = page.split_once("```toml\n").expect("a configuration").1;
    let mut toml = toml.split_once("```").expect("its end").0.to_owned();
    let mut replace = |from: &str, to: &str| {
        assert!(toml.contains(from), "no {from} in {toml}");
        toml = toml.replace(from, to);
    };
    let source = format!("plugins/{example}.wasm");
    replace(&source, &file.display().to_string());
    for (from, to) in addresses {
        replace(from, to);
    }
    toml
}

/// Where requests wait until the test lets them go on.
#[derive(Clone)]
struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    fn closed() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    fn open(&self) {
        self.0.send_replace(true);
    }

    fn close(&self) {
        self.0.send_replace(false);
    }

    async fn pass(&self) {
        let mut open = self.0.subscribe();
        let _ = open.wait_for(|open| *open).await;
    }
}
