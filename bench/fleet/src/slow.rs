//! Requests with cached verdicts while the database is slow.

use std::time::Duration;

use portcullis_bench_common::{Table, median};
use portcullis_test_servers::PostgreSql;
use tokio::time::sleep;

use crate::delay::Delay;
use crate::instances::{self, Instance};
use crate::traffic::Traffic;
use crate::{Outcome, quantile};

const DELAY: Duration = Duration::from_millis(200);
const RATE: u32 = 1_000;

pub(crate) async fn measure(quick: bool) -> Outcome<Table> {
    let (rounds, seconds) = if quick { (2, 1) } else { (10, 3) };
    let server = PostgreSql::start();
    let url = server.database().url();
    let store = instances::store(&url).await?;
    let keys = instances::create_many(&store, 100).await?;
    let delay = Delay::start(server.address(), DELAY).await?;
    let slow_url = url.replace(&server.address().to_string(), &delay.address.to_string());
    let normal = Instance::start(&url, &[]).await?;
    let slow = Instance::start(&slow_url, &[]).await?;
    // The first requests fill the caches.
    for instance in [&normal, &slow] {
        instance.client().await?.require_accepted(&keys).await?;
    }
    let mut quantiles = [[Vec::new(), Vec::new()], [Vec::new(), Vec::new()]];
    for _ in 0..rounds {
        for (instance, quantiles) in [&normal, &slow].into_iter().zip(&mut quantiles) {
            let traffic = Traffic::start(&[instance.address], RATE, &keys);
            sleep(Duration::from_secs(seconds)).await;
            let times = traffic.stop().await?;
            for (share, values) in [0.5, 0.99].into_iter().zip(quantiles) {
                values.push(quantile(&times, share).as_secs_f64() * 1e6);
            }
        }
    }
    let headings = [
        "a cached key, 1,000 requests/s",
        "p50",
        "p99",
        "p99, × normal",
    ];
    let mut table = Table::new(1, &headings);
    let [[normal_p50, normal_p99], [slow_p50, slow_p99]] = quantiles.map(|pair| pair.map(median));
    let mut row = |name: &str, p50: f64, p99: f64| {
        table.row([
            name.to_owned(),
            format!("{p50:.0} µs"),
            format!("{p99:.0} µs"),
            format!("{:.2}", p99 / normal_p99),
        ]);
    };
    row("database answers at once", normal_p50, normal_p99);
    row("database answers after 200 ms", slow_p50, slow_p99);
    Ok(table)
}
