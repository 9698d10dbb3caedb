//! The time limit for reading a client's credentials.

use std::time::Duration;

use tokio::time::{Instant, timeout};

#[derive(Clone, Copy)]
pub(super) struct ReadLimit {
    started: Instant,
    limit: Duration,
}

impl ReadLimit {
    pub(super) fn starting_now(limit: Duration) -> Self {
        let started = Instant::now();
        Self { started, limit }
    }

    /// The result of `read`. If the time runs out, the error says so, and tells the operator to check `what`.
    pub(super) async fn apply<T>(
        self,
        read: impl Future<Output = T>,
        what: &str,
    ) -> Result<T, String> {
        let Self { started, limit } = self;
        let left = limit.saturating_sub(started.elapsed());
        let late = |_| format!("the credentials took over {limit:?} (`timeout`): check {what}");
        timeout(left, read).await.map_err(late)
    }
}
