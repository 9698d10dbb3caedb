//! Rejected tokens: newer keys of the issuer may change the verdict.

use std::sync::Arc;

use portcullis_core::{
    Principal,
    scheme::{Failure, Outcome},
};
use portcullis_jose::{CompactJws, TokenLimits};

use super::{Inner, Rejected, bind, rejected_token::is_worth_a_signal};
use crate::{IssuerKeys, RefreshAnswer, Refresher, VerifyError, claims::find_issuer};

impl Inner {
    /// Rejects a token, or waits for newer keys if they may include the token's key. Signals the
    /// refresher where newer keys could help.
    pub(super) fn reject_or_wait(self: &Arc<Self>, token: &str, rejected: Rejected) -> Outcome {
        let Rejected { error, keys, whose } = rejected;
        let Some((keys, epoch)) = keys.filter(|_| is_worth_a_signal(&error)) else {
            return Outcome::Done(Err(error.refuse(&whose)));
        };
        if let Some(foreign) = foreign_issuer(token, &keys) {
            // While the keys are unavailable no token is judged: 503, even if `iss` is foreign.
            return Outcome::Done(Err(if error.is_undecided() {
                cannot_judge_now(error, &keys, &whose)
            } else {
                foreign.refuse(&whose)
            }));
        }
        let Some(refresher) = keys.refresher() else {
            return Outcome::Done(Err(error.refuse(&whose)));
        };
        if error.is_undecided() {
            refresher.report_no_keys();
            return Outcome::Done(Err(cannot_judge_now(error, &keys, &whose)));
        }
        if !error.may_wait_for_keys() {
            refresher.report_bad_signature();
            return Outcome::Done(Err(error.refuse(&whose)));
        }
        let has_newer_keys = || keys.snapshot().epoch != epoch;
        // Another refresh has brought newer keys: they are tried without a signal.
        if has_newer_keys() {
            return match self.verify(token.as_bytes(), self.clock.now()) {
                Ok(verified) => Outcome::Done(bind(&verified)),
                Err(rejected) => self.reject_or_wait(token, rejected),
            };
        }
        match refresher.request_newer_keys(epoch) {
            RefreshAnswer::Wait(refreshed) => {
                let (inner, token) = (self.clone(), Box::<str>::from(token));
                Outcome::Pending(Box::pin(async move {
                    let has_fetched = refreshed.await;
                    inner.verify_again(&token, has_fetched)
                }))
            }
            // Newer keys arrived after the check above.
            RefreshAnswer::Exhausted if has_newer_keys() => {
                Outcome::Done(self.verify_again(token, true))
            }
            RefreshAnswer::Exhausted => Outcome::Done(Err(unknown_key(error, &keys, &whose))),
            RefreshAnswer::Saturated => Outcome::Done(Err(cannot_judge_now(error, &keys, &whose))),
        }
    }

    /// The final verdict, after a refresh.
    fn verify_again(&self, token: &str, has_fetched: bool) -> Result<Principal, Failure> {
        let Rejected { error, keys, whose } = match self.verify(token.as_bytes(), self.clock.now())
        {
            Ok(verified) => return bind(&verified),
            Err(rejected) => rejected,
        };
        let Some((keys, _)) = keys else {
            return Err(error.refuse(&whose));
        };
        Err(match error.may_wait_for_keys() {
            true if has_fetched => unknown_key(error, &keys, &whose),
            false if !error.is_undecided() => error.refuse(&whose),
            _ => cannot_judge_now(error, &keys, &whose),
        })
    }
}

/// The error of a token that names another issuer than that of `keys`, or no issuer: it must not cause a fetch, which would
/// consume the budget that the issuer's own rotation needs. `None` if it names that issuer, or its payload cannot be decoded.
fn foreign_issuer(token: &str, keys: &IssuerKeys) -> Option<VerifyError> {
    // The configured limits were checked before.
    let payload = CompactJws::parse_within(token.as_bytes(), &TokenLimits::LARGEST)
        .and_then(|jws| jws.payload())
        .ok()?;
    find_issuer(&payload, |issuer| {
        (issuer == &**keys.issuer()).then_some(())
    })
    .err()
}

/// An unknown key is the caller's fault only if the keys could be fetched.
fn unknown_key(error: VerifyError, keys: &IssuerKeys, whose: &str) -> Failure {
    if keys.snapshot().last_fetch_failed {
        cannot_judge_now(error, keys, whose)
    } else {
        error.refuse(whose)
    }
}

/// The failure of a token that cannot be judged now, with the time until the next fetch as `Retry-After`.
fn cannot_judge_now(error: VerifyError, keys: &IssuerKeys, whose: &str) -> Failure {
    let error = match error {
        error if error.may_wait_for_keys() => VerifyError::UnknownKeyNotJudged(Box::new(error)),
        error => error,
    };
    let failure = error.refuse(whose);
    match keys.refresher().and_then(Refresher::next_attempt) {
        Some(due) => failure.retry_when_due(due),
        None => failure,
    }
}
