//! All rollouts of the process, by name.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use super::Now;
use super::event::Event;
use super::file::{File, Hold, Saved, Warning};
use super::live::{Rollout, rfc3339};
use super::plan::Plan;
use super::progress::Progress;
use super::status::Status;

/// Rollouts at one time, and as many that are only remembered.
const MAX_ROLLOUTS: usize = 256;
/// How much of a hold a crash may forget. Changes of state are saved at once.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// The rollouts of the process, one for each name.
///
/// A configuration that is being loaded [opens](Rollouts::open) its plans,
/// which changes nothing; once it serves, it [publishes](Rollouts::publish)
/// them, and only then they go on with the progress of their name.
#[derive(Debug)]
pub struct Rollouts {
    file: Option<File>,
    inner: Mutex<Inner>,
    /// Held from what is known to what is written: the last word is the newest.
    saving: Mutex<()>,
}

#[derive(Debug, Default)]
struct Inner {
    current: BTreeMap<String, Arc<Rollout>>,
    /// Opened and not published, or no longer.
    others: Vec<Weak<Rollout>>,
    /// The progress of names that are not in use.
    saved: BTreeMap<String, Saved>,
    last_save: Option<Instant>,
    unsaved: bool,
    /// It was said that another process writes the file.
    told: bool,
}

impl Default for Rollouts {
    fn default() -> Self {
        Self::in_memory()
    }
}

impl Rollouts {
    /// None yet, and nothing outlives the process.
    pub fn in_memory() -> Self {
        Self {
            file: None,
            inner: Mutex::default(),
            saving: Mutex::default(),
        }
    }

    /// With the progress that is kept in `folder`, which is made where it is
    /// not there. What was not written here is moved aside: it never stops a
    /// start. While another process writes there, such as the gateway before
    /// this one while it drains, nothing is written.
    ///
    /// # Errors
    /// Where the system does not let the file be read: there may be a rollback
    /// in it, which must not be undone.
    pub fn load(folder: &Path) -> Result<(Self, Option<Warning>), Warning> {
        let file = File::new(folder);
        // Where it cannot be locked, saving says so.
        let lock = match file.hold() {
            Ok(Hold::New(lock)) => Some(lock),
            _ => None,
        };
        let (saved, warning) = file.load(MAX_ROLLOUTS, lock.is_some())?;
        if let Some(lock) = lock {
            file.keep(lock);
        }
        let rollouts = Self {
            file: Some(file),
            inner: Mutex::new(Inner {
                saved,
                ..Inner::default()
            }),
            saving: Mutex::default(),
        };
        Ok((rollouts, warning))
    }

    /// The rollout of this name and plan. An equal plan is the same rollout.
    /// Another plan is another one, which begins where an edit of the present
    /// plan would leave it, and does not move before it is published.
    ///
    /// # Errors
    /// What is wrong with the plan.
    pub fn open(&self, name: &str, plan: Plan) -> Result<Arc<Rollout>, String> {
        plan.check()?;
        let mut inner = self.lock();
        if let Some(current) = inner.current.get(name).filter(|r| *r.plan() == plan) {
            return Ok(current.clone());
        }
        inner.others.retain(|other| other.strong_count() > 0);
        let mut others = inner.others.iter().filter_map(Weak::upgrade);
        if let Some(other) = others.find(|r| r.name() == name && *r.plan() == plan) {
            return Ok(other);
        }
        if inner.others.len() >= MAX_ROLLOUTS {
            return Err(format!("there are {MAX_ROLLOUTS} plans already"));
        }
        let progress = inner.progress_of(name, &plan);
        let rollout = Arc::new(Rollout::new(name.to_owned(), plan, progress));
        inner.others.push(Arc::downgrade(&rollout));
        Ok(rollout)
    }

    /// From now on these are in use: they go on with the progress of their
    /// names. What is not among them stands still, and is remembered.
    pub fn publish(&self, in_use: &[Arc<Rollout>]) {
        let mut inner = self.lock();
        for rollout in in_use {
            let known = inner.current.get(rollout.name()).cloned();
            if known.as_ref().is_some_and(|k| Arc::ptr_eq(k, rollout)) {
                continue;
            }
            let progress = inner.progress_of(rollout.name(), rollout.plan());
            match known {
                Some(known) => {
                    rollout.go_on_from(&known, progress);
                    inner.others.push(Arc::downgrade(&known));
                }
                None => rollout.set_progress(progress),
            }
            inner.saved.remove(rollout.name());
            inner
                .current
                .insert(rollout.name().to_owned(), rollout.clone());
            inner.unsaved = true;
        }
        inner.retire(|name| in_use.iter().any(|r| r.name() == name));
    }

    /// Lets time pass for all that are in use. What happened, for the log.
    pub fn tick(&self, now: Now) -> Vec<Event> {
        let current: Vec<_> = self.lock().current.values().cloned().collect();
        current.iter().flat_map(|r| r.tick(now)).collect()
    }

    /// Writes what has changed: a state or a step at once, the time of a hold
    /// now and then. Without a folder, does nothing.
    ///
    /// # Errors
    /// Where the file cannot be written; it is tried again the next time.
    pub fn save_if_due(&self, now: Instant) -> Result<(), Warning> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.may_write(file)? {
            // Said once, and not each second.
            let told = std::mem::replace(&mut self.lock().told, true);
            return if told { Ok(()) } else { Err(file.others()) };
        }
        let saved = {
            let mut inner = self.lock();
            // All are asked, so that all are saved.
            let changed = inner.current.values().filter(|r| r.take_unsaved()).count() > 0;
            inner.unsaved |= changed;
            let rested = inner
                .last_save
                .is_none_or(|last| now.saturating_duration_since(last) >= SAVE_EVERY);
            let due = inner.unsaved || (rested && inner.current.values().any(|r| r.moves()));
            if !due {
                return Ok(());
            }
            inner.last_save = Some(now);
            inner.unsaved = false;
            inner.all()
        };
        file.write(&saved).inspect_err(|_| {
            self.lock().unsaved = true;
        })
    }

    /// Writes all that is known. Without a folder, does nothing.
    ///
    /// # Errors
    /// Where the file cannot be written, also because another process writes it.
    pub fn save(&self) -> Result<(), Warning> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.may_write(file)? {
            return Err(file.others());
        }
        let saved = self.lock().all();
        file.write(&saved)
    }

    /// Whether this process may write the file. When it begins to, it first takes
    /// note of what another has left there.
    fn may_write(&self, file: &File) -> Result<bool, Warning> {
        match file.hold()? {
            Hold::Ours => Ok(true),
            Hold::Others => Ok(false),
            Hold::New(lock) => {
                let (theirs, warning) = file.load(MAX_ROLLOUTS, true)?;
                file.keep(lock);
                self.lock().heed(theirs);
                warning.map_or(Ok(true), Err)
            }
        }
    }

    /// The rollout in use of this name.
    pub fn get(&self, name: &str) -> Option<Arc<Rollout>> {
        self.lock().current.get(name).cloned()
    }

    /// All that are in use, by name.
    pub fn all(&self) -> Vec<Arc<Rollout>> {
        self.lock().current.values().cloned().collect()
    }

    /// Where all that are in use stand.
    pub fn status(&self) -> Vec<Status> {
        self.all().iter().map(|r| r.status()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Where a plan of this name begins.
    fn progress_of(&self, name: &str, plan: &Plan) -> Progress {
        let since = rfc3339(SystemTime::now());
        if let Some(current) = self.current.get(name) {
            return current.progress().carried(current.plan(), plan, &since);
        }
        match self.saved.get(name) {
            Some(saved) => saved.progress.carried(&saved.plan, plan, &since),
            None => Progress::new(plan, since),
        }
    }

    /// Remembers the progress of names that are no longer used: a plugin that
    /// comes back with the next reload goes on where it was.
    fn retire(&mut self, is_used: impl Fn(&str) -> bool) {
        let gone: Vec<_> = self
            .current
            .keys()
            .filter(|n| !is_used(n))
            .cloned()
            .collect();
        for name in gone {
            if let Some(rollout) = self.current.remove(&name) {
                self.saved.insert(name, Saved::of(&rollout));
                self.others.push(Arc::downgrade(&rollout));
                self.unsaved = true;
            }
        }
        while self.saved.len() > MAX_ROLLOUTS {
            self.saved.pop_first();
        }
    }

    /// Takes note of what another process has left: of those in use, that they
    /// were rolled back; of the others, all of it.
    fn heed(&mut self, theirs: BTreeMap<String, Saved>) {
        for (name, theirs) in theirs {
            match self.current.get(&name) {
                Some(current) => current.heed(&theirs),
                None => {
                    self.saved.insert(name, theirs);
                }
            }
        }
        while self.saved.len() > MAX_ROLLOUTS {
            self.saved.pop_first();
        }
        self.unsaved = true;
    }

    /// What the file should say.
    fn all(&self) -> BTreeMap<String, Saved> {
        let mut all = self.saved.clone();
        let current = self.current.iter();
        all.extend(current.map(|(name, rollout)| (name.clone(), Saved::of(rollout))));
        all
    }
}
