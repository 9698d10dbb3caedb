//! The decision about a rejected token: newer keys of the issuer may change the verdict.

use std::sync::Arc;

use portcullis_core::scheme::{Failure, Outcome};
use portcullis_jose::{CompactJws, TokenLimits};

use super::{Inner, Verdict, rejected_token::Rejected};
use crate::{
    IssuerKeys, RefreshAnswer, Refresher, VerifyError, claims::find_issuer,
    verify_error::KeyProblem,
};

impl Inner {
    /// Rejects the token, or verifies it again with newer keys if they may include its key. If the token names the issuer of
    /// the keys, tells the refresher about errors that newer keys could change.
    pub(super) fn decide_rejected(self: &Arc<Self>, token: &str, rejected: Rejected) -> Outcome {
        use KeyProblem::{KnownKeyFailed, Undecided, UnknownKey};

        let Rejected { error, keys, whose } = rejected;
        let (Some((keys, epoch)), Some(problem)) = (keys, error.key_problem()) else {
            return Outcome::Done(Err(error.into_failure(&whose)));
        };
        let has_newer_keys = || keys.snapshot().epoch != epoch;
        let decide_again = || match self.verify(token.as_bytes(), self.clock.now()) {
            Ok(verdict) => Outcome::Done(verdict),
            Err(rejected) => self.decide_rejected(token, rejected),
        };
        // Keys that another refresh has fetched are tried first: they cost no budget.
        if has_newer_keys() {
            return decide_again();
        }
        let issuer_error = check_named_issuer(token, &keys).err();
        let failure = match (problem, issuer_error, keys.refresher()) {
            (Undecided, None, Some(refresher)) => {
                refresher.report_no_keys();
                cannot_judge_now(error, &keys, &whose)
            }
            // Without usable keys no token is judged: 503, even if it names another issuer.
            (Undecided, ..) => cannot_judge_now(error, &keys, &whose),
            (_, Some(issuer_error), _) => issuer_error.into_failure(&whose),
            // Fixed keys: there are no newer ones.
            (_, None, None) => error.into_failure(&whose),
            (KnownKeyFailed, None, Some(refresher)) => {
                refresher.report_bad_signature();
                error.into_failure(&whose)
            }
            (UnknownKey, None, Some(refresher)) => match refresher.request_newer_keys(epoch) {
                RefreshAnswer::Wait(refreshed) => {
                    let (inner, token) = (self.clone(), Box::<str>::from(token));
                    return Outcome::Pending(Box::pin(async move {
                        let is_final = refreshed.await;
                        inner.verify_again(&token, is_final)
                    }));
                }
                // Another refresh has fetched newer keys since the check above.
                _ if has_newer_keys() => return decide_again(),
                RefreshAnswer::Exhausted => unknown_key_failure(error, &keys, &whose),
                RefreshAnswer::Saturated => cannot_judge_now(error, &keys, &whose),
            },
        };
        Outcome::Done(Err(failure))
    }

    /// Verifies the token once more after a refresh. If `is_final`, a token whose key is still unknown is refused.
    fn verify_again(&self, token: &str, is_final: bool) -> Verdict {
        let Rejected { error, keys, whose } = match self.verify(token.as_bytes(), self.clock.now())
        {
            Ok(verdict) => return verdict,
            Err(rejected) => rejected,
        };
        Err(match (keys, error.key_problem()) {
            (Some((keys, _)), Some(KeyProblem::UnknownKey)) if is_final => {
                unknown_key_failure(error, &keys, &whose)
            }
            (Some((keys, _)), Some(KeyProblem::UnknownKey | KeyProblem::Undecided)) => {
                cannot_judge_now(error, &keys, &whose)
            }
            _ => error.into_failure(&whose),
        })
    }
}

/// Checks that the token, which is not verified, names the issuer of `keys`. Any other token must not cause a fetch, which
/// would consume the budget that the issuer's own rotation needs.
fn check_named_issuer(token: &str, keys: &IssuerKeys) -> Result<(), VerifyError> {
    // The configured limits were checked before.
    let jws = CompactJws::parse_within(token.as_bytes(), &TokenLimits::LARGEST)?;
    find_issuer(&jws.payload()?, |issuer| {
        (issuer == &**keys.issuer()).then_some(())
    })
}

/// The failure of a token whose key is unknown: 503 if the last fetch failed, since newer keys may include it; otherwise
/// 401.
fn unknown_key_failure(error: VerifyError, keys: &IssuerKeys, whose: &str) -> Failure {
    if keys.snapshot().last_fetch_failed {
        cannot_judge_now(error, keys, whose)
    } else {
        error.into_failure(whose)
    }
}

/// The failure of a token that cannot be judged now: 503, whose `Retry-After` is the time until the next fetch, if known.
fn cannot_judge_now(error: VerifyError, keys: &IssuerKeys, whose: &str) -> Failure {
    let error = match error.key_problem() {
        Some(KeyProblem::UnknownKey) => VerifyError::UnknownKeyNotJudged(Box::new(error)),
        _ => error,
    };
    let failure = error.into_failure(whose);
    match keys.refresher().and_then(Refresher::next_attempt) {
        Some(due) => failure.retry_when_due(due),
        None => failure,
    }
}
