//! A store with a million keys: how long they are imported, what an instance over them costs, and how long a look-up and a
//! page of the list take.

use std::time::{Duration, Instant};

use portcullis_api_key::{Cursor, KeyManager, KeyRecord, NewKey};
use portcullis_bench_common::{Table, grouped};
use portcullis_core::ScopeSet;
use portcullis_core::clock::{Clock, SystemClock, UnixTime};
use portcullis_test_servers::PostgreSql;

use crate::client::Client;
use crate::instances::{self, Instance};
use crate::{Outcome, millis, quantile};

/// Records in one transaction.
const BATCH: usize = 5_000;
/// How many of the keys are sent, and pages are read at each place.
const SAMPLES: usize = 500;

/// A key that is sent, and where its record is in the list.
struct Sample {
    key: String,
    place: Cursor,
}

pub(crate) async fn measure(quick: bool) -> Outcome<Table> {
    let sizes: [usize; 2] = if quick {
        [1_000, 10_000]
    } else {
        [1_000, 1_000_000]
    };
    let headings = [
        "keys in the store",
        "import",
        "start",
        "memory",
        "first look-up, p50",
        "p99",
        "later, p50",
        "p99",
        "page at the begin, p99",
        "anywhere, p99",
        "worst",
    ];
    let mut table = Table::new(1, &headings);
    for kind in ["PostgreSQL", "SQLite"] {
        for size in sizes {
            let (folder, server) = (tempfile::tempdir()?, PostgreSql::start());
            let url = match kind {
                "SQLite" => format!("sqlite://{}", folder.path().join("keys.db").display()),
                _ => server.database().url(),
            };
            let mut row = vec![format!("{} in {kind}", grouped(size as f64))];
            row.extend(measure_one(&url, size).await?);
            table.row(row);
        }
    }
    Ok(table)
}

async fn measure_one(url: &str, size: usize) -> Outcome<Vec<String>> {
    let store = instances::store(url).await?;
    let operator = instances::operator(&store).await?;
    let (import, samples) = import(&store, size).await?;
    let instance = Instance::start(url, &[]).await?;
    let (memory, _) = instance.memory()?;
    let mut client = instance.client().await?;
    let first = look_up(&mut client, &samples).await?;
    let later = look_up(&mut client, &samples).await?;
    let begin = [None; SAMPLES];
    let begin = pages(&mut client, &operator.text, begin).await?;
    let places = samples.iter().map(|sample| Some(sample.place));
    let anywhere = pages(&mut client, &operator.text, places).await?;
    let mut cells = vec![
        format!("{:.1} s", import.as_secs_f64()),
        format!("{:.2} s", instance.started_in.as_secs_f64()),
        format!("{memory:.0} MiB"),
    ];
    for times in [&first, &later] {
        cells.extend([0.5, 0.99].map(|share| millis(quantile(times, share))));
    }
    cells.push(millis(quantile(&begin, 0.99)));
    cells.extend([0.99, 1.0].map(|share| millis(quantile(&anywhere, share))));
    Ok(cells)
}

/// Imports keys of many owners, created over a year. Returns the time of the store, and some of the keys.
async fn import(store: &impl KeyManager, size: usize) -> Outcome<(Duration, Vec<Sample>)> {
    let now = SystemClock.now();
    let (mut time, mut samples, mut batch) = (Duration::ZERO, Vec::new(), Vec::new());
    for number in 0..size {
        let new = NewKey::new(format!("owner {}", number % 1_000))
            .name(format!("service {number}"))
            .scopes(ScopeSet::parse("orders:read orders:write"));
        let issued = new.issue(created_at(now, number, size), None)?;
        if number % (size / SAMPLES) == 0 {
            samples.push(Sample {
                key: issued.key().expose().to_owned(),
                place: Cursor::of(issued.record()),
            });
        }
        batch.push(issued.record().clone());
        if batch.len() == BATCH || number + 1 == size {
            let records: Vec<KeyRecord> = std::mem::take(&mut batch);
            let begin = Instant::now();
            store.import(records).await?;
            time += begin.elapsed();
        }
    }
    Ok((time, samples))
}

/// Within the last 300 days.
fn created_at(now: UnixTime, number: usize, size: usize) -> UnixTime {
    let share = number as f64 / size as f64;
    now.saturating_sub(Duration::from_secs(300 * 24 * 60 * 60).mul_f64(1.0 - share))
}

async fn look_up(client: &mut Client, samples: &[Sample]) -> Outcome<Vec<Duration>> {
    let mut times = Vec::new();
    for sample in samples {
        let (status, time) = client.timed_orders(&sample.key).await?;
        if status != 200 {
            return Err(format!("an imported key got {status}").into());
        }
        times.push(time);
    }
    times.sort_unstable();
    Ok(times)
}

async fn pages(
    client: &mut Client,
    operator: &str,
    places: impl IntoIterator<Item = Option<Cursor>>,
) -> Outcome<Vec<Duration>> {
    let mut times = Vec::new();
    for place in places {
        let cursor = place.map_or_else(String::new, |place| format!("&cursor={place}"));
        let begin = Instant::now();
        let path = format!("/admin/keys?limit=50{cursor}");
        let (status, _) = client.get(&path, operator).await?;
        if status != 200 {
            return Err(format!("a page got {status}").into());
        }
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    Ok(times)
}
