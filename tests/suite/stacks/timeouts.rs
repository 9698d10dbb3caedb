//! Bounded waits.

use std::time::Duration;

use tokio::time::timeout;

/// Awaits an event, and fails the test if it takes too long.
pub(super) async fn in_time<F: Future>(event: F) -> F::Output {
    const LIMIT: Duration = Duration::from_secs(20);
    timeout(LIMIT, event)
        .await
        .expect("the event within the limit")
}
