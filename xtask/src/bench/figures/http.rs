//! Services under load.

use serde_json::Value;

use crate::Failure;
use crate::bench::json::{grouped, list, number, text};
use crate::bench::table::Table;

/// Two tables for each algorithm: services, and their ratios.
pub(super) fn show(figures: &Value) -> Result<String, Failure> {
    let mut page = format!(
        "{} connections, one token again and again, phases of {} s. Busy: how much of its core a process had. In \
         remarks, the suite is portcullis and the rival tower-oauth2-resource-server.\n",
        number(figures, "connections", 0),
        number(figures, "phase_seconds", 1),
    );
    for of in list(figures, "algorithms")? {
        page += &format!(
            "\n{}, {} rounds:\n\n{}\n{}",
            text(of, "algorithm"),
            number(of, "pairs", 0),
            services(list(of, "services")?),
            ratios(list(of, "ratios")?)
        );
        let caveats = list(of, "caveats")?;
        if !caveats.is_empty() {
            page.push('\n');
        }
        for caveat in caveats.iter().filter_map(Value::as_str) {
            page += &format!("- {caveat}.\n");
        }
    }
    Ok(page)
}

fn services(services: &[Value]) -> Table {
    let headings = [
        "medians",
        "requests/s",
        "p50 µs",
        "p99 µs",
        "CPU µs/request",
        "busy",
        "load busy",
    ];
    let mut table = Table::new(headings, 1);
    for service in services {
        let percent = |key: &str| {
            let part = service[key].as_f64().map(|part| grouped(part * 100.0, 0));
            part.map_or_else(|| "–".to_owned(), |part| format!("{part} %"))
        };
        table.row([
            called(text(service, "service")).to_owned(),
            number(service, "requests_per_second", 0),
            number(service, "p50_microseconds", 0),
            number(service, "p99_microseconds", 0),
            number(service, "cpu_microseconds_per_request", 2),
            percent("server_busy"),
            percent("load_busy"),
        ]);
    }
    table
}

fn ratios(ratios: &[Value]) -> Table {
    let headings = [
        "ratios",
        "requests/s, mean",
        "at least (95 %)",
        "median",
        "CPU/request",
        "p50",
        "p99",
        "pairs",
    ];
    let mut table = Table::new(headings, 1);
    for ratio in ratios {
        let [one, to] = ["service", "to"].map(|key| called(text(ratio, key)));
        table.row([
            format!("{one} / {to}"),
            number(ratio, "rate_mean", 3),
            number(ratio, "rate_mean_at_least_95", 3),
            number(ratio, "rate_median", 3),
            number(ratio, "cpu_per_request_median", 3),
            number(ratio, "p50_median", 3),
            number(ratio, "p99_median", 3),
            number(ratio, "pairs", 0),
        ]);
    }
    table
}

/// What the services are, by the names of the other sections.
fn called(service: &str) -> &str {
    match service {
        "suite" => "portcullis",
        "rival" => "tower-oauth2-resource-server",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn caveats_stand_below_their_figures() {
        let figures = json!({
            "connections": 64, "phase_seconds": 1.5,
            "algorithms": [{
                "algorithm": "RS256", "pairs": 3, "caveats": ["too noisy"],
                "services": [{ "service": "suite", "server_busy": 0.994 }],
                "ratios": [{ "service": "suite", "to": "bare", "rate_mean": 0.9519 }],
            }],
        });
        let page = show(&figures).unwrap();
        assert!(page.contains("RS256, 3 rounds:"), "{page}");
        assert!(page.contains("99 %"), "{page}");
        assert!(
            page.contains("| portcullis / bare |            0.952 |"),
            "{page}"
        );
        assert!(page.ends_with("\n- too noisy.\n"), "{page}");
    }
}
