//! A place where a request waits until the test lets it pass.

use tokio::sync::{mpsc, oneshot};

use super::timeouts::in_time;

/// A place inside a scheme, a handler or a body where requests wait.
#[derive(Clone, Debug)]
pub(super) struct Gate(mpsc::UnboundedSender<Waiting>);

/// The requests that arrive at a [`Gate`].
#[derive(Debug)]
pub(super) struct Arrivals(mpsc::UnboundedReceiver<Waiting>);

/// A request that waits at a gate.
#[derive(Debug)]
pub(super) struct Waiting {
    admit: oneshot::Sender<()>,
    dropped: oneshot::Receiver<()>,
}

impl Gate {
    pub(super) fn new() -> (Self, Arrivals) {
        let (gate, arrivals) = mpsc::unbounded_channel();
        (Self(gate), Arrivals(arrivals))
    }

    /// Arrives at the gate at once; the future waits there.
    pub(super) fn pass(&self) -> impl Future<Output = ()> + Send + use<> {
        let (admit, admitted) = oneshot::channel();
        let (guard, dropped) = oneshot::channel::<()>();
        self.0
            .send(Waiting { admit, dropped })
            .expect("a test that holds the arrivals");
        async move {
            let _guard = guard;
            admitted.await.expect("a test that admits the request");
        }
    }
}

impl Arrivals {
    pub(super) async fn next(&mut self) -> Waiting {
        in_time(self.0.recv()).await.expect("an open gate")
    }

    /// The next request that arrives while `sending` is in flight.
    pub(super) async fn next_during<T>(&mut self, sending: impl Future<Output = T>) -> Waiting {
        tokio::select! {
            request = self.next() => request,
            _ = sending => panic!("the request ended before it arrived at the gate"),
        }
    }

    pub(super) fn is_empty(&mut self) -> bool {
        self.0.try_recv().is_err()
    }
}

impl Waiting {
    pub(super) fn admit(self) {
        self.admit.send(()).expect("a waiting request");
    }

    /// Waits until the future at the gate is dropped.
    pub(super) async fn dropped(self) {
        let Self {
            admit: _admit,
            dropped,
        } = self;
        in_time(dropped).await.expect_err("a dropped sender");
    }
}
