//! Valid requests at a steady rate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::Outcome;
use crate::client::Client;
use crate::instances::Key;

/// How many connections share the requests to an instance.
const CONNECTIONS: u32 = 4;

/// Requests to some instances until [`stop`](Self::stop).
pub(crate) struct Traffic {
    stop: watch::Sender<bool>,
    requests: JoinSet<Outcome<Vec<Duration>>>,
}

impl Traffic {
    /// Sends `rate` requests per second to each instance, with keys that each must accept.
    pub(crate) fn start(instances: &[SocketAddr], rate: u32, keys: &[Key]) -> Self {
        let (stop, stopped) = watch::channel(false);
        let keys: Arc<[String]> = keys.iter().map(|key| key.text.clone()).collect();
        let mut requests = JoinSet::new();
        for &address in instances {
            for first in 0..CONNECTIONS {
                let (keys, stopped) = (keys.clone(), stopped.clone());
                let pause = Duration::from_secs(1) * CONNECTIONS / rate;
                requests.spawn(send(address, pause, keys, first as usize, stopped));
            }
        }
        Self { stop, requests }
    }

    /// Ends the requests. Returns how long each took, sorted.
    pub(crate) async fn stop(mut self) -> Outcome<Vec<Duration>> {
        self.stop.send_replace(true);
        let mut times = Vec::new();
        while let Some(ended) = self.requests.join_next().await {
            times.extend(ended??);
        }
        times.sort_unstable();
        Ok(times)
    }
}

async fn send(
    address: SocketAddr,
    pause: Duration,
    keys: Arc<[String]>,
    first: usize,
    stopped: watch::Receiver<bool>,
) -> Outcome<Vec<Duration>> {
    let mut client = Client::connect(address).await?;
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut times = Vec::new();
    for key in keys.iter().cycle().skip(first) {
        ticks.tick().await;
        if *stopped.borrow() {
            break;
        }
        let (status, time) = client.timed_orders(key).await?;
        if status != 200 {
            return Err(format!("a valid key got {status}").into());
        }
        times.push(time);
    }
    Ok(times)
}
