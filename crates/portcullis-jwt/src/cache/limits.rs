//! The limits and the status of a token cache.

use portcullis_core::ConfigError;

/// The limits of the cache of verified tokens; see [`BearerBuilder::token_cache`](crate::BearerBuilder::token_cache).
///
/// Both limits apply at once. In addition, each thread keeps copies of up to 64 of the tokens that it sees most, over
/// all schemes. A copy outlives its scheme until another token replaces it or the thread ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheLimits {
    /// The most tokens: 16,384 by default. Must be <= 16,777,216.
    pub max_entries: usize,
    /// The most bytes: 32 MiB by default. An entry counts as its structs, 128 bytes and twice the length of its token
    /// (three times with [`keep_access_token`](crate::BearerBuilder::keep_access_token)). Most entries take less. Memory that custom [`claims`](crate::BearerBuilder::claims) allocate is not known and not counted.
    pub max_bytes: usize,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self::new(16 * 1024, 32 * 1024 * 1024)
    }
}

impl CacheLimits {
    const MAX_ENTRIES: usize = 1 << 24;

    /// Sets both limits.
    #[must_use]
    pub const fn new(max_entries: usize, max_bytes: usize) -> Self {
        Self {
            max_entries,
            max_bytes,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let problem = if self.max_entries == 0 || self.max_bytes == 0 {
            "a limit is zero: call `.without_token_cache()` to keep no tokens"
        } else if self.max_entries > Self::MAX_ENTRIES {
            "`max_entries` must be <= 16,777,216: lower it"
        } else {
            return Ok(());
        };
        Err(ConfigError::new("token_cache", problem))
    }

    /// The number of shards, so that each holds at least 64 entries and one token of the greatest length.
    pub(super) fn shards(&self) -> usize {
        const MAX_SHARDS: usize = 16;
        const LEAST_ENTRIES: usize = 64;
        const LEAST_BYTES: usize = 256 * 1024;

        let shards = (self.max_entries / LEAST_ENTRIES).min(self.max_bytes / LEAST_BYTES);
        shards.clamp(1, MAX_SHARDS)
    }
}

/// The contents of a cache of verified tokens; see [`Bearer::cache_status`](crate::Bearer::cache_status).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStatus {
    /// The number of tokens, including expired ones that have not been evicted yet.
    pub entries: usize,
    /// Their estimated size in bytes.
    pub bytes: usize,
}
