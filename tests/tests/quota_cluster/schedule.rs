//! Random schedules: who asks how often, through which gateway, after which pauses.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Random numbers of one seed (SplitMix64).
pub(crate) struct Dice(u64);

impl Dice {
    /// Another seed in each run; a test that fails says it.
    pub(crate) fn new() -> (Self, u64) {
        let seed = RandomState::new().hash_one(0);
        (Self(seed), seed)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 or more, below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }
}

/// What one client does, one step after the other.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// The gateway that it is connected to.
    pub(crate) gateway: usize,
    pub(crate) steps: Vec<Step>,
}

/// A request of a team, after a pause.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) team: usize,
    pub(crate) pause: Option<Duration>,
}

/// Clients of `gateways` gateways for `teams` teams, with so many requests together.
pub(crate) fn clients(
    dice: &mut Dice,
    gateways: usize,
    teams: usize,
    requests: usize,
) -> Vec<Client> {
    let count = 4 + dice.below(12) as usize;
    let client = |at: usize, dice: &mut Dice| Client {
        // Each gateway has one, the others are where they happen to be.
        gateway: match at < gateways {
            true => at,
            false => dice.below(gateways as u64) as usize,
        },
        steps: Vec::new(),
    };
    let mut clients: Vec<_> = (0..count).map(|at| client(at, dice)).collect();
    for _ in 0..requests {
        let pause = match dice.below(8) {
            0 => Some(Duration::from_millis(1 + dice.below(30))),
            _ => None,
        };
        let team = dice.below(teams as u64) as usize;
        let at = dice.below(count as u64) as usize;
        clients[at].steps.push(Step { team, pause });
    }
    clients
}
