//! How much memory one instance may have.

use wasmtime::ResourceLimiter;

/// Elements of one table: functions that are called through a pointer.
const TABLE_ELEMENTS: usize = 100_000;
/// Bytes of the largest element: a pointer. References to objects take less.
const ELEMENT: usize = 8;
/// Tables, core instances and memories of one component. Linked languages
/// (Python, for one) are made of dozens of modules.
const TABLES: usize = 256;
const INSTANCES: usize = 256;
const MEMORIES: usize = 16;

/// Counts all linear memories and tables of an instance together.
#[derive(Debug)]
pub(crate) struct Limiter {
    limit: usize,
    used: usize,
    denied: bool,
}

impl Limiter {
    /// At most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            used: 0,
            denied: false,
        }
    }

    /// A call begins.
    #[inline]
    pub(super) fn begin(&mut self) {
        self.denied = false;
    }

    /// Whether the present call was denied memory.
    pub(super) fn denied(&self) -> bool {
        self.denied
    }

    /// Bytes of linear memory and tables now.
    pub(super) fn used(&self) -> usize {
        self.used
    }
}

impl Limiter {
    /// Whether something may grow to so many bytes.
    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let total = self.used.saturating_sub(current).saturating_add(desired);
        if total > self.limit {
            self.denied = true;
            return false;
        }
        self.used = total;
        true
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(current, desired))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > TABLE_ELEMENTS {
            self.denied = true;
            return Ok(false);
        }
        let bytes = |elements: usize| elements.saturating_mul(ELEMENT);
        Ok(self.grow(bytes(current), bytes(desired)))
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_count_as_memory_does() {
        let mut limiter = Limiter::new(100_000);
        assert!(limiter.memory_growing(0, 20_000, None).unwrap());
        // A table as it is made, and as it grows.
        assert!(limiter.table_growing(0, 1_000, None).unwrap());
        assert!(limiter.table_growing(1_000, 10_000, None).unwrap());
        assert_eq!(limiter.used(), 100_000);
        assert!(!limiter.denied());
        assert!(!limiter.table_growing(10_000, 10_001, None).unwrap());
        assert!(limiter.denied());
        limiter.begin();
        assert!(!limiter.table_growing(0, 1, None).unwrap(), "another one");
    }

    #[test]
    fn one_table_has_a_largest_size() {
        let mut limiter = Limiter::new(usize::MAX);
        assert!(!limiter.table_growing(0, 100_001, None).unwrap());
        assert!(!limiter.table_growing(0, usize::MAX, None).unwrap());
        assert_eq!(limiter.used(), 0);
    }
}
