//! The limits of keys and owners.

use std::{sync::Arc, time::Duration};

use portcullis_core::{
    ConfigError, Principal,
    clock::UnixTime,
    log::escape,
    scheme::{Failure, Outcome},
};

use crate::{
    limit::{Limit, LimitCheck, LimitDecision, LimitSubject, Limiter, Quota, rate_limit_fields},
    record::KeyRecord,
};

/// What counts, and the limits that no record has.
#[derive(Debug, Default)]
pub(super) struct Limits {
    pub(super) limiter: Option<Arc<dyn Limiter>>,
    pub(super) key_limit: Option<Limit>,
    pub(super) owner_limit: Option<Limit>,
}

impl Limits {
    /// Sets a limiter if none was set.
    #[cfg(feature = "limit")]
    pub(super) fn choose_limiter(&mut self) -> Result<(), ConfigError> {
        self.limiter
            .get_or_insert_with(|| Arc::new(crate::limit::LocalLimiter::new()));
        Ok(())
    }

    #[cfg(not(feature = "limit"))]
    pub(super) fn choose_limiter(&mut self) -> Result<(), ConfigError> {
        let has_limits = self.key_limit.is_some() || self.owner_limit.is_some();
        match (has_limits, &self.limiter) {
            (true, None) => Err(ConfigError::new("limiter", NO_LIMITER)),
            _ => Ok(()),
        }
    }

    /// Counts a request of `principal` with the key of `record`.
    pub(super) fn admit(&self, record: &KeyRecord, principal: Principal, now: UnixTime) -> Outcome {
        match (record.limit.or(self.key_limit), self.owner_limit) {
            (None, None) => Outcome::Done(Ok(principal)),
            (key, owner) => self.count(record, Applied { key, owner }, principal, now),
        }
    }

    #[inline(never)]
    fn count(
        &self,
        record: &KeyRecord,
        limits: Applied,
        principal: Principal,
        now: UnixTime,
    ) -> Outcome {
        let Some(limiter) = &self.limiter else {
            let for_log = format!("API key {} has a limit: {NO_LIMITER}", record.id);
            return Outcome::Done(Err(Failure::misconfigured(for_log)));
        };
        let key = limits.key.map(|limit| Quota {
            subject: LimitSubject::Key(&record.id),
            limit,
        });
        let owner = limits.owner.map(|limit| Quota {
            subject: LimitSubject::Owner(&record.owner),
            limit,
        });
        let check = match (key, owner) {
            (Some(key), Some(owner)) => limiter.check(&[key, owner], now),
            (Some(quota), None) | (None, Some(quota)) => limiter.check(&[quota], now),
            (None, None) => LimitCheck::Ready(LimitDecision::Admitted),
        };
        match check {
            LimitCheck::Ready(decision) => Outcome::Done(limits.verdict(decision, principal)),
            LimitCheck::Pending(decision) => Outcome::Pending(Box::pin(async move {
                limits.verdict(decision.await, principal)
            })),
        }
    }
}

const NO_LIMITER: &str =
    "nothing counts requests: enable the feature `limit`, or set a `limiter` of `ApiKeys::builder`";

/// The limits that apply to a request.
#[derive(Clone, Copy)]
struct Applied {
    key: Option<Limit>,
    owner: Option<Limit>,
}

/// The names of the policies in `RateLimit-Policy`.
const KEY: &str = "key";
const OWNER: &str = "owner";

impl Applied {
    fn verdict(self, decision: LimitDecision, principal: Principal) -> Result<Principal, Failure> {
        match decision {
            LimitDecision::Admitted => Ok(principal),
            LimitDecision::Exceeded { quota, retry_after } => {
                Err(self.exceeded(quota, retry_after, &principal))
            }
        }
    }

    #[cold]
    fn exceeded(self, quota: usize, retry_after: Duration, principal: &Principal) -> Failure {
        let policies = [(KEY, self.key), (OWNER, self.owner)];
        let policies: Vec<_> = (policies.into_iter())
            .filter_map(|(name, limit)| Some((name, limit?)))
            .collect();
        let last = policies.len() - 1; // at least one limit applies
        let (name, limit) = policies[quota.min(last)];
        let external = format!(
            "the {} is over its limit of {limit}",
            if name == KEY {
                "API key"
            } else {
                "owner of the API key"
            },
        );
        let for_log = format!(
            "API key {} of {}: {external}",
            principal.credential_id().unwrap_or_default(),
            escape(principal.subject().unwrap_or_default()),
        );
        let failure = Failure::limit_exceeded(external, retry_after).with_internal(for_log);
        (rate_limit_fields(&policies, name, retry_after).into_iter())
            .fold(failure, |failure, (field, value)| {
                failure.with_field(field, value)
            })
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::{
        FailureKind, PrincipalKind,
        scheme::{Challenge, PrincipalParts},
    };

    use super::*;
    use crate::issue::NewKey;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    #[test]
    fn limit_that_nothing_counts_is_not_ignored() {
        let limit = Limit::new(1, Duration::from_secs(1)).expect("a limit");
        for (new, kind) in [
            (NewKey::new("a"), None),
            (
                NewKey::new("a").limit(limit),
                Some(FailureKind::Misconfigured),
            ),
        ] {
            let issued = new.issue(NOW, None).expect("made");
            let challenge = Challenge::new("ApiKey", "orders").expect("a realm");
            let kind_of_caller = PrincipalKind::Machine;
            let parts = PrincipalParts::new(Arc::new(challenge), "api-key", kind_of_caller);
            let outcome = Limits::default().admit(issued.record(), parts.into(), NOW);
            let Outcome::Done(verdict) = outcome else {
                panic!("it does not wait")
            };
            assert_eq!(verdict.err().map(|failure| failure.kind()), kind);
        }
    }
}
