//! The folder for what outlives the process.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::config::model::Runtime;

/// Where a gateway with this configuration keeps its state; none where it keeps
/// none. The default folder is shared by all gateways of a user, so each has a
/// folder of its own in it, named after its configuration.
pub(super) fn folder(runtime: &Runtime, config: Option<&Path>) -> Option<PathBuf> {
    let state = runtime.state.clone()?;
    if Some(&state) != Runtime::default().state.as_ref() {
        return Some(state);
    }
    // The demo begins anew each time.
    let config = config?;
    let whole = std::path::absolute(config).unwrap_or_else(|_| config.to_owned());
    let digest = Sha256::digest(whole.as_os_str().as_encoded_bytes());
    let digest: String = digest.iter().take(4).map(|b| format!("{b:02x}")).collect();
    let stem = config.file_stem().unwrap_or_default().to_string_lossy();
    Some(state.join(format!("{stem}-{digest}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateways_with_other_configurations_keep_apart() {
        let runtime = Runtime {
            state: Some("/var/lib/sluice".into()),
            ..Runtime::default()
        };
        let one = folder(&runtime, Some(Path::new("/etc/a.toml")));
        assert_eq!(one.as_deref(), Some(Path::new("/var/lib/sluice")));
        let runtime = Runtime::default();
        let of = |path: &str| folder(&runtime, Some(Path::new(path)));
        assert_ne!(of("/etc/a.toml"), of("/etc/b/a.toml"));
        assert_eq!(of("/etc/a.toml"), of("/etc/a.toml"));
        assert_eq!(folder(&runtime, None), None);
        let off = Runtime {
            state: None,
            ..Runtime::default()
        };
        assert_eq!(folder(&off, Some(Path::new("a.toml"))), None);
    }
}
