use std::time::Duration;

use portcullis_core::{
    ConfigError,
    clock::{SharedClock, system_clock},
};

#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// How long a verdict is used without news of the store while the store can be reached.
    pub(super) reachable_bound: Duration,
    /// The same while it cannot.
    pub(super) unreachable_bound: Duration,
    /// Queries for unknown ids per second.
    pub(super) miss_limit: u32,
    pub(super) max_entries: usize,
    pub(super) start_limit: Duration,
    pub(super) clock: SharedClock,
}

impl Settings {
    /// How often the store is asked for changes.
    pub(super) const POLL_INTERVAL: Duration = Duration::from_secs(1);
    /// How long a query may take.
    pub(super) const QUERY_LIMIT: Duration = Duration::from_secs(2);

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let problem = |setting, problem| Err(ConfigError::new(setting, problem));
        if self.reachable_bound < Self::QUERY_LIMIT {
            return problem(
                "reachable_bound",
                "give at least 2 s, the time that a query may take",
            );
        }
        if self.unreachable_bound < self.reachable_bound {
            return problem("unreachable_bound", "give at least the `reachable_bound`");
        }
        if self.max_entries == 0 {
            return problem("max_entries", "allow at least one entry");
        }
        Ok(())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            reachable_bound: Duration::from_secs(5),
            unreachable_bound: Duration::from_secs(15 * 60),
            miss_limit: 200,
            max_entries: 100_000,
            start_limit: Duration::from_secs(10),
            clock: system_clock(),
        }
    }
}
