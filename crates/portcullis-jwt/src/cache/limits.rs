//! How much a cache may hold, and how much it does.

use portcullis_core::ConfigError;

/// How many verified tokens are kept; see [`BearerBuilder::token_cache`](crate::BearerBuilder::token_cache).
///
/// Both limits hold at once. Beside them each thread keeps up to 64 of the tokens that it sees most, over all schemes,
/// which stay in its memory when their scheme is gone until others come or it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheLimits {
    /// The most tokens: 16,384 by default. Rounded up to a multiple of 8.
    pub max_entries: usize,
    /// The most bytes: 32 MiB by default. An entry is counted by its token's length, twice, which is more than most
    /// take; what custom claims ([`BearerBuilder::claims`](crate::BearerBuilder::claims)) allocate is not known, and
    /// not counted.
    pub max_bytes: usize,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self {
            max_entries: 16 * 1024,
            max_bytes: 32 * 1024 * 1024,
        }
    }
}

impl CacheLimits {
    /// Sets both limits.
    #[must_use]
    pub const fn new(max_entries: usize, max_bytes: usize) -> Self {
        Self {
            max_entries,
            max_bytes,
        }
    }

    /// More than anyone needs, and what the slots of as many entries take is still to be had.
    const MOST_ENTRIES: usize = 1 << 24;

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let problem = if self.max_entries == 0 || self.max_bytes == 0 {
            "a limit is zero: call `.without_token_cache()` to keep no tokens"
        } else if self.max_entries > Self::MOST_ENTRIES {
            "more than 16,777,216 entries: their slots alone take 384 MiB"
        } else {
            return Ok(());
        };
        Err(ConfigError::new("token_cache", problem))
    }
}

/// What a cache of verified tokens holds now; see [`Bearer::cache_status`](crate::Bearer::cache_status).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStatus {
    /// How many tokens, those included that have ended and have not been replaced yet.
    pub entries: usize,
    /// How many bytes they are counted for, and those that are on their way in.
    pub bytes: usize,
}
