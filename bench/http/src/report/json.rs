//! The figures, for programs.

use serde_json::{Value, json};

use super::Report;
use crate::load::{CONNECTIONS, Generator, PHASE};

/// All of them, for programs.
pub(crate) fn json(generator: Generator, reports: &[Report]) -> Value {
    let reports = reports.iter().map(|report| {
        let services = report.services.iter().map(|it| {
            json!({
                "service": it.kind.name(),
                "requests_per_second": it.rate,
                "p50_microseconds": it.p50,
                "p99_microseconds": it.p99,
                "cpu_microseconds_per_request": it.computing,
                "server_busy": it.server_busy,
                "server_busy_least": it.server_busy_least,
                "server_queued": it.server_queued,
                "load_busy": it.load_busy,
                "load_queued": it.load_queued,
                "disturbed_rounds": it.disturbed,
                "waited_for_load": it.waited_for_load(),
                "load_was_at_limit": it.load_was_at_limit(),
            })
        });
        let comparisons = report.comparisons.iter().map(|it| {
            json!({
                "service": it.kind.name(),
                "to": it.to.name(),
                "pairs": it.pairs,
                "rate_mean": it.rate.mean,
                "rate_mean_at_least_95": it.rate.mean_at_least,
                "rate_median": it.rate.median,
                "p50_median": it.p50,
                "p99_median": it.p99,
                "cpu_per_request_median": it.computing,
            })
        });
        json!({
            "algorithm": report.algorithm,
            "pairs": report.pairs,
            "caveats": report.caveats().collect::<Vec<_>>(),
            "services": services.collect::<Vec<_>>(),
            "ratios": comparisons.collect::<Vec<_>>(),
        })
    });
    json!({
        "load": generator.name(),
        "connections": CONNECTIONS,
        "phase_seconds": PHASE.as_secs_f64(),
        "algorithms": reports.collect::<Vec<_>>(),
    })
}
