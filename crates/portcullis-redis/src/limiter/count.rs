//! Counting in Redis.

use std::time::Duration;

use portcullis_api_key::{ApiKeyId, Limit, LimitDecision, LimitSubject, Quota};
use redis::{RedisResult, Script, aio::MultiplexedConnection};

/// The script, which is sent by its hash. Redis gets the text only if it does not have it.
pub(super) fn script() -> Script {
    Script::new(include_str!("script.lua"))
}

/// The quotas of a request, for a future that outlives it.
pub(super) struct OwnedQuotas(Vec<(Subject, Limit)>);

enum Subject {
    Key(ApiKeyId),
    Owner(Box<str>),
    /// Nobody's, to try whether Redis counts.
    Probe,
}

impl OwnedQuotas {
    pub(super) fn new(quotas: &[Quota<'_>]) -> Self {
        let own = |quota: &Quota<'_>| match quota.subject {
            LimitSubject::Key(id) => (Subject::Key(*id), quota.limit),
            LimitSubject::Owner(owner) => (Subject::Owner(owner.into()), quota.limit),
        };
        Self(quotas.iter().map(own).collect())
    }

    pub(super) fn probe(limit: Limit) -> Self {
        Self(vec![(Subject::Probe, limit)])
    }

    pub(super) fn borrow(&self) -> Vec<Quota<'_>> {
        let borrow = self.0.iter().filter_map(|(subject, limit)| {
            let subject = match subject {
                Subject::Key(id) => LimitSubject::Key(id),
                Subject::Owner(owner) => LimitSubject::Owner(owner),
                Subject::Probe => return None,
            };
            let limit = *limit;
            Some(Quota { subject, limit })
        });
        borrow.collect()
    }

    /// Counts a request in Redis.
    pub(super) async fn count(
        &self,
        script: &Script,
        prefix: &str,
        connection: &mut MultiplexedConnection,
    ) -> RedisResult<LimitDecision> {
        let mut call = script.prepare_invoke();
        for (subject, limit) in &self.0 {
            let micros = limit.period().as_micros() as u64; // at most a day
            call.key(subject.key(prefix))
                .arg(limit.requests().get())
                .arg(micros)
                .arg(limit.burst_size().get());
        }
        let (exceeded, wait): (i64, u64) = call.invoke_async(connection).await?;
        Ok(match usize::try_from(exceeded) {
            Err(_) => LimitDecision::Admitted,
            Ok(quota) => LimitDecision::Exceeded {
                quota,
                retry_after: Duration::from_micros(wait),
            },
        })
    }
}

impl Subject {
    /// The key in Redis.
    fn key(&self, prefix: &str) -> String {
        match self {
            Self::Key(id) => format!("{prefix}:limit:key:{id}"),
            Self::Owner(owner) => format!("{prefix}:limit:owner:{owner}"),
            Self::Probe => format!("{prefix}:limit:probe"),
        }
    }
}
