//! No test waits for ever.

use std::time::Duration;

use tokio::time::timeout;

/// Waits for what must happen, and fails the test if it does not.
pub(super) async fn in_time<F: Future>(event: F) -> F::Output {
    const LONGER_THAN_ANYTHING_HERE_TAKES: Duration = Duration::from_secs(20);
    timeout(LONGER_THAN_ANYTHING_HERE_TAKES, event)
        .await
        .expect("the event in time")
}
