//! Bounded waits of the tests.

use std::time::Duration;

use portcullis_remote::IssuerEvent;
use tokio::{sync::broadcast::Receiver, time::timeout};

/// Waits for an event, and fails the test if it takes too long.
pub(super) async fn in_time<F: Future>(event: F) -> F::Output {
    const LIMIT: Duration = Duration::from_secs(30);
    timeout(LIMIT, event)
        .await
        .expect("the event within the limit")
}

/// Waits for an event of an issuer's keys. Events that were missed are not needed.
pub(super) async fn event(
    events: &mut Receiver<IssuerEvent>,
    is_it: impl Fn(&IssuerEvent) -> bool,
) -> IssuerEvent {
    use tokio::sync::broadcast::error::RecvError;
    in_time(async {
        loop {
            match events.recv().await {
                Ok(event) if is_it(&event) => return event,
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => panic!("the task has stopped"),
            }
        }
    })
    .await
}

/// Waits until the keys could not be fetched.
pub(super) async fn failure(events: &mut Receiver<IssuerEvent>) {
    event(events, |event| {
        matches!(event, IssuerEvent::RefreshFailed { .. })
    })
    .await;
}

/// Waits until the keys could be fetched again.
pub(super) async fn recovery(events: &mut Receiver<IssuerEvent>) {
    event(events, |event| {
        matches!(event, IssuerEvent::Recovered { .. })
    })
    .await;
}
