//! What happens once a second, beside traffic: canaries move and are judged.

use super::Control;
use crate::rollout::Now;

impl Control {
    /// One second has passed, or the process is about to end. Saving waits for a disk.
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
