//! How long it takes until the last of three instances refuses a revoked key.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_bench_common::Table;
use portcullis_test_servers::{PostgreSql, Redis};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::Client;
use crate::instances::{self, Instance, Key};
use crate::traffic::Traffic;
use crate::{Outcome, millis, quantile};

const INSTANCES: usize = 3;
/// For each instance; about 1,000 altogether.
const RATE: u32 = 334;

/// How news of changes spread.
#[derive(Clone, Copy, PartialEq)]
enum Bus {
    Listen,
    Redis,
    Polling,
}

impl Bus {
    /// How many revocations are made at the same time, and how many milliseconds are between two requests with one of the keys:
    /// polling takes long, and requests in vain cost the instances time.
    fn pace(self) -> (usize, u64) {
        match self {
            Self::Listen | Self::Redis => (1, 1),
            Self::Polling => (10, 10),
        }
    }
}

pub(crate) async fn measure(quick: bool) -> Outcome<Table> {
    let count = if quick { 30 } else { 1_000 };
    let headings = [
        "revocations over",
        "number",
        "p50",
        "p99",
        "worst",
        "requests/s",
        "their p99",
    ];
    let mut table = Table::new(1, &headings);
    let (server, redis) = (PostgreSql::start(), Redis::start());
    for (name, bus) in [
        ("PostgreSQL's LISTEN", Bus::Listen),
        ("Redis", Bus::Redis),
        ("polling alone", Bus::Polling),
    ] {
        let url = server.database().url();
        let redis = redis.url();
        let options: &[&str] = match bus {
            Bus::Listen => &[],
            Bus::Redis => &["--redis", &redis],
            Bus::Polling => &["--no-key-bus"],
        };
        let store = instances::store(&url).await?;
        let operator = instances::operator(&store).await?;
        let valid = instances::create_many(&store, 100).await?;
        let revoked = instances::create_many(&store, count).await?;
        let mut fleet = Vec::new();
        for _ in 0..INSTANCES {
            let instance = Instance::start(&url, options).await?;
            if bus != Bus::Polling {
                instance.pushed_to().await?;
            }
            fleet.push(instance);
        }
        let addresses: Vec<SocketAddr> = fleet.iter().map(|instance| instance.address).collect();
        let begin = Instant::now();
        let traffic = Traffic::start(&addresses, RATE, &valid);
        let times = revoke_all(bus, &addresses, &operator, revoked).await?;
        let seconds = begin.elapsed().as_secs_f64();
        let requests = traffic.stop().await?;
        table.row([
            name.to_owned(),
            times.len().to_string(),
            millis(quantile(&times, 0.5)),
            millis(quantile(&times, 0.99)),
            millis(quantile(&times, 1.0)),
            format!("{:.0}", requests.len() as f64 / seconds),
            millis(quantile(&requests, 0.99)),
        ]);
    }
    Ok(table)
}

/// Revokes each key through the first instance. Returns, sorted, how long it took from the request until the last instance
/// refused the key.
async fn revoke_all(
    bus: Bus,
    addresses: &[SocketAddr],
    operator: &Key,
    keys: Vec<Key>,
) -> Outcome<Vec<Duration>> {
    let keys = Arc::new(Mutex::new(keys));
    let mut workers = JoinSet::new();
    for _ in 0..bus.pace().0 {
        let (keys, operator) = (keys.clone(), operator.text.clone());
        let mut clients = Vec::new();
        for &address in addresses {
            clients.push(Client::connect(address).await?);
        }
        let mut revoking = Client::connect(addresses[0]).await?;
        workers.spawn(async move {
            let mut times = Vec::new();
            loop {
                let Some(key) = keys.lock().await.pop() else {
                    return Outcome::Ok(times);
                };
                times.push(revoke(bus, &mut revoking, &mut clients, &operator, &key).await?);
                // So that revocations fall on all phases of a poll.
                sleep(Duration::from_millis(u64::from(key.id.as_bytes()[0]))).await;
            }
        });
    }
    let mut times = Vec::new();
    while let Some(ended) = workers.join_next().await {
        times.extend(ended??);
    }
    times.sort_unstable();
    Ok(times)
}

async fn revoke(
    bus: Bus,
    revoking: &mut Client,
    clients: &mut [Client],
    operator: &str,
    key: &Key,
) -> Outcome<Duration> {
    for client in &mut *clients {
        if client.orders(&key.text).await? != 200 {
            return Err("a key was refused before its revocation".into());
        }
    }
    let begin = Instant::now();
    revoking.revoke(operator, &key.id).await?;
    for client in clients {
        while client.orders(&key.text).await? != 401 {
            sleep(Duration::from_millis(bus.pace().1)).await;
        }
    }
    Ok(begin.elapsed())
}
