//! From who somebody is to one of 10,000 points: the same in every process and
//! every version, or users would change sides with an update.

use std::cell::Cell;

use sluice_plugin::rollout::POINTS;

/// FNV-1a with 64 bits: the offset basis and the prime.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// What keeps the points of one canary apart from those of another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Salt(u64);

impl Salt {
    pub(crate) fn new(salt: &str) -> Self {
        // No text holds the byte 255: salt and key cannot be taken for another pair.
        Self(fnv(fnv(BASIS, salt.as_bytes()), &[255]))
    }

    /// The point of a key: FNV-1a of salt, 255 and key, mixed, modulo 10,000.
    pub(crate) fn point(self, key: &[u8]) -> u32 {
        any(mixed(fnv(self.0, key)))
    }
}

/// Points for requests by which no user is known. Chance is enough for them, and to ask the
/// gateway for each of its random numbers would cost more than the rest of the choice.
#[derive(Debug)]
pub(crate) struct Chance(Cell<u64>);

impl Chance {
    /// Seeded with a random number.
    pub(crate) fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// The next point (SplitMix64).
    pub(crate) fn point(&self) -> u32 {
        let next = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(next);
        any(mixed(next))
    }
}

/// A point of a number that is random already.
fn any(random: u64) -> u32 {
    // The remainder is below 10,000, and its bias below 2^-50.
    (random % u64::from(POINTS)) as u32
}

fn fnv(state: u64, bytes: &[u8]) -> u64 {
    let step = |state: u64, byte: &u8| (state ^ u64::from(*byte)).wrapping_mul(PRIME);
    bytes.iter().fold(state, step)
}

/// The finaliser of MurmurHash3: FNV alone spreads the last bytes badly.
fn mixed(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_the_same_for_ever() {
        for (salt, key, point) in [
            ("", "", 2295),
            ("v1,v2", "", 4051),
            ("v1,v2", "acme", 9014),
            ("v1,v2", "192.0.2.1", 8588),
            ("orders", "192.0.2.1", 1333),
            ("orders", "2001:db8::1", 4567),
        ] {
            assert_eq!(Salt::new(salt).point(key.as_bytes()), point, "{salt} {key}");
        }
    }

    /// Of 100,000 points, with 9 degrees of freedom: above 27.9 once in 1,000 times.
    fn chi_squared(tenths: &[u32; 10]) -> f64 {
        let off = |count: &u32| (f64::from(*count) - 10_000.0).powi(2) / 10_000.0;
        tenths.iter().map(off).sum()
    }

    #[test]
    fn keys_that_count_up_are_spread_evenly() {
        for salt in ["v1,v2", "a", ""] {
            let salt = Salt::new(salt);
            let mut tenths = [0_u32; 10];
            for user in 0..100_000 {
                let point = salt.point(format!("user-{user}").as_bytes());
                tenths[(point / 1_000) as usize] += 1;
            }
            assert!(chi_squared(&tenths) < 27.9, "{tenths:?}");
        }
    }

    #[test]
    fn chance_is_spread_evenly() {
        let chance = Chance::new(7);
        let mut tenths = [0_u32; 10];
        for _ in 0..100_000 {
            tenths[(chance.point() / 1_000) as usize] += 1;
        }
        assert!(chi_squared(&tenths) < 27.9, "{tenths:?}");
    }

    #[test]
    fn another_salt_is_another_order() {
        let (a, b) = (Salt::new("a"), Salt::new("b"));
        let both = |user: &u32| {
            let key = user.to_le_bytes();
            a.point(&key) < 5_000 && b.point(&key) < 5_000
        };
        let count = (0..10_000_u32).filter(both).count();
        assert!((2_300..2_700).contains(&count), "{count}");
    }
}
