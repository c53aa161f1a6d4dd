//! The days in memory, and their way to the disk.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use super::folder::{Folder, ReadError};
use super::rows::Rows;
use super::{Day, Tally};

/// Of one day.
pub(super) const MOST_ROWS: usize = 100_000;
/// Of all days in memory: the current one, those that wait to be saved, and
/// without a state folder all there are.
const MOST_HELD: usize = 200_000;
/// Collections between two saves.
const SAVE_EVERY: u32 = 10;

#[derive(Debug)]
pub(super) struct Days {
    folder: Option<Folder>,
    held: BTreeMap<Day, Held>,
    since_save: u32,
    /// What was last said of saving, so that it is said once.
    trouble: Option<String>,
}

/// A day in memory.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) rows: Rows,
    /// All of it is on disk.
    saved: bool,
    /// What was on disk before is in it.
    pub(super) complete: bool,
    told_full: bool,
}

impl Days {
    pub(super) fn open(folder: Option<PathBuf>, now: SystemTime) -> Self {
        let mut days = Self {
            folder: folder.map(Folder::new),
            held: BTreeMap::new(),
            since_save: SAVE_EVERY,
            trouble: None,
        };
        days.load_today(now);
        days
    }

    /// The days in memory, the earliest first.
    pub(super) fn held(&self) -> impl Iterator<Item = (&Day, &Held)> {
        self.held.iter()
    }

    pub(super) fn folder(&self) -> Option<&Folder> {
        self.folder.as_ref()
    }

    /// To be called once a collection.
    pub(super) fn save_if_due(&mut self, now: SystemTime, keep: usize) {
        self.since_save = self.since_save.saturating_add(1);
        if self.since_save >= SAVE_EVERY {
            self.save(now, keep);
        }
    }

    /// So that a file that is corrupt is found at the start.
    fn load_today(&mut self, now: SystemTime) {
        let today = Day::of(now);
        self.held.insert(today, Held::default());
        let loaded = self.hold().and_then(|()| self.complete(today, now));
        self.tell(loaded);
    }

    pub(super) fn gather(&mut self, tallies: &[Arc<Tally>], today: Day) {
        for tally in tallies {
            let counted = tally.take();
            if counted.is_empty() {
                continue;
            }
            let held = self.held.entry(today).or_default();
            held.rows.merge(&counted);
            held.saved = false;
            if held.rows.overflowed() && !held.told_full {
                held.told_full = true;
                tracing::warn!(
                    day = %today,
                    "usage has more rows than are kept, or names of more than 256 bytes: some consumers are counted as \"(other)\""
                );
            }
        }
    }

    pub(super) fn save(&mut self, now: SystemTime, keep: usize) {
        if self.folder.is_some() {
            let waiting = self.held.iter().filter(|(_, held)| !held.saved);
            let waiting: Vec<Day> = waiting.map(|(day, _)| *day).collect();
            if !waiting.is_empty() {
                self.since_save = 0;
                let saved = self.save_days(&waiting, now, keep);
                self.tell(saved);
            }
            let today = Day::of(now);
            self.held.retain(|day, held| !held.saved || *day == today);
        } else {
            while self.held.len() > keep.max(1) {
                self.held.pop_first();
            }
        }
        self.bound();
    }

    /// One day that cannot be saved keeps no other from it.
    fn save_days(&mut self, days: &[Day], now: SystemTime, keep: usize) -> Result<(), String> {
        self.hold()?;
        let mut result = Ok(());
        for day in days {
            result = self.save_day(*day, now).and(result);
        }
        result.and_then(|()| self.forget_files(keep))
    }

    fn save_day(&mut self, day: Day, now: SystemTime) -> Result<(), String> {
        self.complete(day, now)?;
        let (Some(folder), Some(held)) = (&self.folder, self.held.get_mut(&day)) else {
            return Ok(());
        };
        folder
            .write(day, &held.rows)
            .map_err(|why| format!("{} cannot be written: {why}", folder.file(day).display()))?;
        held.saved = true;
        Ok(())
    }

    /// Adds what is on disk to what is in memory.
    fn complete(&mut self, day: Day, now: SystemTime) -> Result<(), String> {
        let (Some(folder), Some(held)) = (&self.folder, self.held.get_mut(&day)) else {
            return Ok(());
        };
        if held.complete {
            return Ok(());
        }
        let file = folder.file(day);
        match folder.read(day, MOST_ROWS) {
            Ok(None) => {}
            Ok(Some(mut before)) => {
                before.merge(&held.rows);
                held.rows = before;
            }
            Err(ReadError::Corrupt(why)) => {
                let aside = folder.set_aside(day, now);
                let aside = aside
                    .map_err(|why| format!("{} cannot be set aside: {why}", file.display()))?;
                tracing::error!(
                    file = %file.display(),
                    aside = %aside.display(),
                    "a day of usage is corrupt and was set aside, counting begins anew: {why}"
                );
            }
            Err(why) => return Err(format!("{} {why}", file.display())),
        }
        held.complete = true;
        Ok(())
    }

    fn hold(&mut self) -> Result<(), String> {
        let Some(folder) = &mut self.folder else {
            return Ok(());
        };
        let path = folder.path().display().to_string();
        match folder.hold() {
            Ok(true) => Ok(()),
            Ok(false) => Err(format!("another process saves its usage in {path}")),
            Err(why) => Err(format!("{path} cannot be made or locked: {why}")),
        }
    }

    /// Removes all but the last `keep` files. By their number and not by the
    /// clock: a clock that is far off must not remove what is to be billed.
    fn forget_files(&self, keep: usize) -> Result<(), String> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let path = folder.path().display();
        let days = folder.days();
        let days = days.map_err(|why| format!("{path} cannot be read: {why}"))?;
        let old = days.len().saturating_sub(keep.max(1));
        days.iter().take(old).try_for_each(|day| {
            let file = folder.file(*day);
            let removed = folder.remove(*day);
            removed.map_err(|why| format!("{} cannot be removed: {why}", file.display()))
        })
    }

    /// Keeps memory bounded while days cannot be saved.
    fn bound(&mut self) {
        let held = |days: &BTreeMap<Day, Held>| -> usize {
            days.values().map(|held| held.rows.len()).sum()
        };
        while self.held.len() > 1 && held(&self.held) > MOST_HELD {
            let Some((day, lost)) = self.held.pop_first() else {
                return;
            };
            tracing::error!(
                day = %day,
                rows = lost.rows.len(),
                "a day of usage is lost: it is not saved, and memory holds no more days"
            );
        }
    }

    /// Says at the end what will be missing from the bill.
    pub(super) fn tell_lost(&self) {
        if self.folder.is_none() {
            return;
        }
        for (day, held) in self.held.iter().filter(|(_, held)| !held.saved) {
            tracing::error!(
                day = %day,
                rows = held.rows.len(),
                "usage could not be saved before the end, and is lost"
            );
        }
    }

    /// Says what is wrong, once, and when it is right again.
    fn tell(&mut self, result: Result<(), String>) {
        match result {
            Err(why) if self.trouble.as_ref() != Some(&why) => {
                tracing::warn!("usage: {why}; what is not saved is kept in memory");
                self.trouble = Some(why);
            }
            Ok(()) if self.trouble.take().is_some() => {
                tracing::info!("usage is saved again");
            }
            _ => {}
        }
    }
}

impl Default for Held {
    fn default() -> Self {
        Self {
            rows: Rows::new(MOST_ROWS),
            saved: true,
            complete: false,
            told_full: false,
        }
    }
}
