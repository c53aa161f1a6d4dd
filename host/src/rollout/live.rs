//! A plan while it is carried out, shared by all workers.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::Now;
use super::event::{Change, Event};
use super::file::Saved;
use super::judge::{Failure, Sample, Verdict, judge};
use super::plan::{Gates, OnFail, POINTS, Plan};
use super::progress::{Progress, State};
use super::tally::Tally;

/// A plan and its progress.
///
/// Workers read weights and count through atomics. What moves the progress,
/// the control thread and operators, takes turns behind a lock.
#[derive(Debug)]
pub struct Rollout {
    pub(super) name: String,
    pub(super) plan: Plan,
    /// The variants besides the baseline, in their order.
    others: Box<[Other]>,
    pub(super) tallies: Box<[Tally]>,
    pub(super) streak: Streak,
    course: Mutex<Course>,
    /// Something has changed that must not be lost.
    pub(super) unsaved: AtomicBool,
}

#[derive(Debug)]
struct Other {
    index: usize,
    weight: AtomicU32,
}

/// Failures of the canary in a row. They act at once, so it is a worker that
/// acts on them; the control thread learns of it later.
#[derive(Debug)]
pub(super) struct Streak {
    limit: Option<u32>,
    pub(super) length: AtomicU32,
    armed: AtomicBool,
    /// How long the streak was that was acted on; 0 where there is none.
    tripped: AtomicU32,
}

#[derive(Debug)]
pub(super) struct Course {
    pub(super) progress: Progress,
    last_tick: Option<Instant>,
    /// Since the last verdict.
    interval: Duration,
    /// What happened between two ticks.
    pub(super) missed: Option<Event>,
}

impl Rollout {
    pub(super) fn new(name: String, plan: Plan, progress: Progress) -> Self {
        let gates = plan.gates;
        let others = (0..plan.variants.len()).filter(|index| *index != plan.baseline);
        let with_durations = gates.is_some_and(|g| g.p99_ms.is_some());
        let rollout = Self {
            name,
            others: others
                .map(|index| Other {
                    index,
                    weight: AtomicU32::new(0),
                })
                .collect(),
            tallies: plan
                .variants
                .iter()
                .map(|_| Tally::new(with_durations))
                .collect(),
            streak: Streak {
                limit: gates.and_then(|g| g.consecutive_failures),
                length: AtomicU32::new(0),
                armed: AtomicBool::new(false),
                tripped: AtomicU32::new(0),
            },
            course: Mutex::new(Course {
                progress,
                last_tick: None,
                interval: Duration::ZERO,
                missed: None,
            }),
            plan,
            unsaved: AtomicBool::new(true),
        };
        rollout.publish(&rollout.lock());
        rollout
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is carried out.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The index of a variant.
    pub fn variant(&self, name: &str) -> Option<usize> {
        self.plan.variants.iter().position(|v| v.name == name)
    }

    /// The variant that has this point (0 to 9999) now.
    ///
    /// Variants take their points from the two ends by turns, the first from
    /// the lower end, the second from the upper; the baseline has what is
    /// between. So those two never give a point away while they grow, and any
    /// other only where one before it at its end has grown.
    #[inline]
    pub fn assign(&self, point: u32) -> usize {
        let point = point.min(POINTS - 1);
        let (mut low, mut high) = (0, POINTS);
        for (turn, other) in self.others.iter().enumerate() {
            let weight = other.weight.load(Relaxed);
            if turn % 2 == 0 {
                low += weight;
                if point < low {
                    return other.index;
                }
            } else {
                high = high.saturating_sub(weight);
                if point >= high {
                    return other.index;
                }
            }
        }
        self.plan.baseline
    }

    /// Counts a request that a variant has answered, or failed to.
    #[inline]
    pub fn record(&self, variant: usize, failed: bool, took: Duration) {
        let Some(tally) = self.tallies.get(variant) else {
            return;
        };
        tally.record(failed, took);
        if let Some(limit) = self.streak.limit
            && self.plan.canary() == Some(variant)
        {
            self.count_streak(limit, failed);
        }
    }

    /// Counts a request whose client left before the variant said anything. How
    /// long it waited is the variant's doing, that it left is not: it neither ends
    /// a streak nor makes it longer.
    pub fn record_given_up(&self, variant: usize, waited: Duration) {
        if let Some(tally) = self.tallies.get(variant) {
            tally.record(false, waited);
        }
    }

    fn count_streak(&self, limit: u32, failed: bool) {
        let streak = &self.streak;
        if !failed {
            if streak.length.load(Relaxed) != 0 {
                streak.length.store(0, Relaxed);
            }
            return;
        }
        let length = streak.length.fetch_add(1, SeqCst).saturating_add(1);
        if length < limit || !streak.armed.swap(false, SeqCst) {
            return;
        }
        // In this order: whoever sets weights looks at `tripped` afterwards.
        streak.tripped.store(length, SeqCst);
        if self.rolls_back() {
            self.set_weights(std::iter::repeat(0));
        }
    }

    /// Lets time pass until `now`: judges, then moves on.
    pub fn tick(&self, now: Now) -> Vec<Event> {
        let mut course = self.lock();
        let passed = course
            .last_tick
            .replace(now.monotonic)
            .map_or(Duration::ZERO, |last| {
                now.monotonic.saturating_duration_since(last)
            });
        let mut events: Vec<_> = course.missed.take().into_iter().collect();
        events.extend(self.settle(&mut course, now.wall));
        if let Some(gates) = &self.plan.gates
            && course.progress.state.is_judged()
        {
            course.interval = course.interval.saturating_add(passed);
            events.extend(self.judge(&mut course, gates, now.wall));
        }
        let waited = course.progress.waits(&self.plan);
        if course.progress.advance(&self.plan, passed) {
            self.unsaved.store(true, SeqCst);
            events.push(self.event(self.moved(&mut course, now.wall)));
        }
        if course.progress.waits(&self.plan) && !waited {
            events.push(self.event(Change::Waits {
                step: course.progress.step + 1,
                of: self.plan.steps.len(),
            }));
        }
        self.publish(&course);
        events
    }

    fn moved(&self, course: &mut Course, wall: SystemTime) -> Change {
        let progress = &mut course.progress;
        let weight = percent(progress.weights(&self.plan).first().copied().unwrap_or(0));
        if progress.state == State::Done {
            progress.since = rfc3339(wall);
            return Change::Done { weight };
        }
        Change::Step {
            step: progress.step + 1,
            of: self.plan.steps.len(),
            weight,
        }
    }

    /// Takes note of a streak that a worker has acted on.
    pub(super) fn settle(&self, course: &mut Course, wall: SystemTime) -> Option<Event> {
        let count = self.streak.tripped.swap(0, SeqCst);
        if count == 0 || !course.progress.state.is_judged() {
            return None;
        }
        let verdict = Verdict {
            at: rfc3339(wall),
            failed: vec![Failure::ConsecutiveFailures { count }],
            canary: self.take(self.plan.canary()),
            baseline: self.take(Some(self.plan.baseline)),
        };
        course.interval = Duration::ZERO;
        Some(self.fail(course, verdict))
    }

    /// A verdict, where the interval is over and had enough requests.
    fn judge(&self, course: &mut Course, gates: &Gates, wall: SystemTime) -> Option<Event> {
        let canary = self.tallies.get(self.plan.canary()?)?;
        let baseline = self.tallies.get(self.plan.baseline)?;
        let enough = u64::from(gates.min_requests);
        if course.interval < Duration::from_millis(gates.interval_ms) || canary.waiting() < enough {
            return None;
        }
        let known = course.progress.baseline_for(gates);
        if baseline.waiting() < enough && known.is_none() {
            return None;
        }
        course.interval = Duration::ZERO;
        let canary = canary.take();
        let mut baseline = baseline.take();
        if baseline.requests >= enough {
            course.progress.baseline = Some(baseline);
        } else {
            baseline = known.unwrap_or(baseline);
        }
        let verdict = Verdict {
            at: rfc3339(wall),
            failed: judge(gates, &canary, &baseline),
            canary,
            baseline,
        };
        if !verdict.failed.is_empty() {
            return Some(self.fail(course, verdict));
        }
        course.progress.verdict = Some(verdict);
        course.progress.passed = true;
        None
    }

    fn fail(&self, course: &mut Course, verdict: Verdict) -> Event {
        let failed = verdict.failed.clone();
        let (state, change) = if self.rolls_back() {
            (State::RolledBack, Change::RolledBack(failed))
        } else {
            (State::Held, Change::Held(failed))
        };
        course.progress.since = verdict.at.clone();
        course.progress.state = state;
        course.progress.verdict = Some(verdict);
        self.unsaved.store(true, SeqCst);
        self.event(change)
    }

    fn event(&self, change: Change) -> Event {
        let canary = self.plan.canary().and_then(|c| self.plan.variants.get(c));
        Event {
            name: self.name.clone(),
            canary: canary.map_or_else(String::new, |c| c.name.clone()),
            change,
        }
    }

    /// What was seen before says nothing about what comes.
    pub(super) fn forget(&self, course: &mut Course) {
        course.interval = Duration::ZERO;
        for tally in &self.tallies {
            let _ = tally.take();
        }
    }

    /// The weights now, in the order of the plan.
    pub fn weights(&self) -> Vec<u32> {
        let mut weights = vec![0; self.plan.variants.len()];
        let mut rest = POINTS;
        for other in &self.others {
            let weight = other.weight.load(SeqCst);
            rest = rest.saturating_sub(weight);
            if let Some(place) = weights.get_mut(other.index) {
                *place = weight;
            }
        }
        if let Some(place) = weights.get_mut(self.plan.baseline) {
            *place = rest;
        }
        weights
    }

    /// Where it stands, with what a worker has acted on since the last tick.
    pub(super) fn progress(&self) -> Progress {
        let mut course = self.lock();
        if let Some(event) = self.settle(&mut course, SystemTime::now()) {
            course.missed = Some(event);
            self.publish(&course);
        }
        course.progress.clone()
    }

    /// Goes on where another plan of the same name has stopped.
    pub(super) fn go_on_from(&self, earlier: &Self, progress: Progress) {
        for (variant, tally) in self.plan.variants.iter().zip(&self.tallies) {
            let known = earlier.variant(&variant.name);
            if let Some(known) = known.and_then(|index| earlier.tallies.get(index)) {
                tally.go_on_from(known);
            }
        }
        let missed = earlier.lock().missed.take();
        self.set_progress(progress);
        self.lock().missed = missed;
    }

    pub(super) fn set_progress(&self, progress: Progress) {
        let mut course = self.lock();
        course.progress = progress;
        course.last_tick = None;
        self.forget(&mut course);
        self.unsaved.store(true, SeqCst);
        self.publish(&course);
    }

    /// Another process was rolled back with the same canary: so is this one, unless
    /// an operator has promoted it here.
    pub(super) fn heed(&self, theirs: &Saved) {
        let of_this = theirs.plan.same_subject(&self.plan);
        let ours = self.progress().state;
        if theirs.progress.state == State::RolledBack
            && of_this
            && !matches!(ours, State::RolledBack | State::Promoted)
        {
            let progress = &theirs.progress;
            self.set_progress(progress.carried(&theirs.plan, &self.plan, &progress.since));
        }
    }

    /// Whether something has changed since this was last asked.
    pub(super) fn take_unsaved(&self) -> bool {
        self.unsaved.swap(false, SeqCst)
    }

    /// Whether its progress moves with time, or is judged.
    pub(super) fn moves(&self) -> bool {
        let moves = !self.plan.steps.is_empty() || self.plan.gates.is_some();
        moves && self.lock().progress.state == State::Running
    }

    /// Lets workers see the progress.
    pub(super) fn publish(&self, course: &Course) {
        self.set_weights(course.progress.weights(&self.plan).into_iter());
        let armed = course.progress.state.is_judged();
        self.streak.armed.store(armed, SeqCst);
        if self.streak.tripped.load(SeqCst) != 0 && self.rolls_back() {
            self.set_weights(std::iter::repeat(0));
        }
    }

    fn set_weights(&self, weights: impl Iterator<Item = u32>) {
        for (other, weight) in self.others.iter().zip(weights) {
            other.weight.store(weight, SeqCst);
        }
    }

    fn rolls_back(&self) -> bool {
        let gates = self.plan.gates;
        gates.is_some_and(|gates| gates.on_fail == OnFail::Rollback)
    }

    fn take(&self, variant: Option<usize>) -> Sample {
        let tally = variant.and_then(|index| self.tallies.get(index));
        tally.map(Tally::take).unwrap_or_default()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Course> {
        // Nothing panics in between that would leave half a change.
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn percent(weight: u32) -> f64 {
    f64::from(weight) / 100.0
}

pub(super) fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}
