//! How verifiers ask for newer keys of an issuer.

use std::{pin::Pin, time::Duration};

/// Refreshes the keys of an issuer on the request of verifiers. All calls are cheap and never block.
pub trait Refresher: Send + Sync + 'static {
    /// Requests newer keys: a token's `kid` is not in the set, or the token has no `kid` and no key of the set signed it.
    /// `epoch` is that of the keys the token was checked with.
    fn request_newer_keys(&self, epoch: u64) -> RefreshAnswer;

    /// Reports that a signature under a known `kid` is bad, or the key with the `kid` is not for the token's algorithm:
    /// the issuer may have reused the `kid` for a new key. An implementation must not spend the budget of unknown keys on
    /// it: unknown keys are the usual sign of a rotation.
    fn report_bad_signature(&self);

    /// Reports that a token could not be judged, since the keys were not loaded yet or are stale.
    fn report_no_keys(&self) {}

    /// The time until the next attempt to fetch the keys, if it is known. It becomes the `Retry-After` of callers whose
    /// tokens cannot be judged.
    fn next_attempt(&self) -> Option<Duration> {
        None
    }
}

/// The answer to a request for a refresh.
pub enum RefreshAnswer {
    /// A refresh is under way: wait. The future ends with the refresh, or when the caller has waited long enough. It returns
    /// whether a token whose key is still unknown is refused (401); if not, it is not judged (503). Dropping it is harmless.
    Wait(Pin<Box<dyn Future<Output = bool> + Send>>),
    /// No refresh is started: there are newer keys already, the budget is spent, or the issuer's `Retry-After` is running.
    Exhausted,
    /// A refresh is under way, but too many requests wait for it already.
    Saturated,
}
