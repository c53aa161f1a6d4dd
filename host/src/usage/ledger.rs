//! The ledger: collects from the workers, gives to those who bill.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::days::{Days, MOST_ROWS};
use super::export::{Export, ExportError, Filter, Row};
use super::folder::Folder;
use super::rows::Rows;
use super::{Day, Tally};

/// Of one export.
pub(super) const MOST_EXPORTED: usize = 500_000;

/// What was used, by day, consumer and route.
///
/// With a state folder, a crash loses what was counted since the last save,
/// ten collections ago at most. Without one, the end of the process loses all.
#[derive(Debug)]
pub struct Ledger {
    tallies: Vec<Arc<Tally>>,
    days: Mutex<Days>,
}

impl Ledger {
    /// For so many workers; without a folder, days are in memory only. While a
    /// folder cannot be used, the log says so, and days wait in memory.
    pub fn open(workers: usize, folder: Option<PathBuf>, now: SystemTime) -> Self {
        Self {
            tallies: (0..workers).map(|_| Arc::default()).collect(),
            days: Mutex::new(Days::open(folder, now)),
        }
    }

    /// Where one worker counts.
    pub fn tally(&self, worker: usize) -> Arc<Tally> {
        self.tallies.get(worker).cloned().unwrap_or_default()
    }

    /// Takes over what the workers have counted; what they count belongs to the
    /// day of `now`. Saves now and then, and keeps the last `keep` days that
    /// have any usage. To be called once a second, where waiting for a disk is
    /// no harm.
    pub fn collect(&self, now: SystemTime, keep: usize) {
        let mut days = self.lock();
        days.gather(&self.tallies, Day::of(now));
        days.save_if_due(now, keep);
    }

    /// Collects and saves, after the workers have ended.
    pub fn close(&self, now: SystemTime, keep: usize) {
        let mut days = self.lock();
        days.gather(&self.tallies, Day::of(now));
        days.save(now, keep);
        days.tell_lost();
    }

    /// The rows that `filter` wants, up to this moment.
    ///
    /// # Errors
    /// Where there are too many, or a day cannot be read.
    pub fn export(&self, filter: Filter, now: SystemTime) -> Result<Export, ExportError> {
        let mut rows = Vec::new();
        let (held, folder) = {
            let mut days = self.lock();
            days.gather(&self.tallies, Day::of(now));
            for (day, held) in days.held().filter(|(day, _)| filter.covers(**day)) {
                add(&mut rows, *day, &held.rows, &filter)?;
                // Under the lock: a save would make these rows a part of the file.
                if let Some(folder) = days.folder().filter(|_| !held.complete) {
                    read(&mut rows, *day, folder, &filter)?;
                }
            }
            let held: Vec<Day> = days.held().map(|(day, _)| *day).collect();
            (held, days.folder().map(Folder::reader))
        };
        if let Some(folder) = folder {
            let saved = folder.days().map_err(|why| {
                let path = folder.path().display();
                ExportError::Unreadable(format!("{path} cannot be read: {why}"))
            })?;
            for day in saved.into_iter().filter(|day| filter.covers(*day)) {
                if !held.contains(&day) {
                    read(&mut rows, day, &folder, &filter)?;
                }
            }
        }
        Ok(Export::new(&filter, rows))
    }

    fn lock(&self) -> MutexGuard<'_, Days> {
        self.days.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds what is on disk of a day.
fn read(to: &mut Vec<Row>, day: Day, folder: &Folder, filter: &Filter) -> Result<(), ExportError> {
    match folder.read(day, MOST_ROWS) {
        Ok(None) => Ok(()),
        Ok(Some(rows)) => add(to, day, &rows, filter),
        Err(why) => {
            let file = folder.file(day);
            Err(ExportError::Unreadable(format!("{} {why}", file.display())))
        }
    }
}

fn add(to: &mut Vec<Row>, day: Day, rows: &Rows, filter: &Filter) -> Result<(), ExportError> {
    for (consumer, route, sums) in rows.iter().filter(|(c, r, _)| filter.wants(c, r)) {
        if to.len() >= MOST_EXPORTED {
            return Err(ExportError::TooMany);
        }
        to.push(Row {
            date: day,
            consumer: consumer.to_string(),
            route: route.to_string(),
            sums: *sums,
        });
    }
    Ok(())
}
