use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use portcullis_api_key::{Bus, BusMessage, StoreError, Subscription};
use tokio::sync::mpsc;

/// A bus. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct SimulatedBus(Arc<Mutex<BusState>>);

#[derive(Default)]
struct BusState {
    subscribers: Vec<mpsc::UnboundedSender<BusMessage>>,
    fault: BusFault,
}

/// What goes wrong from now on.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) enum BusFault {
    #[default]
    None,
    /// Messages disappear.
    Silent,
    /// Messages of changes disappear, and heartbeats do not.
    LosesChanges,
    /// Connections are closed and refused.
    Down,
}

impl SimulatedBus {
    pub(crate) fn set_fault(&self, fault: BusFault) {
        let mut state = self.0.lock().expect("not poisoned");
        state.fault = fault;
        if fault == BusFault::Down {
            state.subscribers.clear();
        }
    }

    pub(crate) fn send(&self, message: BusMessage) {
        let mut state = self.0.lock().expect("not poisoned");
        let is_lost = match state.fault {
            BusFault::None => false,
            BusFault::Silent | BusFault::Down => true,
            BusFault::LosesChanges => message != BusMessage::Heartbeat,
        };
        if !is_lost {
            (state.subscribers).retain(|subscriber| subscriber.send(message).is_ok());
        }
    }
}

#[async_trait]
impl Bus for SimulatedBus {
    fn name(&self) -> String {
        "simulated bus".to_owned()
    }

    async fn publish(&self, message: BusMessage) -> Result<(), StoreError> {
        self.send(message);
        Ok(())
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, StoreError> {
        let mut state = self.0.lock().expect("not poisoned");
        if state.fault == BusFault::Down {
            return Err(StoreError::new("connection refused"));
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        state.subscribers.push(sender);
        Ok(Box::new(SimulatedSubscription(receiver)))
    }

    fn silence_hint(&self) -> Option<&'static str> {
        Some("a pooler that does not deliver")
    }
}

struct SimulatedSubscription(mpsc::UnboundedReceiver<BusMessage>);

#[async_trait]
impl Subscription for SimulatedSubscription {
    async fn next(&mut self) -> Result<BusMessage, StoreError> {
        let message = self.0.recv().await;
        message.ok_or_else(|| StoreError::new("connection closed"))
    }
}
