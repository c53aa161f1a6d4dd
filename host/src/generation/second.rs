//! What happens once a second, beside traffic: canaries move and are judged.

use std::sync::Arc;
use std::time::Duration;

use super::Control;
use crate::rollout::Now;

const SECOND: Duration = Duration::from_secs(1);

/// Runs for as long as the gateway does.
pub async fn every_second(control: Arc<Control>) {
    let mut seconds = tokio::time::interval(SECOND);
    seconds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        let control = control.clone();
        // Saving waits for a disk.
        if tokio::task::spawn_blocking(move || control.second())
            .await
            .is_err()
        {
            tracing::error!("what happens once a second panicked; it is tried again");
        }
    }
}

impl Control {
    /// One second has passed, or the process is about to end.
    pub fn second(&self) {
        let rollouts = self.rollouts();
        let now = Now::read();
        for event in rollouts.tick(now) {
            let plugin = event.name.as_str();
            if event.is_failure() {
                tracing::warn!(plugin, "canary {event}");
            } else {
                tracing::info!(plugin, "canary {event}");
            }
        }
        if let Err(why) = rollouts.save_if_due(now.monotonic) {
            tracing::warn!("{why}");
        }
    }
}
