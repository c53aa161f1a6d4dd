//! The built-in plugin `quota`: lets callers in as often as they may.

mod headers;
mod key;
mod left;
mod limits;
mod options;
mod replies;
mod values;

use std::cell::Cell;

use sluice_plugin::prelude::*;
use sluice_plugin::quota::Ticket;

use key::Counted;
use left::Kept;
use limits::Set;
use options::{LimitOptions, OnStoreError, Options, plan_pointer};
use replies::Replies;
use values::Cost;

/// Under which name the request hook keeps what the response hook needs.
const KEPT: &str = "left";

/// The configured plugin.
#[derive(Debug)]
pub struct Quota {
    /// `limits`, then the plans. None of a plan without limits.
    sets: Vec<Option<Set>>,
    /// The group at the same index has the plan after it.
    groups: Vec<String>,
    replies: Replies,
    options: Options,
    /// Whether the store failed the last time.
    failing: Cell<bool>,
}

#[plugin]
impl Plugin for Quota {
    type Config = Options;

    fn configure(options: Options) -> Result<Self, Problems> {
        let mut problems = options.problems();
        if !problems.is_empty() {
            return Err(problems);
        }
        let default = ("/limits".to_owned(), &options.limits);
        let plans = options.plans.iter();
        let plans = plans.map(|(group, limits)| (plan_pointer(group), limits));
        let mut sets = Vec::new();
        for (at, limits) in std::iter::once(default).chain(plans) {
            if limits.is_empty() {
                sets.push(None);
                continue;
            }
            match Set::open(&options, limits) {
                Ok(set) => sets.push(Some(set)),
                // What is wrong with a store is wrong with it for every plan.
                Err(why) if options.store != "local" => return Err(Problems::one("/store", why)),
                Err(why) => problems.add(at, why),
            }
        }
        if !options.tells_or_charges() {
            Hook::OnResponse.skip();
        }
        problems.or(Self {
            sets,
            groups: options.plans.keys().cloned().collect(),
            replies: Replies::new(&options),
            failing: Cell::new(false),
            options,
        })
    }

    fn on_request(&self, request: &mut Request) -> Result<Verdict, Error> {
        let at = self.plan(request);
        let Some(Some(set)) = self.sets.get(at) else {
            return Ok(Verdict::Next);
        };
        let key = match key::counted(&self.options.by.0, self.options.fallback, request) {
            Counted::By(key) => key,
            Counted::Not => return Ok(Verdict::Next),
            Counted::Without(part) => return Ok(Verdict::Respond(self.replies.uncountable(part))),
        };
        let Some(ticket) = self.take(set, &key)? else {
            return Ok(match self.options.on_store_error {
                OnStoreError::Allow => Verdict::Next,
                _ => Verdict::Respond(self.replies.unavailable()),
            });
        };
        if !ticket.granted {
            let limits = self.limits(at);
            return Ok(Verdict::Respond(
                self.replies.reached(set, limits, &ticket)?,
            ));
        }
        match &self.options.cost {
            Cost::Header(_) => context::set(KEPT, left::pack(at, &ticket.standings, &key))?,
            Cost::Fixed(_) if !self.options.tells_or_charges() => {}
            Cost::Fixed(_) => context::set(KEPT, left::pack(at, &ticket.standings, ""))?,
        }
        Ok(Verdict::Next)
    }

    fn on_response(&self, _: &Request, response: &mut Response) -> Result<Verdict, Error> {
        // Absent where the request was not counted.
        let Some(bytes) = context::get(KEPT) else {
            return Ok(Verdict::Next);
        };
        let set = Kept::set(&bytes).and_then(|at| self.sets.get(at)?.as_ref());
        let kept = set.and_then(|set| Some((set, Kept::unpack(&bytes, set.shown.len())?)));
        let Some((set, mut kept)) = kept else {
            return Err(Error::new("what the request hook kept is damaged"));
        };
        if let Cost::Header(name) = &self.options.cost {
            let cost = said_cost(response, name);
            self.charge(set, &kept.key, cost)?;
            for (left, limit) in kept.left.iter_mut().zip(self.limits(kept.set)) {
                left.charge(limit, cost);
            }
        }
        set.shown
            .write(self.options.headers, &kept.left, response)?;
        Ok(Verdict::Next)
    }
}

impl Quota {
    /// The index of the limits of whoever is calling.
    fn plan(&self, request: &Request) -> usize {
        if self.groups.is_empty() {
            return 0;
        }
        let groups = request.caller_groups();
        let mut plans = groups
            .iter()
            .filter_map(|group| self.groups.binary_search(group).ok());
        plans.next().map_or(0, |plan| plan + 1)
    }

    /// The limits at an index, as they were written.
    fn limits(&self, at: usize) -> &[LimitOptions] {
        match at.checked_sub(1) {
            None => &self.options.limits,
            Some(plan) => self
                .options
                .plans
                .values()
                .nth(plan)
                .map_or(&[], Vec::as_slice),
        }
    }

    /// None where no store answers, or none is asked instead.
    fn take(&self, set: &Set, key: &str) -> Result<Option<Ticket>, Error> {
        let cost = match self.options.cost {
            Cost::Fixed(cost) => cost,
            // What the response costs is charged then; now it is asked whether anything is left.
            Cost::Header(_) => 0,
        };
        let ticket = match self.options.tells_or_charges() {
            true => set.take(key, cost),
            false => set.admit(key, cost),
        };
        self.noticed(ticket.as_ref().err());
        match ticket {
            Ok(ticket) => Ok(Some(ticket)),
            Err(_) => Ok(set.take_here(key, cost).transpose()?),
        }
    }

    fn charge(&self, set: &Set, key: &str, cost: u64) -> Result<(), Error> {
        if cost == 0 {
            return Ok(());
        }
        let charged = set.charge(key, cost);
        self.noticed(charged.as_ref().err());
        if charged.is_err() {
            set.charge_here(key, cost).transpose()?;
        }
        Ok(())
    }

    /// Says once that the store fails, and once that it answers again.
    fn noticed(&self, why: Option<&StoreError>) {
        if self.failing.replace(why.is_some()) == why.is_some() {
            return;
        }
        let store = &*self.options.store;
        match why {
            Some(why) => log::warn(["store `", store, "` fails: ", &why.to_string()].concat()),
            None => log::info(["store `", store, "` answers again"].concat()),
        }
    }
}

/// What the response says that it costs; 1 where it does not say a whole number.
fn said_cost(response: &Response, name: &str) -> u64 {
    let cost = response.header_text(name);
    let cost = cost.and_then(|text| text.trim().parse::<u64>().ok());
    cost.map_or(1, |cost| cost.min(options::MOST))
}
