//! Events of an issuer's keys.

use std::{fmt, io, sync::Arc, time::Duration};

use portcullis_core::{clock::ClockOffset, log::escape};
use portcullis_jose::{KeySet, Thumbprint};
use portcullis_worker::Death;

use crate::FetchError;

/// A change in the state of an issuer's keys. Each event is also logged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum IssuerEvent {
    /// The key set has changed.
    #[non_exhaustive]
    KeysChanged {
        /// The new keys.
        added: Vec<KeyId>,
        /// The keys that were withdrawn. Tokens signed by them are refused from now on.
        removed: Vec<KeyId>,
        /// The epoch of the new set.
        epoch: u64,
    },
    /// The last good key set was read from disk, because the issuer was not asked yet.
    #[non_exhaustive]
    Restored {
        /// The age of the key set.
        age: Duration,
    },
    /// The keys could not be fetched. The keys at hand stay in use.
    #[non_exhaustive]
    RefreshFailed {
        /// Why.
        error: FetchError,
        /// The number of failures in a row.
        failures: u32,
    },
    /// The issuer's metadata could not be read again. Keys are still fetched from the previous URL.
    #[non_exhaustive]
    DiscoveryFailed {
        /// Why.
        error: FetchError,
    },
    /// The keys were fetched again after failures.
    #[non_exhaustive]
    Recovered {
        /// The number of failures before.
        failures: u32,
    },
    /// The keys are past their stale limit: requests are answered 503 until new keys are fetched.
    #[non_exhaustive]
    Stale {
        /// How long ago the keys were fetched or confirmed.
        age: Duration,
        /// The largest age at which keys serve: the lifetime of the key set, and the stale limit.
        limit: Duration,
    },
    /// The issuer publishes private keys. The private parts were not kept; the issuer should replace these keys.
    #[non_exhaustive]
    PrivateKeysPublished {
        /// The number of such keys.
        count: usize,
    },
    /// The issuer's clock and ours differ by 30 s or more, half of the leeway that verifiers give by default.
    #[non_exhaustive]
    ClockSkewed {
        /// The issuer's clock, seen from ours.
        offset: ClockOffset,
    },
    /// Our clock was set by 2 s or more, or the machine slept. After a jump back, the times of the keys move with the clock.
    /// After a jump ahead the keys may be older by that much; if it is 60 s or more, a fetch is due at once, or when the
    /// issuer's `Retry-After` ends.
    #[non_exhaustive]
    ClockJumped {
        /// The clock now, seen from the time it should show.
        offset: ClockOffset,
    },
    /// The task panicked, or its runtime has ended. The keys serve until their stale limit. Start the issuer again.
    TaskEnded,
    /// The key set could not be written to disk.
    #[non_exhaustive]
    NotSaved {
        /// Why.
        error: Arc<io::Error>,
    },
}

/// A key of an issuer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct KeyId {
    /// Its name, as the issuer wrote it. [`Display`](fmt::Display) escapes it.
    pub kid: Option<Box<str>>,
    /// The thumbprint of the key (RFC 7638).
    pub thumbprint: Thumbprint,
}

impl KeyId {
    pub(crate) fn all_of(keys: Option<&KeySet>) -> Vec<Self> {
        keys.into_iter()
            .flat_map(KeySet::keys)
            .map(|key| Self {
                kid: key.kid().map(Box::from),
                thumbprint: key.thumbprint(),
            })
            .collect()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kid {
            Some(kid) => f.write_str(&escape(kid)),
            None => write!(f, "({})", self.thumbprint),
        }
    }
}

impl IssuerEvent {
    /// Writes the event to the log. An event at level `error` needs an operator.
    pub(crate) fn log(&self, issuer: &str, last_error: Option<&FetchError>, death: Option<Death>) {
        match self {
            Self::KeysChanged {
                added,
                removed,
                epoch,
            } => {
                tracing::info!(issuer, added = ?names(added), removed = ?names(removed), epoch, "issuer keys changed");
            }
            Self::Restored { age } => tracing::info!(issuer, ?age, "issuer keys read from disk"),
            Self::RefreshFailed { error, failures } if error.needs_operator() => {
                tracing::error!({ issuer, error = error.to_string(), failures }, "issuer keys cannot be fetched until the configuration or the issuer's metadata is corrected: see the error");
            }
            Self::RefreshFailed { error, failures } => {
                tracing::warn!({ issuer, error = error.to_string(), failures }, "issuer keys could not be fetched and will be fetched again: if this persists, check what the error names, or the issuer");
            }
            Self::DiscoveryFailed { error } if error.needs_operator() => {
                tracing::error!({ issuer, error = error.to_string() }, "issuer metadata cannot be used until the metadata or the configuration is corrected (see the error); keys are still fetched from the previous URL");
            }
            Self::DiscoveryFailed { error } => {
                tracing::warn!({ issuer, error = error.to_string() }, "issuer metadata could not be read again, so keys are still fetched from the previous URL: if this persists, check what the error names, or the issuer");
            }
            Self::Recovered { failures } => {
                tracing::info!(issuer, failures, "issuer keys fetched again after failures");
            }
            Self::Stale { age, limit } => {
                let last_error = last_error.map(ToString::to_string);
                tracing::error!(
                    issuer,
                    ?age,
                    ?limit,
                    last_error,
                    "the keys of this issuer were not fetched for longer than the limit (their lifetime and `stale_limit`): \
                     requests with tokens of this issuer get 503 until a fetch succeeds: correct the last error, if there is one"
                );
            }
            Self::PrivateKeysPublished { count } => {
                tracing::error!(
                    issuer,
                    count,
                    "the issuer publishes private keys, so anyone can sign tokens: ask its operator to replace these keys"
                );
            }
            Self::ClockSkewed { offset } => {
                tracing::warn!(issuer, %offset, "the issuer's clock is ahead of ours or behind it, by `offset`: check both clocks");
            }
            Self::ClockJumped { offset } => {
                tracing::warn!(issuer, %offset, "the system clock jumped, or the machine slept: if this repeats, check the time synchronization of this machine");
            }
            Self::TaskEnded if death == Some(Death::Panicked) => {
                tracing::error!(
                    issuer,
                    "the task that fetches issuer keys panicked: restart the service, or requests with tokens of this issuer get 503 once the keys are stale"
                );
            }
            // Usual when a process ends, as requests may outlive the task for a moment.
            Self::TaskEnded => {
                tracing::warn!(
                    issuer,
                    "the runtime that fetches issuer keys has ended, so the keys of this issuer are no longer refreshed: unless the service is stopping, restart it"
                );
            }
            Self::NotSaved { error } => {
                tracing::warn!({ issuer, error = error.to_string() }, "issuer keys could not be saved, so the next start must fetch them: see the error, and check `snapshot_directory`");
            }
        }
    }
}

fn names(keys: &[KeyId]) -> Vec<String> {
    keys.iter().map(ToString::to_string).collect()
}
