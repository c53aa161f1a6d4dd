//! Reload when a file changes: the kernel tells, and where it cannot (network
//! file systems), a look every other second does.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::{Cause, Control};

/// Editors and package managers touch several files; this long after the first one.
const SETTLE: Duration = Duration::from_millis(100);
/// How often to look where the kernel does not tell.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Watches until the gateway ends.
pub async fn watch(control: Arc<Control>) {
    let (tell, mut told) = mpsc::channel(1);
    let watcher = notify::recommended_watcher(move |_| {
        // One that is waiting to be seen is as good as two.
        let _ = tell.try_send(());
    });
    let mut watching = Watching {
        watcher: watcher
            .inspect_err(|why| tracing::warn!("files are only polled: {why}"))
            .ok(),
        folders: Vec::new(),
    };
    loop {
        watching.follow(control.folders());
        let _ = tokio::time::timeout(LOOK_EVERY, told.recv()).await;
        if !control.files_changed() {
            continue;
        }
        tokio::time::sleep(SETTLE).await;
        let control = control.clone();
        let reload = tokio::task::spawn_blocking(move || control.reload(Cause::Watch));
        if reload.await.is_err() {
            tracing::error!("a reload panicked; the current generation goes on");
        }
    }
}

struct Watching {
    watcher: Option<RecommendedWatcher>,
    folders: Vec<PathBuf>,
}

impl Watching {
    fn follow(&mut self, wanted: Vec<PathBuf>) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        if wanted == self.folders {
            return;
        }
        for folder in self.folders.iter().filter(|f| !wanted.contains(f)) {
            let _ = watcher.unwatch(folder);
        }
        for folder in wanted.iter().filter(|f| !self.folders.contains(f)) {
            if let Err(why) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                tracing::warn!(folder = %folder.display(), "only polled: {why}");
            }
        }
        self.folders = wanted;
    }
}
