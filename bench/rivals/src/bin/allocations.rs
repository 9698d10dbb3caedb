//! What every contender allocates for one request, beside the service without it.

use allocation_counter::AllocationInfo;
use portcullis_bench_rivals::{
    Load, Options, Site,
    report::{self, Allocations},
    rivals,
    rows::{Entry, baselines, entries},
    runs::{self, ALGORITHMS, Traffic},
};
use serde_json::json;

/// Requests that the average is over.
const REQUESTS: usize = 256;
/// Requests made before, until whatever grows has grown.
const GROWING: usize = 16;

fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let (mut rows, mut missing) = (Vec::new(), Vec::new());
    for algorithm in ALGORITHMS {
        let site = Site::start(algorithm);
        let tokens = site.mint(REQUESTS + GROWING); // none comes twice
        for traffic in [Traffic::Hot, Traffic::Distinct] {
            let (mut contenders, absent) = entries(&site, &rivals(), &options);
            let load = match traffic {
                Traffic::Hot => traffic.load(&tokens),
                _ => Load::tokens(&tokens),
            };
            for entry in contenders.iter_mut().filter(|_| traffic == Traffic::Hot) {
                traffic.show(entry, &load);
            }
            let name = traffic.of(algorithm);
            let contenders = contenders.into_iter().map(|entry| (entry, load.clone()));
            rows.extend(watch(&name, contenders.collect()));
            if traffic == Traffic::Hot {
                missing.extend(absent);
            }
        }
    }
    rows.extend(watch("no tokens", runs::keys(&options)));
    println!();
    report::print_missing(&missing);
    let value = json!({ "allocations": rows, "missing": report::missing_json(&missing) });
    options.write(&value)
}

fn watch(name: &str, contenders: Vec<(Entry, Load)>) -> Vec<Allocations> {
    let Some((_, load)) = contenders.first() else {
        return Vec::new();
    };
    let load = load.clone();
    let (mut entries, loads): (Vec<_>, Vec<_>) = contenders.into_iter().unzip();
    let mut bare = baselines(&entries);
    let bare_counts: Vec<_> = bare
        .iter_mut()
        .map(|entry| count(entry, load.clone()))
        .collect();
    let mut rows = Vec::new();
    println!("\n{name}");
    println!(
        "{:30} {:9} {:>8} {:>9} {:>10} {:>9}",
        "", "through", "allocs", "bytes", "over bare", "bytes"
    );
    for (entry, load) in entries.iter_mut().zip(loads) {
        let (count, bytes) = count(entry, load);
        let same = |bare: &Entry| (bare.baseline, bare.through) == (entry.baseline, entry.through);
        let over = bare.iter().position(same).map(|at| bare_counts[at]);
        let row = Allocations {
            run: name.to_owned(),
            contender: entry.name.to_owned(),
            through: entry.through.to_string(),
            count,
            bytes,
            count_over_bare: over.map(|(bare, _)| count - bare),
            bytes_over_bare: over.map(|(_, bare)| bytes - bare),
        };
        let text =
            |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.1}"));
        println!(
            "{:30} {:9} {:>8.1} {:>9.0} {:>10} {:>9}",
            row.contender,
            row.through,
            row.count,
            row.bytes,
            text(row.count_over_bare),
            text(row.bytes_over_bare),
        );
        rows.push(row);
    }
    rows
}

/// Allocations and bytes a request.
fn count(entry: &mut Entry, mut load: Load) -> (f64, f64) {
    let mut total = AllocationInfo::default();
    for request in 0..REQUESTS + GROWING {
        let headers = load.next_headers();
        let mut one = AllocationInfo::default();
        entry.target.watched(&headers, &mut |call| {
            one = allocation_counter::measure(call);
        });
        if request >= GROWING {
            total.count_total += one.count_total;
            total.bytes_total += one.bytes_total;
        }
    }
    let requests = REQUESTS as f64;
    (
        total.count_total as f64 / requests,
        total.bytes_total as f64 / requests,
    )
}
