//! Randomness from the operating system, fit for secrets.

/// The most that one call gives.
const MAX_BYTES: u32 = 4096;

/// `count` random bytes, at most 4096.
pub(crate) fn bytes(count: u32) -> Result<Vec<u8>, getrandom::Error> {
    let count = usize::try_from(count.min(MAX_BYTES)).unwrap_or_default();
    let mut bytes = vec![0; count];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A random number.
pub(crate) fn next_u64() -> Result<u64, getrandom::Error> {
    getrandom::u64()
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
}
