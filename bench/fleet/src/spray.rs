//! Strangers who send well-formed keys with unknown ids, as fast as one core can.

use std::time::{Duration, Instant};

use portcullis_api_key::{ApiKey, KeyPrefix};
use portcullis_bench_common::{Table, grouped};
use portcullis_test_servers::{Database, PostgreSql};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::Client;
use crate::instances::{self, Instance, Key};
use crate::traffic::Traffic;
use crate::{Outcome, millis, quantile};

/// Connections of the strangers.
const CONNECTIONS: usize = 32;
/// Keys that are in the cache before.
const VALID: usize = 1_000;

pub(crate) async fn measure(quick: bool) -> Outcome<Table> {
    let time = Duration::from_secs(if quick { 3 } else { 30 });
    let headings = [
        "unknown keys while",
        "keys/s",
        "refused 401",
        "refused 503",
        "transactions/s",
        "memory before",
        "most memory",
        "a valid key, p99",
        "valid keys fetched again",
    ];
    let mut table = Table::new(1, &headings);
    for (name, options) in [
        ("the push works", &[][..]),
        ("there is no push", &["--no-key-bus"]),
    ] {
        let server = PostgreSql::start();
        let database = server.database();
        let store = instances::store(&database.url()).await?;
        let valid = instances::create_many(&store, VALID).await?;
        let instance = Instance::start(&database.url(), options).await?;
        if options.is_empty() {
            instance.pushed_to().await?;
        }
        let mut client = instance.client().await?;
        client.require_accepted(&valid).await?;
        let (memory, _) = instance.memory()?;
        let transactions = transactions(&database).await?;
        let traffic = Traffic::start(&[instance.address], 100, &valid);
        let begin = Instant::now();
        let [unknown, unsure] = spray(&instance, time).await?;
        let seconds = begin.elapsed().as_secs_f64();
        let requests = traffic.stop().await?;
        let transactions = self::transactions(&database).await? - transactions;
        let (_, most) = instance.memory()?;
        table.row([
            name.to_owned(),
            grouped((unknown + unsure) as f64 / seconds),
            grouped(unknown as f64),
            grouped(unsure as f64),
            format!("{:.0}", transactions / seconds),
            format!("{memory:.0} MiB"),
            format!("{most:.0} MiB"),
            millis(quantile(&requests, 0.99)),
            fetched_again(&server, &mut client, &valid)
                .await?
                .to_string(),
        ]);
    }
    Ok(table)
}

/// Sends a new key with each request. Returns how many were answered with 401, and how many with 503.
async fn spray(instance: &Instance, time: Duration) -> Outcome<[u64; 2]> {
    let end = Instant::now() + time;
    let mut strangers = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let mut client = instance.client().await?;
        strangers.spawn(async move {
            let mut counts = [0; 2];
            while Instant::now() < end {
                let key = ApiKey::generate(&KeyPrefix::default())?;
                match client.orders(key.expose()).await? {
                    401 => counts[0] += 1,
                    503 => counts[1] += 1,
                    status => return Err(format!("an unknown key got {status}").into()),
                }
            }
            Outcome::Ok(counts)
        });
    }
    let mut sum = [0; 2];
    while let Some(counts) = strangers.join_next().await {
        let counts = counts??;
        sum = [sum[0] + counts[0], sum[1] + counts[1]];
    }
    Ok(sum)
}

/// The transactions in the database so far. The server publishes them with a delay of up to a second.
async fn transactions(database: &Database) -> Outcome<f64> {
    sleep(Duration::from_secs(2)).await;
    let sql = "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()";
    Ok(database.execute(sql).parse()?)
}

/// How many of the keys are no longer in the cache: they cannot be fetched while the database is suspended.
async fn fetched_again(server: &PostgreSql, client: &mut Client, keys: &[Key]) -> Outcome<usize> {
    server.pause();
    let mut missing = 0;
    for key in keys {
        if client.orders(&key.text).await? != 200 {
            missing += 1;
        }
    }
    server.resume();
    Ok(missing)
}
