//! Rejected tokens: newer keys of the issuer may change the verdict.

use std::sync::Arc;

use portcullis_core::{
    Principal,
    scheme::{Failure, Outcome},
};
use portcullis_jose::{CompactJws, TokenLimits};

use super::{Inner, bind};
use crate::{
    IssuerKeys, RefreshAnswer, RefreshOutcome, Refresher, VerifyError, claims::peek_issuer,
    verify_error::found_name,
};

/// A token that was not accepted.
pub(super) struct Rejected {
    pub(super) error: VerifyError,
    /// The keys that the token was checked with, and their epoch; `None` if it was rejected before the keys were
    /// looked up.
    pub(super) keys: Option<(IssuerKeys, u64)>,
}

impl<E: Into<VerifyError>> From<E> for Rejected {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            keys: None,
        }
    }
}

impl Inner {
    /// Rejects a token, or waits for newer keys if they may include the token's key. Signals the
    /// owner of the keys unless newer keys are there already or cannot help.
    pub(super) fn reject_or_wait(self: &Arc<Self>, token: &str, rejected: Rejected) -> Outcome {
        let Rejected { error, keys } = rejected;
        let Some((keys, epoch)) = keys.filter(|_| newer_keys_may_help(&error)) else {
            return Outcome::Done(Err(error.into()));
        };
        if let Some(foreign) = foreign_issuer(token, &keys) {
            // While the keys are unavailable the answer is 503 even if `iss` is foreign, since even that is not proven.
            return Outcome::Done(Err(if error.is_outage() {
                in_outage(error, &keys)
            } else {
                foreign.into()
            }));
        }
        let Some(refresher) = keys.refresher() else {
            return Outcome::Done(Err(error.into()));
        };
        if error.is_outage() {
            refresher.report_no_keys();
            return Outcome::Done(Err(in_outage(error, &keys)));
        }
        if !error.is_unknown_key() {
            refresher.report_bad_signature();
            return Outcome::Done(Err(error.into()));
        }
        // A refresh for another request has brought new keys since: they are tried without a signal.
        if keys.snapshot().epoch() != epoch {
            return match self.verify(token.as_bytes(), self.clock.now()) {
                Ok(verified) => Outcome::Done(bind(&verified)),
                Err(rejected) => self.reject_or_wait(token, rejected),
            };
        }
        match refresher.request_newer_keys(epoch) {
            RefreshAnswer::Wait(refreshed) => {
                let (inner, token) = (self.clone(), Box::<str>::from(token));
                Outcome::Pending(Box::pin(async move {
                    let outcome = refreshed.await;
                    inner.verify_again(&token, outcome)
                }))
            }
            // New keys arrived after the check above.
            RefreshAnswer::Exhausted if keys.snapshot().epoch() != epoch => {
                Outcome::Done(self.verify_again(token, RefreshOutcome::Succeeded))
            }
            RefreshAnswer::Exhausted => Outcome::Done(Err(unknown_key(error, &keys))),
            RefreshAnswer::Saturated => Outcome::Done(Err(in_outage(error, &keys))),
        }
    }

    /// The final verdict, after a refresh.
    fn verify_again(&self, token: &str, outcome: RefreshOutcome) -> Result<Principal, Failure> {
        let Rejected { error, keys } = match self.verify(token.as_bytes(), self.clock.now()) {
            Ok(verified) => return bind(&verified),
            Err(rejected) => rejected,
        };
        let Some((keys, _)) = keys else {
            return Err(error.into());
        };
        Err(match outcome {
            _ if error.is_outage() => in_outage(error, &keys),
            RefreshOutcome::Succeeded if error.is_unknown_key() => unknown_key(error, &keys),
            RefreshOutcome::Failed if error.is_unknown_key() => in_outage(error, &keys),
            _ => error.into(),
        })
    }
}

/// Whether to signal the owner of the keys: in more cases than those in which to wait for a refresh.
fn newer_keys_may_help(error: &VerifyError) -> bool {
    error.is_unknown_key()
        || matches!(
            error,
            VerifyError::Signature
                | VerifyError::KidForOtherAlgorithm(_)
                | VerifyError::KeysNotLoaded
                | VerifyError::KeysStale
        )
}

/// The error of a token that names another issuer than that of `keys`. Such a token must not cause a fetch: it would
/// consume the budget that the issuer's own rotation needs.
fn foreign_issuer(token: &str, keys: &IssuerKeys) -> Option<VerifyError> {
    // The configured limits were checked before.
    let payload = CompactJws::parse_within(token.as_bytes(), &TokenLimits::LARGEST)
        .and_then(|jws| jws.payload())
        .ok()?;
    let issuer = peek_issuer(&payload);
    (issuer.as_deref() != Some(&**keys.issuer()))
        .then(|| VerifyError::Issuer(found_name(issuer.as_deref())))
}

/// An unknown key is the caller's fault only if the keys could be fetched.
fn unknown_key(error: VerifyError, keys: &IssuerKeys) -> Failure {
    if keys.snapshot().last_fetch_failed() {
        in_outage(error, keys)
    } else {
        error.into()
    }
}

/// The failure of a token that cannot be judged now, with the time until the next fetch as `Retry-After`.
fn in_outage(error: VerifyError, keys: &IssuerKeys) -> Failure {
    let error = if error.is_unknown_key() {
        VerifyError::UnknownKeyInOutage(Box::new(error))
    } else {
        error
    };
    let failure = Failure::from(error);
    match keys.refresher().and_then(Refresher::next_attempt) {
        Some(due) => failure.retry_when_due(due),
        None => failure,
    }
}
