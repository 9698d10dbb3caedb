//! A place where a request waits until the test lets it pass.

use tokio::sync::{mpsc, oneshot};

use super::patience::in_time;

/// Where a request waits: inside a scheme, a handler or a body.
#[derive(Clone, Debug)]
pub(super) struct Gate(mpsc::UnboundedSender<Visitor>);

/// The test's side of a [`Gate`].
#[derive(Debug)]
pub(super) struct Arrivals(mpsc::UnboundedReceiver<Visitor>);

/// A request that waits at a gate.
#[derive(Debug)]
pub(super) struct Visitor {
    pass: oneshot::Sender<()>,
    left: oneshot::Receiver<()>,
}

impl Gate {
    pub(super) fn new() -> (Self, Arrivals) {
        let (gate, arrivals) = mpsc::unbounded_channel();
        (Self(gate), Arrivals(arrivals))
    }

    /// Arrives at the gate at once; the future waits there.
    pub(super) fn pass(&self) -> impl Future<Output = ()> + Send + use<> {
        let (pass, passed) = oneshot::channel();
        let (presence, left) = oneshot::channel::<()>();
        self.0
            .send(Visitor { pass, left })
            .expect("the test watches its gates");
        async move {
            let _presence = presence;
            passed.await.expect("the test lets its visitors pass");
        }
    }
}

impl Arrivals {
    pub(super) async fn next(&mut self) -> Visitor {
        in_time(self.0.recv()).await.expect("the gate still stands")
    }

    /// The next to arrive while `request` is under way.
    pub(super) async fn next_during<T>(&mut self, request: impl Future<Output = T>) -> Visitor {
        tokio::select! {
            visitor = self.next() => visitor,
            _ = request => panic!("the request ended before it came to the gate"),
        }
    }

    pub(super) fn nobody_came(&mut self) -> bool {
        self.0.try_recv().is_err()
    }
}

impl Visitor {
    pub(super) fn admit(self) {
        self.pass.send(()).expect("the visitor still waits");
    }

    /// Waits until the future that waits at the gate was dropped.
    pub(super) async fn left(self) {
        let Self { pass: _pass, left } = self;
        in_time(left).await.expect_err("nothing is ever sent");
    }
}
