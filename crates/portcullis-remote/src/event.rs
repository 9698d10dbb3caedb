//! What happens to an issuer's keys, as it happens.

use std::{fmt, io, sync::Arc, time::Duration};

use portcullis_core::{ClockOffset, escape};
use portcullis_jose::{KeySet, Thumbprint};
use portcullis_worker::Death;

use crate::FetchError;

/// A change in the state of an issuer's keys. Each is also logged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum IssuerEvent {
    /// The set of keys is another than before.
    #[non_exhaustive]
    KeysChanged {
        /// The keys that are new.
        added: Vec<KeyId>,
        /// The keys that are gone; what they signed is refused from now on.
        removed: Vec<KeyId>,
        /// The epoch of the new set.
        epoch: u64,
    },
    /// The last good set was read from disk, as the issuer has not been asked yet.
    #[non_exhaustive]
    Restored {
        /// How old it is.
        age: Duration,
    },
    /// An attempt to fetch the keys failed. Those at hand keep serving.
    #[non_exhaustive]
    RefreshFailed {
        /// Why.
        error: FetchError,
        /// How many attempts have failed in a row.
        failures: u32,
    },
    /// The issuer's metadata could not be read again; its keys are fetched from where they were.
    #[non_exhaustive]
    DiscoveryFailed {
        /// Why.
        error: FetchError,
    },
    /// The keys could be fetched again.
    #[non_exhaustive]
    Recovered {
        /// How many attempts had failed.
        failures: u32,
    },
    /// The keys are past their stale limit: requests are answered 503 until new ones can be fetched.
    Stale,
    /// The issuer publishes private members with this many keys. They were not kept; the keys should be replaced.
    #[non_exhaustive]
    PrivateKeysPublished {
        /// How many keys.
        count: usize,
    },
    /// The clock of the issuer and ours differ by more than the tokens' leeway allows for comfort.
    #[non_exhaustive]
    ClockSkewed {
        /// The issuer's clock, seen from ours.
        issuer: ClockOffset,
    },
    /// Our clock was set, or the machine slept. After a jump back the limits of the keys were moved along. After one
    /// ahead they were not, as the keys may be that much older, and a fetch is due at once.
    #[non_exhaustive]
    ClockJumped {
        /// The clock now, seen from where it should have been.
        clock: ClockOffset,
    },
    /// Nothing keeps the keys fresh any more, though they are still in use: the task panicked, or its runtime has ended.
    /// They serve until their stale limit. Start the issuer anew.
    Stopped,
    /// The last good set could not be written to disk.
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
    /// Its name. The issuer's text: [`Display`](fmt::Display) escapes it.
    pub kid: Option<Box<str>>,
    /// Its material (RFC 7638).
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
    /// Writes the event to the log, at the level of what it asks of the operator.
    pub(crate) fn log(&self, issuer: &str, death: Option<Death>) {
        match self {
            Self::KeysChanged {
                added,
                removed,
                epoch,
            } => {
                tracing::info!(issuer, added = %List(added), removed = %List(removed), epoch, "the issuer's keys changed");
            }
            Self::Restored { age } => {
                tracing::info!(issuer, ?age, "the issuer's keys were read from disk")
            }
            Self::RefreshFailed { error, failures } if error.needs_operator() => {
                tracing::error!(issuer, %error, failures, "issuer keys cannot be fetched until the configuration is corrected");
            }
            Self::RefreshFailed { error, failures } => {
                tracing::warn!(issuer, %error, failures, "the issuer's keys could not be fetched");
            }
            Self::DiscoveryFailed { error } if error.needs_operator() => {
                tracing::error!(issuer, %error, "issuer metadata cannot be used until the configuration is corrected; keys are still fetched from the previous URL");
            }
            Self::DiscoveryFailed { error } => {
                tracing::warn!(issuer, %error, "the issuer's metadata could not be read again");
            }
            Self::Recovered { failures } => {
                tracing::info!(issuer, failures, "the issuer's keys could be fetched again")
            }
            Self::Stale => {
                tracing::error!(
                    issuer,
                    "the issuer's keys are too old to be used: requests are answered 503"
                );
            }
            Self::PrivateKeysPublished { count } => {
                tracing::error!(
                    issuer,
                    count,
                    "the issuer publishes private keys: they should be replaced"
                );
            }
            Self::ClockSkewed { issuer: offset } => {
                tracing::warn!(issuer, %offset, "the issuer's clock is far from ours");
            }
            Self::ClockJumped { clock } => {
                tracing::warn!(issuer, offset = %clock, "the clock jumped")
            }
            Self::Stopped if death == Some(Death::Panicked) => {
                tracing::error!(
                    issuer,
                    "the task that fetched the issuer's keys panicked: they are not kept fresh any more"
                );
            }
            // Usual when a process ends, as requests may outlive the task for a moment.
            Self::Stopped => {
                tracing::warn!(
                    issuer,
                    "the runtime that fetched the issuer's keys has ended: they are not kept fresh any more"
                );
            }
            Self::NotSaved { error } => {
                tracing::warn!(issuer, %error, "the issuer's keys could not be written to disk");
            }
        }
    }
}

struct List<'k>(&'k [KeyId]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|key| format_args!("{key}").to_string()))
            .finish()
    }
}
