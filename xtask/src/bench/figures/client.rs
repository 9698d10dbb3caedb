//! What a credential on an outgoing call costs, and what callers see when there is none.

use serde_json::Value;

use crate::Failure;
use crate::bench::json::{grouped, list, number, text};
use crate::bench::table::Table;

/// Time with a token at hand.
pub(super) fn time(figures: &Value) -> Result<String, Failure> {
    let mut table = Table::new(["", "ns over bare", "× portcullis"], 1);
    for row in list(figures, "timings")? {
        let over = row["over_bare"].is_number();
        let nanoseconds = if over {
            number(row, "over_bare", 0)
        } else {
            format!("({})", number(row, "ns", 0))
        };
        table.row([
            text(row, "contender").to_owned(),
            nanoseconds,
            number(row, "ratio", 1),
        ]);
    }
    let mut page = format!(
        "A call with a token at hand, over the same without: a tower client that answers at once, on requests that \
         have two headers already. The bare client stands by itself.\n\n{table}\n"
    );
    for contender in list(figures, "contenders")? {
        let (name, note) = (text(contender, "name"), text(contender, "note"));
        page += &format!("- **{name}**: {note}.\n");
    }
    for one in list(figures, "missing")? {
        let (name, reason) = (text(one, "contender"), text(one, "reason"));
        page += &format!("- **{name}** is not there: {reason}.\n");
    }
    Ok(page)
}

/// Allocations with a token at hand.
pub(super) fn allocations(figures: &Value) -> Result<String, Failure> {
    let mut table = Table::new(["", "allocations over bare", "bytes"], 1);
    for row in list(figures, "allocations")? {
        if row["count_over_bare"].is_number() {
            table.row([
                text(row, "contender").to_owned(),
                number(row, "count_over_bare", 0),
                number(row, "bytes_over_bare", 0),
            ]);
        }
    }
    Ok(format!("Allocations of the same call:\n\n{table}"))
}

/// Without a token, or soon without.
pub(super) fn behaviour(figures: &Value) -> Result<String, Failure> {
    let callers = number(figures, "callers", 0);
    let lifetime = number(figures, "lifetime", 0);
    Ok(format!(
        "{callers} calls at once of a client that has no token yet; and the same with every other caller leaving while \
         the token is fetched, the first of them too:\n\n{}\n\
         A call every 20 ms for two lives of {lifetime} s, the issuer being well. Least left: of the life of a token \
         that was sent, from when it was first seen. Waited: for a renewal.\n\n{}\n\
         An issuer that fails. In each cell: 8 calls while the token at hand lives and is due to be renewed; 100 calls \
         after it has expired; the requests for a token since the outage began; the first call of a client that never \
         had one. *goes on*: sent with the live token; *new token*: with another good one; *error*: not sent, and the \
         caller is told; *hang*: the caller gave up after {} s, one request to the issuer being limited to {} s; \
         *expired*: sent with the expired token; *sends it*: sent with what the issuer answered; *bare*: sent without \
         `Authorization`; *empty*: with one that holds no token.\n\n{}",
        cold(list(figures, "cold")?),
        renewals(list(figures, "renewals")?),
        number(figures, "patience", 1),
        number(figures, "timeout", 1),
        outages(list(figures, "outages")?),
    ))
}

fn cold(rows: &[Value]) -> Table {
    let mut table = Table::new(["", "callers", "left", "sent", "token requests"], 1);
    for row in rows {
        let counts = ["callers", "left", "sent", "requests"].map(|key| number(row, key, 0));
        table.row(
            [text(row, "contender").to_owned()]
                .into_iter()
                .chain(counts),
        );
    }
    table
}

fn renewals(rows: &[Value]) -> Table {
    let headings = [
        "",
        "calls",
        "not sent",
        "least left",
        "expired",
        "waited",
        "token requests",
    ];
    let mut table = Table::new(headings, 1);
    for row in rows {
        let count = |key| number(row, key, 0);
        table.row([
            text(row, "contender").to_owned(),
            count("calls"),
            count("failed"),
            format!("{} s", number(row, "least_left", 1)),
            count("expired"),
            count("waited"),
            count("requests"),
        ]);
    }
    table
}

/// A row for each fault, a column for each contender.
fn outages(rows: &[Value]) -> Table {
    let mut names: Vec<&str> = Vec::new();
    let mut faults: Vec<&str> = Vec::new();
    for row in rows {
        for (known, new) in [
            (&mut names, text(row, "contender")),
            (&mut faults, text(row, "fault")),
        ] {
            if !known.contains(&new) {
                known.push(new);
            }
        }
    }
    let mut table = Table::new(
        [""].into_iter().chain(names.iter().copied()),
        names.len() + 1,
    );
    for fault in faults {
        let cells = names.iter().map(|name| {
            let mut rows = rows.iter();
            let row =
                rows.find(|row| text(row, "fault") == fault && text(row, "contender") == *name);
            row.map_or_else(|| "–".to_owned(), outage)
        });
        table.row([fault.to_owned()].into_iter().chain(cells));
    }
    table
}

/// Longer than that, a call was kept waiting by a renewal.
const AT_ONCE: f64 = 50.0; // ms

fn outage(row: &Value) -> String {
    let mut live = outcomes(&row["live"]);
    if let Some(took) = row["live_ms"].as_f64().filter(|took| *took > AT_ONCE) {
        live += &format!(" (up to {} s)", grouped(took / 1e3, 1));
    }
    let (after, requests) = (outcomes(&row["after"]), number(row, "requests_in_all", 0));
    format!("{live}; {after}; {requests}; {}", text(row, "cold"))
}

/// What became of calls, with numbers where it was not the same of all.
fn outcomes(counts: &Value) -> String {
    let counts: Vec<(&String, &Value)> = counts.as_object().into_iter().flatten().collect();
    match counts[..] {
        [(outcome, _)] => outcome.clone(),
        _ => {
            let counts = counts
                .iter()
                .map(|(outcome, count)| format!("{count} {outcome}"));
            counts.collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_cell_tells_all_of_an_outage() {
        let row = |live: Value, live_ms: f64, after: Value| {
            json!({
                "live": live,
                "live_ms": live_ms,
                "after": after,
                "requests_in_all": 1200,
                "cold": "error",
            })
        };
        let cell = outage(&row(json!({ "goes on": 8 }), 1.5, json!({ "error": 100 })));
        assert_eq!(cell, "goes on; error; 1,200; error");
        let after = json!({ "error": 7, "hang": 93 });
        let cell = outage(&row(json!({ "error": 1, "goes on": 7 }), 512.0, after));
        assert_eq!(
            cell,
            "1 error, 7 goes on (up to 0.5 s); 7 error, 93 hang; 1,200; error"
        );
    }

    #[test]
    fn faults_are_rows_and_contenders_columns() {
        let row = |contender: &str, fault: &str| {
            json!({ "contender": contender, "fault": fault, "live": { "error": 8 }, "live_ms": 1.0,
                    "after": { "error": 100 }, "requests_in_all": 1, "cold": "panic" })
        };
        let table = outages(&[row("one", "down"), row("two", "down"), row("one", "slow")]);
        let table = table.to_string();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(
            lines[0].contains("one") && lines[0].contains("two"),
            "{table}"
        );
        assert!(
            lines[3].starts_with("| slow") && lines[3].contains('–'),
            "{table}"
        );
    }

    #[test]
    fn the_bare_client_stands_by_itself() {
        let figures = json!({
            "timings": [
                { "contender": "bare", "ns": 20.4, "over_bare": null, "ratio": null },
                { "contender": "portcullis", "ns": 60.0, "over_bare": 39.6, "ratio": 1.0 },
            ],
            "contenders": [],
            "missing": [],
        });
        let page = time(&figures).unwrap();
        let table = "| bare       |         (20) |            – |\n";
        assert!(page.contains(table), "{page}");
        let table = "| portcullis |           40 |          1.0 |\n";
        assert!(page.contains(table), "{page}");
    }
}
