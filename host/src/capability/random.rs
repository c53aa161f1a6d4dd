//! Randomness from the operating system, fit for secrets.

/// Numbers that are asked for at a time.
const AHEAD: usize = 32;
/// The most that one call gives.
const MAX_BYTES: u32 = 4096;

/// `count` random bytes, at most 4096.
pub(crate) fn bytes(count: u32) -> Result<Vec<u8>, getrandom::Error> {
    let count = usize::try_from(count.min(MAX_BYTES)).unwrap_or_default();
    let mut bytes = vec![0; count];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Random numbers, asked for from the system many at a time: one system call
/// for each would cost more than the hook that wants it.
#[derive(Default)]
pub(crate) struct Numbers {
    /// Each is used once, and gone.
    ahead: Vec<u64>,
}

impl Numbers {
    /// A random number.
    pub(crate) fn next(&mut self) -> Result<u64, getrandom::Error> {
        if let Some(next) = self.ahead.pop() {
            return Ok(next);
        }
        let mut bytes = [0; 8 * AHEAD];
        getrandom::fill(&mut bytes)?;
        let (numbers, _) = bytes.as_chunks::<8>();
        self.ahead
            .extend(numbers.iter().map(|n| u64::from_ne_bytes(*n)));
        self.ahead.pop().map_or_else(getrandom::u64, Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_gives_a_bounded_amount() {
        assert_eq!(bytes(u32::MAX).unwrap().len(), 4096);
        assert_eq!(bytes(7).unwrap().len(), 7);
        assert_ne!(bytes(32).unwrap(), bytes(32).unwrap());
    }

    #[test]
    fn no_number_comes_twice() {
        let mut numbers = Numbers::default();
        let many: std::collections::HashSet<u64> =
            (0..10 * AHEAD).map(|_| numbers.next().unwrap()).collect();
        assert_eq!(many.len(), 10 * AHEAD);
    }
}
