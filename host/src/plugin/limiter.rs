//! How much memory one instance may have.

use wasmtime::ResourceLimiter;

/// Elements of one table: functions that are called through a pointer.
const TABLE_ELEMENTS: usize = 100_000;
/// Tables, core instances and memories of one component. Linked languages
/// (Python, for one) are made of dozens of modules.
const TABLES: usize = 256;
const INSTANCES: usize = 256;
const MEMORIES: usize = 16;

/// Counts all linear memories of an instance together.
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

    /// Bytes of linear memory now.
    pub(super) fn used(&self) -> usize {
        self.used
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.used.saturating_sub(current).saturating_add(desired);
        if total > self.limit {
            self.denied = true;
            return Ok(false);
        }
        self.used = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = desired <= TABLE_ELEMENTS;
        self.denied |= !fits;
        Ok(fits)
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
